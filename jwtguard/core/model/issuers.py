"""A trusted issuer, and the settings in which issuers differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from .introspection import check_introspection, introspection_strings
from .issuer_fields import IssuerFields
from .issuer_values import check_authorization, check_choices, check_mark
from .jwk_set import parse_given
from .profiles import PROFILES, Profile
from .tenants import ANY, check_template, template_of, tenants_of
from .url_values import without_user
from .validation import (
    NOT_EMPTY,
    Problems,
    Where,
    check_number,
    json_problem,
    set_frozen,
    strings,
)

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""RFC 7518 section 3.1 and RFC 9864; asymmetric only."""

UNCHECKED = "unchecked"
_ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer(IssuerFields):
    """A trusted issuer, and the settings in which it differs from others.

    What is None comes from the profile, or from the policy. ``keys`` is a JWK set (JSON
    text or a mapping) or PEM text. What is a tuple or a frozen set here may be given as
    one string or any iterable of strings. URLs are https; plain http is accepted for
    loopback, and for the hosts in ``Policy.http_hosts``. Raises ``ConfigurationError``
    with every problem.
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            url: str,
            profile: str | Profile = "generic",
            audience: Iterable[str] | Literal["unchecked"] | None = None,
            discovery_url: str | None = None,
            jwks_url: str | None = None,
            keys: str | Mapping[str, Any] | None = None,
            keys_authorization: str | None = None,
            algorithms: Iterable[str] | None = None,
            header_types: Iterable[str] | None = None,
            expect: Mapping[str, str] | None = None,
            client_claims: Iterable[str] | None = None,
            scope_claims: Iterable[str] | None = None,
            role_claims: Iterable[str] | None = None,
            subject_claim: str | None = None,
            require: Iterable[str] | None = None,
            kidless: str | None = None,
            mark: Mapping[str, str | int | bool] | Literal["none"] | None = None,
            roles_from: str | None = None,
            logout: str | None = None,
            max_lifetime: float | None = None,
            relay_url: str | None = None,
            relay_revocation_url: str | None = None,
            relay_client_secret: str | None = None,
            relay_auth: str | None = None,
            introspect: str = "never",
            introspect_url: str | None = None,
            introspect_client_id: str | None = None,
            introspect_client_secret: str | None = None,
            introspect_auth: str | None = None,
            introspect_key: str | None = None,
            introspect_ttl: float = 30,
            introspect_timeout: float = 2,
            introspect_paths: Iterable[str] = (),
            introspect_outage: str = "refuse",
            opaque_prefix: Iterable[str] = (),
            tenants: Iterable[str] | Literal["any"] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        problems = Problems()
        good = isinstance(self.url, str) and self.url
        where = ("issuers", without_user(self.url) if good else "")
        problems.check(good, where, NOT_EMPTY)
        if good:
            _check_name(problems, where, self.url)
            self._check_tenants(where, problems)
        known = isinstance(self.profile, Profile) or self.profile in tuple(PROFILES)
        problems.check(
            known,
            (*where, "profile"),
            f"{self.profile!r} is not valid; expected one of {' '.join(PROFILES)}",
        )
        for name in (
            "discovery_url", "jwks_url", "subject_claim", "relay_url",
            "relay_revocation_url",
        ):  # fmt: skip
            problems.check_text((*where, name), getattr(self, name))
        self._settle(where, problems)
        self._check_keys(where, problems)
        check_relay(problems, where, self.relay_client_secret, self.relay_auth)
        check_choices(problems, where, self)
        check_mark(problems, where, self.mark)
        check_authorization(problems, where, self.keys_authorization)
        check_introspection(problems, where, self)
        if self.max_lifetime is not None:
            check_number(problems, (*where, "max_lifetime"), self.max_lifetime, 1)
        # Whose keys should be fetched for a token that does not name its issuer?
        given = self.keys is not None and self.tenants is None
        if known and not given and "iss" not in self.rules.require:
            text = "without iss in it, keys have to be given directly"
            text = (
                text if self.tenants is None else "iss is needed: it names the tenant"
            )
            problems.add((*where, "require"), text)
        problems.raise_if_any()

    def _check_tenants(self, where: Where, problems: Problems) -> None:
        if self.tenants is not None:
            before = len(problems)
            tenants = tenants_of(self.tenants, (*where, "tenants"), problems)
            wrong = len(problems) > before  # what is told already is not missing too
            set_frozen(self, tenants=ANY if wrong else tenants)
        names = ("discovery_url", "relay_url", "relay_revocation_url")
        named = {name: getattr(self, name) for name in names}
        asked = self.introspect != "never" or self.introspect_paths
        named["introspect"] = "asked" if asked else None
        check_template(problems, where, self.url, self.tenants, named)

    def _check_keys(self, where: Where, problems: Problems) -> None:
        if self.keys is None:
            return
        where = (*where, "keys")
        text = "given directly, so nothing is fetched from jwks_url; keep one"
        problems.check(self.jwks_url is None, where, text)
        try:
            parse_given(self.keys)
        except (TypeError, ValueError) as error:
            problems.add(where, str(error))

    def _settle(self, where: Where, problems: Problems) -> None:
        """Check what may be given in several ways, and keep it in one."""
        for name, read in (("audience", audience_of), ("algorithms", algorithms_of)):
            value = getattr(self, name)
            if value is not None:
                set_frozen(self, **{name: read(value, (*where, name), problems)})
        listed = ("header_types", "client_claims", "scope_claims", "role_claims")
        for name in (*listed, "require"):
            value = getattr(self, name)
            if value is None:
                continue
            if name == "header_types" and isinstance(value, Collection):
                several = (value,) if isinstance(value, str) else value
                # The empty string stands for an absent header inside, and must not be
                # refused as an empty name.
                value = [_ABSENT if item == "" else item for item in several]
            names: Collection[str] = strings(value, (*where, name), problems)
            if name == "header_types":
                types = (item.lower() for item in names)
                names = frozenset("" if item == _ABSENT else item for item in types)
            set_frozen(self, **{name: names})
        set_frozen(self, **introspection_strings(problems, where, self))
        if self.expect is not None and not (
            isinstance(self.expect, Mapping)
            and all(
                isinstance(k, str) and isinstance(v, str)
                for k, v in self.expect.items()
            )
        ):
            problems.add((*where, "expect"), "must be a table of claim = string")

    def tenant_of(self, issuer: str) -> str | None:
        """Return the accepted tenant that ``iss`` names, or None."""
        if self.tenants is None:
            return None
        template = template_of(self.url)
        tenant = template.tenant_of(issuer) if template else None
        return tenant if self.tenants == ANY or tenant in self.tenants else None

    def for_tenant(self, tenant: str) -> TrustedIssuer:
        """Return the issuer of one tenant: the placeholder is filled in everywhere."""
        template = template_of(self.url)
        if template is None:
            raise ValueError("not an issuer with tenants")
        changes: dict[str, Any] = {
            name: value and template.filled(value, tenant)
            for name in ("url", "discovery_url", "jwks_url")
            if (value := getattr(self, name)) is not None
        }
        # Entra names the tenant twice, and has one key set for all of them.
        own = {**(self.expect or {}), "tid": tenant}
        expect = own if self.rules.name == "entra" else self.expect
        return replace(self, **changes, expect=expect, tenants=None)

    @property
    def rules(self) -> Profile:
        """The profile, with what was set here in its place."""
        profile = self.profile
        base = PROFILES[profile] if isinstance(profile, str) else profile
        shared = {f.name for f in fields(Profile)} & {f.name for f in fields(self)}
        own = {name: getattr(self, name) for name in shared}
        return replace(base, **{k: v for k, v in own.items() if v is not None})


def _check_name(problems: Problems, where: Where, url: str) -> None:
    """Say what to write in place of JSON, quotes, or the URL of a document."""
    if problem := json_problem(url):
        problems.add(where, problem)
    # The URL that people have at hand is that of the document; `iss` never equals it.
    base, found, document = url.partition("/.well-known/")
    if found:
        path = document.partition("/")[2]
        problems.add(
            where,
            "this is the URL of a metadata document, not the issuer's name; write "
            f"{without_user(base + (f'/{path}' if path else ''))}, and check it "
            "against `issuer` in the document",
        )


RELAY_AUTH = ("basic", "post")
"""RFC 6749 section 2.3.1: how a client secret is sent."""


def check_relay(problems: Problems, where: Where, secret: Any, auth: Any) -> None:
    """Check the relay's client secret and how it is sent; the secret is not shown."""
    good = secret is None or (isinstance(secret, str) and secret)
    problems.check(good, (*where, "relay_client_secret"), NOT_EMPTY)
    known = auth is None or auth in RELAY_AUTH
    text = f"{auth!r} is not valid; write basic or post"
    problems.check(known, (*where, "relay_auth"), text)


def audience_of(
    value: Any, where: Where, problems: Problems
) -> frozenset[str] | Literal["unchecked"]:
    """Read accepted audiences: names, or the single value ``unchecked``."""
    names = _some(value, where, problems)
    if names == (UNCHECKED,):
        return "unchecked"
    text = "`unchecked` must be the only value"
    problems.check(UNCHECKED not in names, where, text)
    text = "'*': audiences are compared exactly; name this API, or write `unchecked`"
    problems.check("*" not in names, where, text)
    return frozenset(names)


def algorithms_of(value: Any, where: Where, problems: Problems) -> frozenset[str]:
    """Read accepted ``alg`` values."""
    names = _some(value, where, problems)
    for name in names:
        text = f"{name!r} is not valid; expected one of {' '.join(ALGORITHMS)}"
        problems.check(name in ALGORITHMS, where, text)
    return frozenset(names)


def _some(value: Any, where: Where, problems: Problems) -> tuple[str, ...]:
    before = len(problems)
    names = strings(value, where, problems)
    good = names or len(problems) > before
    problems.check(good, where, "at least one is needed")
    return names
