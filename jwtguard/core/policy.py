"""What this resource server accepts. A policy that exists is a valid one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from .jwk import parse_given
from .origins import Network, is_loopback_host, serialized
from .paths import ScopeRule, covers, pattern_problem
from .profiles import PROFILES, Profile

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""RFC 7518 section 3.1 and RFC 9864; asymmetric only."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
UNCHECKED = "unchecked"
KIDLESS = ("one", "try", "never")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REALM = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


class _Problems(list[str]):
    """Collects what is wrong, so that it can be told all at once."""

    def check(self, good: bool, problem: str) -> None:
        if not good:
            self.append(problem)

    def done(self) -> None:
        if self:
            raise ConfigurationError(*self)


def _names(value: Any, what: str, problems: _Problems) -> tuple[str, ...]:
    """Read one string, or several: neither empty ones nor other types."""
    listed = (value,) if isinstance(value, str) else value
    if not isinstance(listed, Iterable) or isinstance(listed, bytes | Mapping):
        problems.append(f"{what}: a list of strings is needed, not {value!r}")
        return ()
    found = tuple(listed)
    for item in found:
        if not isinstance(item, str) or not item:
            problems.append(f"{what}: {item!r} is no name")
    return tuple(item for item in found if isinstance(item, str) and item)


def _set(owner: object, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(owner, name, value)


def _number(problems: _Problems, what: str, value: object, least: float) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not least <= value < 1e12:  # type: ignore[operator]
        problems.append(f"{what}: {value!r} is no number of at least {least:g}")


def fetchable(url: str, http_hosts: Collection[str]) -> bool:
    """RFC 8414 section 3: https; plain http on loopback or where it was allowed."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    plain = is_loopback_host(parts.netloc) or host in http_hosts
    return parts.scheme == "https" or (parts.scheme == "http" and plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A browser application or batch job, and the origins it is served from.

    ``max_age`` is in seconds. Raises ``ConfigurationError`` with every problem.
    """

    id: str
    issuer: str | None = None
    origins: Collection[str] = frozenset()
    refresh: bool = False
    methods: Collection[str] = METHODS
    headers: Collection[str] = ()
    credentials: bool = False
    max_age: int = 600

    def __post_init__(self) -> None:
        problems = _Problems()
        problems.check(isinstance(self.id, str) and bool(self.id), "client: empty id")
        what = f"client {self.id}"
        problems.check(self.issuer != "", f"{what}: issuer: an empty name")
        origins = _names(self.origins, f"{what}: origins", problems)
        for origin in origins:
            if serialized(origin) != origin:
                problems.append(_origin_problem(what, origin))
        methods = _names(self.methods, f"{what}: methods", problems)
        for method in methods:
            good = _TOKEN.fullmatch(method) is not None and method == method.upper()
            problems.check(good, f"{what}: {method!r} is no method, like GET")
        headers = _names(self.headers, f"{what}: headers", problems)
        for header in headers:
            good = _TOKEN.fullmatch(header) is not None and header != "*"
            problems.check(good, f"{what}: {header!r} is no header name")
        for name in ("refresh", "credentials"):
            good = isinstance(getattr(self, name), bool)
            problems.check(good, f"{what}: {name} is true or false")
        _number(problems, f"{what}: max_age", self.max_age, 0)
        problems.done()
        heads = ("HEAD",) if "GET" in methods and "HEAD" not in methods else ()
        _set(
            self,
            origins=frozenset(origins),
            methods=tuple(dict.fromkeys(methods + heads)),
            headers=tuple(dict.fromkeys(headers)),
        )


def _origin_problem(what: str, origin: str) -> str:
    right = serialized(origin.rstrip("/")) if origin not in ("*", "null") else None
    hint = f"; write {right}" if right else ", like https://www.example.com"
    return f"{what}: {origin!r} is no origin{hint}"


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

    def __post_init__(self) -> None:
        problems = _Problems()
        good = isinstance(self.url, str) and bool(self.url)
        problems.check(good, "issuer: an empty name")
        what = f"issuer {self.url}"
        if isinstance(self.profile, str) and self.profile not in PROFILES:
            problems.append(
                f"{what}: profile: {self.profile!r} is none of {' '.join(PROFILES)}"
            )
        for name in ("discovery_url", "jwks_url", "keys", "subject_claim"):
            if getattr(self, name) == "":
                problems.append(f"{what}: {name}: empty")
        sources = (self.jwks_url, self.discovery_url, self.keys)
        problems.check(
            sum(source is not None for source in sources) <= 1,
            f"{what}: one of jwks_url, discovery_url and keys, not several",
        )
        self._tidy(what, problems)
        if self.keys is not None and self.keys != "":
            try:
                parse_given(self.keys)
            except (TypeError, ValueError) as error:
                problems.append(f"{what}: keys: {error}")
        if self.kidless not in (None, *KIDLESS):
            problems.append(f"{what}: kidless: {self.kidless!r} is not one, try, never")
        if self.max_lifetime is not None:
            _number(problems, f"{what}: max_lifetime", self.max_lifetime, 1)
        problems.done()
        problems.check(
            "iss" in self.rules.require or self.keys is not None,
            f"{what}: tokens without iss need keys given directly",
        )
        problems.done()

    def _tidy(self, what: str, problems: _Problems) -> None:
        if self.audience is not None:
            _set(self, audience=audience_of(self.audience, what, problems))
        if self.algorithms is not None:
            _set(self, algorithms=algorithms_of(self.algorithms, what, problems))
        listed = ("header_types", "client_claims", "scope_claims", "role_claims")
        for name in (*listed, "require"):
            value = getattr(self, name)
            if value is None:
                continue
            if name == "header_types" and isinstance(value, Collection):
                several = (value,) if isinstance(value, str) else value
                value = ["absent" if item == "" else item for item in several]
            names: Collection[str] = _names(value, f"{what}: {name}", problems)
            if name == "header_types":
                types = (item.lower() for item in names)
                names = frozenset("" if item == "absent" else item for item in types)
            _set(self, **{name: names})
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


def audience_of(
    value: Any, what: str, problems: _Problems
) -> frozenset[str] | Literal["unchecked"]:
    """Read accepted audiences: names, or the word ``unchecked`` alone."""
    names = _names(value, f"{what}: audience", problems)
    if names == (UNCHECKED,):
        return "unchecked"
    problems.check(bool(names), f"{what}: audience: at least one is needed")
    problems.check(
        UNCHECKED not in names, f"{what}: audience: `unchecked` stands alone"
    )
    return frozenset(names)


def algorithms_of(value: Any, what: str, problems: _Problems) -> frozenset[str]:
    """Read accepted ``alg`` values."""
    names = _names(value, f"{what}: algorithms", problems)
    problems.check(bool(names), f"{what}: algorithms: at least one is needed")
    for name in names:
        known = f"{what}: algorithms: {name!r} is none of {' '.join(ALGORITHMS)}"
        problems.check(name in ALGORITHMS, known)
    return frozenset(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything the guard enforces. The names are those of the settings.

    Times are in seconds, sizes in bytes. Raises ``ConfigurationError`` with every
    problem, never one at a time.
    """

    issuers: Collection[TrustedIssuer]
    audience: Collection[str] | Literal["unchecked"] | None = None
    algorithms: Collection[str] = frozenset(ALGORITHMS)
    leeway: float = 30
    clients: Collection[Client] = ()
    clients_only: bool = False
    origins_claim: str | None = None
    public_paths: Collection[str] = ()
    optional_paths: Collection[str] = ()
    scopes: Collection[ScopeRule] = ()
    token_paths: Collection[str] = ()
    revocation_paths: Collection[str] = ()
    max_body_bytes: int = 65536
    relay_url: str | None = None
    relay_client_secret: str | None = field(default=None, repr=False)
    relay_limit: str = "5/minute"
    relay_limit_storage: str = field(default="memory://", repr=False)
    cookie: str | None = None
    public_url: Collection[str] = frozenset()
    require_https: bool = True
    trusted_proxies: Collection[str] = ()
    realm: str = "api"
    http_hosts: Collection[str] = frozenset()
    keys_max_age: float = 600
    keys_stale_for: float = 86400
    keys_cooldown: float = 10
    token_cache: int = 4096
    max_token_bytes: int = 16384
    proxies: Collection[Network | str] = field(init=False, repr=False, default=())
    """``trusted_proxies``, parsed."""

    def __post_init__(self) -> None:
        problems = _Problems()
        self._tidy(problems)
        problems.done()
        self._check_issuers(problems)
        self._check_clients(problems)
        self._check_paths(problems)
        self._check_values(problems)
        problems.done()

    def _tidy(self, problems: _Problems) -> None:
        for name in ("issuers", "clients", "scopes"):
            value = getattr(self, name)
            kind = {"issuers": TrustedIssuer, "clients": Client, "scopes": ScopeRule}
            if isinstance(value, str | bytes | Mapping) or not isinstance(
                value, Iterable
            ):
                problems.append(f"{name}: a list is needed, not {value!r}")
                continue
            found = tuple(value)
            for item in found:
                good = isinstance(item, kind[name])
                problems.check(good, f"{name}: {item!r} is no {kind[name].__name__}")
            _set(self, **{name: found})
        if self.audience is not None:
            _set(self, audience=audience_of(self.audience, "policy", problems))
        _set(self, algorithms=algorithms_of(self.algorithms, "policy", problems))
        for name in (
            "public_paths", "optional_paths", "token_paths", "revocation_paths",
            "trusted_proxies",
        ):  # fmt: skip
            _set(self, **{name: _names(getattr(self, name), name, problems)})
        hosts = _names(self.http_hosts, "http_hosts", problems)
        _set(self, http_hosts=frozenset(host.lower() for host in hosts))
        _set(
            self,
            public_url=frozenset(_names(self.public_url, "public_url", problems)),
            proxies=tuple(self._networks(problems)),
        )

    def _networks(self, problems: _Problems) -> Iterable[Network | str]:
        for text in self.trusted_proxies:
            if text == "unix":
                yield text
                continue
            try:
                yield ipaddress.ip_network(text)
            except ValueError:
                problems.append(
                    f"trusted_proxies: {text!r} is no address, network like 10.0.0.0/8,"
                    " or unix"
                )

    def _check_issuers(self, problems: _Problems) -> None:
        problems.check(bool(self.issuers), "issuers: at least one is needed")
        urls = [issuer.url for issuer in self.issuers]
        problems.check(len(set(urls)) == len(urls), "issuers: one is listed twice")
        nameless = [i for i in self.issuers if "iss" not in i.rules.require]
        problems.check(
            len(nameless) <= 1, "issuers: only one may make tokens without iss"
        )
        for issuer in self.issuers:
            if issuer.audience is None and self.audience is None:
                problems.append(
                    f"issuer {issuer.url}: audience: name this API, or write unchecked"
                )
            if issuer.keys is not None:
                continue
            for name in ("jwks_url", "discovery_url"):
                url = getattr(issuer, name)
                if url is not None and not fetchable(url, self.http_hosts):
                    problems.append(_url_problem(f"issuer {issuer.url}: {name}", url))
            explicit = issuer.jwks_url or issuer.discovery_url
            if not explicit and not fetchable(issuer.url, self.http_hosts):
                problems.append(_url_problem("issuer", issuer.url))

    def _check_clients(self, problems: _Problems) -> None:
        urls = [issuer.url for issuer in self.issuers]
        seen: set[tuple[str, str]] = set()
        for client in self.clients:
            what = f"clients: {client.id}"
            if client.issuer is None and len(urls) > 1:
                problems.append(f"{what}: issuer: needed, as there are several")
            if client.issuer is not None and client.issuer not in urls:
                problems.append(f"{what}: issuer: {client.issuer!r} is not trusted")
            key = (client.issuer or (urls[0] if urls else ""), client.id)
            problems.check(key not in seen, f"{what}: listed twice")
            seen.add(key)
            if self.require_https:
                self._check_http_origins(what, client, problems)

    @staticmethod
    def _check_http_origins(what: str, client: Client, problems: _Problems) -> None:
        for origin in client.origins:
            host = origin.removeprefix("http://")
            if host != origin and not is_loopback_host(host):
                problems.append(
                    f"{what}: {origin!r}: http origins are for loopback only; use https"
                )

    def _check_paths(self, problems: _Problems) -> None:
        demands = (*self.token_paths, *self.revocation_paths)
        gives = (*self.public_paths, *self.optional_paths)
        names = ("token_paths", "revocation_paths", "public_paths", "optional_paths")
        named = [(name, pattern) for name in names for pattern in getattr(self, name)]
        for name, pattern in (*named, *(("scopes", rule.path) for rule in self.scopes)):
            problem = pattern_problem(pattern)
            if problem:
                problems.append(f"{name}: {problem}")
        for give in gives:
            for demand in demands:
                if covers(give, demand):
                    problems.append(
                        f"public_paths: {give!r} opens token path {demand!r}"
                    )
        both = {p.casefold() for p in self.token_paths} & {
            p.casefold() for p in self.revocation_paths
        }
        for path in both:
            problems.append(f"token_paths: {path!r} is a revocation path too")

    def _check_values(self, problems: _Problems) -> None:
        for name in ("leeway", "keys_cooldown", "token_cache", "keys_stale_for"):
            _number(problems, name, getattr(self, name), 0)
        for name in ("keys_max_age", "max_body_bytes", "max_token_bytes"):
            _number(problems, name, getattr(self, name), 1)
        for name in ("clients_only", "require_https"):
            problems.check(
                isinstance(getattr(self, name), bool), f"{name}: true or false"
            )
        good = isinstance(self.realm, str) and _REALM.fullmatch(self.realm)
        problems.check(bool(good), f"realm: {self.realm!r} cannot be quoted")
        if self.cookie is not None and not _TOKEN.fullmatch(self.cookie):
            problems.append(f"cookie: {self.cookie!r} is no cookie name")
        problems.check(self.origins_claim != "", "origins_claim: empty")
        for url in self.public_url:
            if serialized(url) != url:
                problems.append(_origin_problem("public_url", url))
        if self.relay_url is not None and not fetchable(
            self.relay_url, self.http_hosts
        ):
            problems.append(_url_problem("relay_url", self.relay_url))


def _url_problem(what: str, url: str) -> str:
    return (
        f"{what}: {url!r} is no https URL; plain http is for loopback and for hosts "
        "named in JWTGUARD_HTTP_HOSTS"
    )
