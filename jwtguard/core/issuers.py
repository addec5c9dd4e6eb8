"""An issuer whose tokens count, and the ways in which issuers really differ."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from .jwk import parse_given
from .profiles import PROFILES, Profile
from .values import (
    Problems,
    check_number,
    json_problem,
    names_of,
    put,
    without_user,
)

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""RFC 7518 section 3.1 and RFC 9864; asymmetric only."""

UNCHECKED = "unchecked"
KIDLESS = ("one", "try", "never")
_ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer whose tokens count, and the ways in which it differs from others.

    What is None comes from the profile, or from the policy. ``max_lifetime`` is in
    seconds. ``keys`` is a JWK set (JSON text or a mapping) or PEM text.
    Raises ``ConfigurationError`` with every problem.
    """

    url: str
    profile: str | Profile = "generic"
    audience: Collection[str] | Literal["unchecked"] | None = None
    discovery_url: str | None = None
    jwks_url: str | None = None
    keys: str | Mapping[str, Any] | None = field(default=None, repr=False)
    algorithms: Collection[str] | None = None
    header_types: Collection[str] | None = None
    expect: Mapping[str, str] | None = None
    client_claims: Collection[str] | None = None
    scope_claims: Collection[str] | None = None
    role_claims: Collection[str] | None = None
    subject_claim: str | None = None
    require: Collection[str] | None = None
    kidless: str | None = None
    max_lifetime: float | None = None
    relay_url: str | None = None
    relay_revocation_url: str | None = None
    relay_client_secret: str | None = field(default=None, repr=False)
    relay_auth: str | None = None

    def __post_init__(self) -> None:
        problems = Problems()
        good = isinstance(self.url, str) and bool(self.url)
        problems.check(good, "issuer: an empty name")
        what = f"issuer {without_user(self.url)}"
        if good:
            problems += _name_problems(what, self.url)
        known = isinstance(self.profile, Profile) or self.profile in tuple(PROFILES)
        problems.check(
            known, f"{what}: profile: {self.profile!r} is none of {' '.join(PROFILES)}"
        )
        for name in (
            "discovery_url", "jwks_url", "subject_claim", "relay_url",
            "relay_revocation_url",
        ):  # fmt: skip
            value = getattr(self, name)
            good = value is None or (isinstance(value, str) and bool(value))
            problems.check(good, f"{what}: {name}: {value!r}: a text is needed")
        problems.check(
            self.jwks_url is None or self.keys is None,
            f"{what}: keys: given directly, so nothing is fetched from jwks_url; "
            "keep one",
        )
        self._tidy(what, problems)
        if self.keys is not None:
            try:
                parse_given(self.keys)
            except (TypeError, ValueError) as error:
                problems.append(f"{what}: keys: {error}")
        if self.kidless not in (None, *KIDLESS):
            problems.append(f"{what}: kidless: {self.kidless!r} is not one, try, never")
        check_relay(problems, f"{what}: ", self.relay_client_secret, self.relay_auth)
        if self.max_lifetime is not None:
            check_number(problems, f"{what}: max_lifetime", self.max_lifetime, 1)
        if known and self.keys is None and "iss" not in self.rules.require:
            problems.append(
                f"{what}: require: without iss in it, keys have to be given directly"
            )
        problems.done()

    def _tidy(self, what: str, problems: Problems) -> None:
        if self.audience is not None:
            put(
                self, audience=audience_of(self.audience, f"{what}: audience", problems)
            )
        if self.algorithms is not None:
            algorithms = algorithms_of(self.algorithms, f"{what}: algorithms", problems)
            put(self, algorithms=algorithms)
        listed = ("header_types", "client_claims", "scope_claims", "role_claims")
        for name in (*listed, "require"):
            value = getattr(self, name)
            if value is None:
                continue
            if name == "header_types" and isinstance(value, Collection):
                several = (value,) if isinstance(value, str) else value
                value = [_ABSENT if item == "" else item for item in several]
            names: Collection[str] = names_of(value, f"{what}: {name}", problems)
            if name == "header_types":
                types = (item.lower() for item in names)
                names = frozenset("" if item == _ABSENT else item for item in types)
            put(self, **{name: names})
        if self.expect is not None and not (
            isinstance(self.expect, Mapping)
            and all(
                isinstance(k, str) and isinstance(v, str)
                for k, v in self.expect.items()
            )
        ):
            problems.append(f"{what}: expect: a table of claim = text is needed")

    @property
    def rules(self) -> Profile:
        """The profile, with what was set here in its place."""
        profile = self.profile
        base = PROFILES[profile] if isinstance(profile, str) else profile
        shared = {f.name for f in fields(Profile)} & {f.name for f in fields(self)}
        own = {name: getattr(self, name) for name in shared}
        return replace(base, **{k: v for k, v in own.items() if v is not None})


def _name_problems(what: str, url: str) -> Iterator[str]:
    """Say what to write in place of JSON, quotes, or the URL of a document."""
    if problem := json_problem(url):
        yield f"{what}: {problem}"
    base, found, document = url.partition("/.well-known/")
    if found:
        path = document.partition("/")[2]
        yield (
            f"{what}: this is the URL of a metadata document, not the issuer's name; "
            f"write {without_user(base + (f'/{path}' if path else ''))}, and check it "
            "against `issuer` in the document"
        )


RELAY_AUTH = ("basic", "post")
"""RFC 6749 section 2.3.1: how a client secret is sent."""


def check_relay(problems: Problems, what: str, secret: Any, auth: Any) -> None:
    """Check the relay's client secret and how it is sent; the secret is not shown."""
    good = secret is None or (isinstance(secret, str) and bool(secret))
    problems.check(good, f"{what}relay_client_secret: must be a non-empty string")
    known = f"{what}relay_auth: {auth!r} is not valid; write basic or post"
    problems.check(auth is None or auth in RELAY_AUTH, known)


def audience_of(
    value: Any, what: str, problems: Problems
) -> frozenset[str] | Literal["unchecked"]:
    """Read accepted audiences: names, or the word ``unchecked`` alone."""
    names = _some(value, what, problems)
    if names == (UNCHECKED,):
        return "unchecked"
    problems.check(UNCHECKED not in names, f"{what}: `unchecked` stands alone")
    return frozenset(names)


def algorithms_of(value: Any, what: str, problems: Problems) -> frozenset[str]:
    """Read accepted ``alg`` values."""
    names = _some(value, what, problems)
    for name in names:
        known = f"{what}: {name!r} is none of {' '.join(ALGORITHMS)}"
        problems.check(name in ALGORITHMS, known)
    return frozenset(names)


def _some(value: Any, what: str, problems: Problems) -> tuple[str, ...]:
    before = len(problems)
    names = names_of(value, what, problems)
    problems.check(
        bool(names) or len(problems) > before, f"{what}: at least one is needed"
    )
    return names
