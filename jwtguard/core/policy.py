"""What this resource server accepts. A policy that exists is a valid one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .issuers import (
    ALGORITHMS,
    TrustedIssuer,
    algorithms_of,
    audience_of,
    check_relay,
)
from .origins import Network, is_plain, serialized
from .paths import ScopeRule, covers, pattern_problem
from .values import (
    HOST,
    TOKEN,
    Problems,
    check_number,
    fetchable,
    json_problem,
    names_of,
    origin_problem,
    put,
    url_problem,
    without_user,
)

OF_RELAY = ("relay_url", "relay_revocation_url", "relay_client_secret", "relay_auth")
"""What the relay uses for one issuer: here if it is the only one, else in its own."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_REALM = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


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
        problems = Problems()
        known = isinstance(self.id, str) and bool(self.id)
        problems.check(known, "client: empty id")
        what = f"client {self.id}"
        if known and (problem := json_problem(self.id)):
            problems.append(f"{what}: {problem}")
        named = self.issuer is None or (isinstance(self.issuer, str) and self.issuer)
        problems.check(bool(named), f"{what}: issuer: {self.issuer!r} is no name")
        origins = names_of(self.origins, f"{what}: origins", problems)
        for origin in origins:
            if serialized(origin) != origin:
                problems.append(origin_problem(what, origin))
        methods = names_of(self.methods, f"{what}: methods", problems)
        for method in methods:
            good = TOKEN.fullmatch(method) is not None and method == method.upper()
            problems.check(good, f"{what}: {method!r} is no method, like GET")
        headers = names_of(self.headers, f"{what}: headers", problems)
        for header in headers:
            good = TOKEN.fullmatch(header) is not None and header != "*"
            problems.check(good, f"{what}: {header!r} is no header name")
        for name in ("refresh", "credentials"):
            good = isinstance(getattr(self, name), bool)
            problems.check(good, f"{what}: {name} is true or false")
        check_number(problems, f"{what}: max_age", self.max_age, 0, whole=True)
        problems.done()
        heads = ("HEAD",) if "GET" in methods else ()
        put(
            self,
            origins=frozenset(origins),
            methods=tuple(dict.fromkeys(methods + heads)),
            headers=tuple(dict.fromkeys(headers)),
        )


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
    relay_revocation_url: str | None = None
    relay_auth: str | None = None
    relay_timeout: float = 10
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
        problems = Problems()
        self._tidy(problems)
        self._check_issuers(problems)
        self._check_clients(problems)
        self._check_paths(problems)
        self._check_values(problems)
        problems.done()

    def _tidy(self, problems: Problems) -> None:
        for name in ("issuers", "clients", "scopes"):
            value = getattr(self, name)
            kind = {"issuers": TrustedIssuer, "clients": Client, "scopes": ScopeRule}
            if isinstance(value, str | bytes | Mapping) or not isinstance(
                value, Iterable
            ):
                problems.append(f"{name}: a list is needed, not {value!r}")
                value = ()
            found = tuple(value)
            for item in found:
                good = isinstance(item, kind[name])
                problems.check(good, f"{name}: {item!r} is no {kind[name].__name__}")
            put(self, **{name: tuple(i for i in found if isinstance(i, kind[name]))})
        problems.check(
            bool(self.issuers) or bool(problems), "issuers: at least one is needed"
        )
        if self.audience is not None:
            put(self, audience=audience_of(self.audience, "audience", problems))
        put(self, algorithms=algorithms_of(self.algorithms, "algorithms", problems))
        for name in (
            "public_paths", "optional_paths", "token_paths", "revocation_paths",
            "trusted_proxies",
        ):  # fmt: skip
            put(self, **{name: names_of(getattr(self, name), name, problems)})
        hosts = names_of(self.http_hosts, "http_hosts", problems)
        for host in hosts:
            if not HOST.fullmatch(host):
                problems.append(
                    f"http_hosts: {host!r} is no host name, like keycloak: neither "
                    "scheme nor port"
                )
        put(self, http_hosts=frozenset(host.lower() for host in hosts))
        put(
            self,
            public_url=frozenset(names_of(self.public_url, "public_url", problems)),
            proxies=tuple(self._networks(problems)),
        )

    def _networks(self, problems: Problems) -> Iterable[Network | str]:
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

    def _check_issuers(self, problems: Problems) -> None:
        urls = [issuer.url for issuer in self.issuers]
        problems.check(len(set(urls)) == len(urls), "issuers: one is listed twice")
        nameless = [i for i in self.issuers if "iss" not in i.rules.require]
        problems.check(
            len(nameless) <= 1, "issuers: only one may make tokens without iss"
        )
        for issuer in self.issuers:
            what = f"issuer {without_user(issuer.url)}"
            if issuer.audience is None and self.audience is None:
                problems.append(f"{what}: audience: name this API, or write unchecked")
            if issuer.keys is not None:
                continue
            for name in ("jwks_url", "discovery_url"):
                url = getattr(issuer, name)
                if url is not None and not fetchable(url, self.http_hosts):
                    problems.append(url_problem(f"{what}: {name}", url))
            explicit = issuer.jwks_url or issuer.discovery_url
            if not explicit and not fetchable(issuer.url, self.http_hosts):
                problems.append(url_problem("issuer", issuer.url))

    def _check_clients(self, problems: Problems) -> None:
        urls = [issuer.url for issuer in self.issuers]
        first = next(iter(urls), None)
        seen: set[tuple[str | None, str]] = set()
        for client in self.clients:
            what = f"clients: {client.id}"
            if client.issuer is None and len(urls) > 1:
                problems.append(f"{what}: issuer: needed, as there are several")
            if client.issuer is not None and client.issuer not in urls:
                problems.append(f"{what}: issuer: {client.issuer!r} is not trusted")
            key = (client.issuer or first, client.id)
            problems.check(key not in seen, f"{what}: listed twice")
            seen.add(key)
            if self.require_https:
                self._check_http_origins(what, client, problems)

    @staticmethod
    def _check_http_origins(what: str, client: Client, problems: Problems) -> None:
        for origin in client.origins:
            if is_plain(origin):
                problems.append(
                    f"{what}: {origin!r}: http origins are for loopback only; use https"
                )

    def _check_paths(self, problems: Problems) -> None:
        demands = (*self.token_paths, *self.revocation_paths)
        names = ("token_paths", "revocation_paths", "public_paths", "optional_paths")
        named = [(name, pattern) for name in names for pattern in getattr(self, name)]
        for name, pattern in (*named, *(("scopes", rule.path) for rule in self.scopes)):
            problem = pattern_problem(pattern)
            if problem:
                problems.append(f"{name}: {problem}")
        for name, give in named:
            for demand in demands if name in ("public_paths", "optional_paths") else ():
                if covers(give, demand):
                    problems.append(f"{name}: {give!r} opens token path {demand!r}")
        both = {p.casefold() for p in self.token_paths} & {
            p.casefold() for p in self.revocation_paths
        }
        for path in both:
            problems.append(f"token_paths: {path!r} is a revocation path too")

    def _check_values(self, problems: Problems) -> None:
        for name in ("leeway", "keys_cooldown", "keys_stale_for"):
            check_number(problems, name, getattr(self, name), 0)
        check_number(problems, "keys_max_age", self.keys_max_age, 1)
        check_number(problems, "token_cache", self.token_cache, 0, whole=True)
        for name in ("max_body_bytes", "max_token_bytes"):
            check_number(problems, name, getattr(self, name), 1, whole=True)
        for name in ("clients_only", "require_https"):
            problems.check(
                isinstance(getattr(self, name), bool), f"{name}: true or false"
            )
        good = isinstance(self.realm, str) and _REALM.fullmatch(self.realm)
        problems.check(bool(good), f"realm: {self.realm!r} cannot be quoted")
        cookie = self.cookie
        if cookie is not None and not (
            isinstance(cookie, str) and TOKEN.fullmatch(cookie)
        ):
            problems.append(f"cookie: {cookie!r} is no cookie name")
        claim = self.origins_claim
        if claim is not None and not (isinstance(claim, str) and claim):
            problems.append(f"origins_claim: {claim!r} is no claim name")
        for url in self.public_url:
            if serialized(url) != url:
                problems.append(origin_problem("public_url", url))
        self._check_relay(problems)

    def _check_relay(self, problems: Problems) -> None:
        """What the relay uses belongs to one issuer: no other may learn the secret."""
        check_relay(problems, "", self.relay_client_secret, self.relay_auth)
        check_number(problems, "relay_timeout", self.relay_timeout, 1)
        for name in ("relay_url", "relay_revocation_url"):
            self._check_relay_url(problems, name, getattr(self, name))
            for issuer in self.issuers:
                what = f"issuer {without_user(issuer.url)}: {name}"
                self._check_relay_url(problems, what, getattr(issuer, name))
        if len(tuple(self.issuers)) < 2:
            return
        problems += [
            f"{name}: for one issuer only; with several, write it in the [[issuers]] "
            "table of the issuer that it belongs to (in code: its TrustedIssuer)"
            for name in OF_RELAY
            if getattr(self, name) is not None
        ]

    def _check_relay_url(self, problems: Problems, what: str, url: Any) -> None:
        if url is not None and not fetchable(url, self.http_hosts):
            problems.append(url_problem(what, url))
