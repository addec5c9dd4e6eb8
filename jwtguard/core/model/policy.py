"""What this resource server accepts. A policy is validated when it is constructed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .client import METHODS, Client
from .issuers import ALGORITHMS, TrustedIssuer, algorithms_of, audience_of, check_relay
from .origins import Network, is_plain, serialized
from .patterns import ScopeRule, covers, overlap, pattern_problem
from .secret_keys import secrets_of
from .state_url import check_state
from .validation import (
    HOST,
    TOKEN,
    Problems,
    Where,
    check_number,
    fetchable,
    origin_problem,
    set_frozen,
    strings,
    url_problem,
    without_user,
)

__all__ = ["METHODS", "OF_RELAY", "Client", "Policy"]

OF_RELAY = ("relay_url", "relay_revocation_url", "relay_client_secret", "relay_auth")
"""What the relay uses for one issuer: here if it is the only one, else in its own."""
OUTAGES = ("allow", "writes", "refuse")
"""What is done while nobody can tell what others have revoked."""
_REALM = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything the guard enforces. The names are those of the settings.

    Times are in seconds, sizes in bytes. What is a tuple or a frozen set here may be
    given as any iterable, and where its items are strings also as one string. Raises
    ``ConfigurationError`` with every problem, never one at a time.
    """

    issuers: tuple[TrustedIssuer, ...]
    """The trusted issuers; at least one."""
    audience: frozenset[str] | Literal["unchecked"] | None = None
    """Accepted ``aud`` values, any of (RFC 7519 section 4.1.3); None: each issuer's."""
    algorithms: frozenset[str] = frozenset(ALGORITHMS)
    """Accepted ``alg`` values, asymmetric only (RFC 7518 section 3.1)."""
    leeway: float = 30
    """Accepted clock difference for ``exp``, ``nbf`` and ``iat``."""
    clients: tuple[Client, ...] = ()
    clients_only: bool = False
    """Refuse tokens of clients that are not listed."""
    origins_claim: str | None = None
    """A claim that lists further allowed origins."""
    public_paths: tuple[str, ...] = ()
    """Patterns of paths where no token is read."""
    optional_paths: tuple[str, ...] = ()
    """Patterns of paths where a token is verified if sent."""
    scopes: tuple[ScopeRule, ...] = ()
    """Scopes by path. If set, a protected path without a rule is refused."""
    token_paths: tuple[str, ...] = ()
    """Token endpoints behind this guard (RFC 6749 section 3.2)."""
    revocation_paths: tuple[str, ...] = ()
    """Revocation endpoints behind this guard (RFC 7009)."""
    logout_paths: tuple[str, ...] = ()
    """Where issuers post logout tokens (OpenID Connect Back-Channel Logout 1.0)."""
    max_body_bytes: int = 65536
    """Longest body read on token and revocation paths."""
    relay_url: str | None = None
    relay_client_secret: str | None = field(default=None, repr=False)
    relay_revocation_url: str | None = None
    relay_auth: str | None = None
    relay_timeout: float = 10
    relay_limit: str = "5/minute"
    relay_limit_storage: str | None = field(default=None, repr=False)
    """None: what ``state`` says."""
    cookie: str | None = None
    """The name of a cookie that may carry the token; None: header only."""
    public_url: frozenset[str] = frozenset()
    """Origins that this application is served at; empty: taken from the request."""
    require_https: bool = True
    """Refuse tokens on plain HTTP, except on loopback."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses, networks or ``unix`` whose ``X-Forwarded-*`` headers are believed."""
    realm: str = "api"
    """The ``realm`` of the challenge (RFC 9110 section 11.5)."""
    http_hosts: frozenset[str] = frozenset()
    """Hosts whose keys may be fetched over plain HTTP."""
    keys_max_age: float = 600
    """Age at which keys are fetched again."""
    keys_stale_for: float = 86400
    """How long keys remain in use after that, while the issuer is down."""
    keys_cooldown: float = 10
    """Pause between fetches for unknown key ids."""
    token_cache: int = 4096
    """Number of verified tokens cached per process; 0 is off."""
    max_token_bytes: int = 16384
    """Longer tokens are refused without being parsed."""
    state: str = field(default="memory://", repr=False)
    state_prefix: str = "jwtguard"
    state_timeout: float = 0.25
    secrets: tuple[str, ...] = field(default=(), repr=False)
    revocation_for: float = 86400
    """How long a revocation is kept for an issuer without ``max_lifetime``."""
    revocations: int = 200_000
    """Revocations kept whole in each process."""
    revocation_max_stale: float = 60
    """Age of the last read of others' revocations at which the outage begins."""
    revocation_outage: str = "allow"
    """What happens then: ``allow``, ``writes`` or ``refuse``."""
    proxies: tuple[Network | str, ...] = field(init=False, repr=False, default=())
    """``trusted_proxies``, parsed."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            issuers: Iterable[TrustedIssuer],
            audience: Iterable[str] | Literal["unchecked"] | None = None,
            algorithms: Iterable[str] = frozenset(ALGORITHMS),
            leeway: float = 30,
            clients: Iterable[Client] = (),
            clients_only: bool = False,
            origins_claim: str | None = None,
            public_paths: Iterable[str] = (),
            optional_paths: Iterable[str] = (),
            scopes: Iterable[ScopeRule] = (),
            token_paths: Iterable[str] = (),
            revocation_paths: Iterable[str] = (),
            logout_paths: Iterable[str] = (),
            max_body_bytes: int = 65536,
            relay_url: str | None = None,
            relay_client_secret: str | None = None,
            relay_revocation_url: str | None = None,
            relay_auth: str | None = None,
            relay_timeout: float = 10,
            relay_limit: str = "5/minute",
            relay_limit_storage: str | None = None,
            cookie: str | None = None,
            public_url: Iterable[str] = frozenset(),
            require_https: bool = True,
            trusted_proxies: Iterable[str] = (),
            realm: str = "api",
            http_hosts: Iterable[str] = frozenset(),
            keys_max_age: float = 600,
            keys_stale_for: float = 86400,
            keys_cooldown: float = 10,
            token_cache: int = 4096,
            max_token_bytes: int = 16384,
            state: str = "memory://",
            state_prefix: str = "jwtguard",
            state_timeout: float = 0.25,
            secrets: Iterable[str] = (),
            revocation_for: float = 86400,
            revocations: int = 200_000,
            revocation_max_stale: float = 60,
            revocation_outage: str = "allow",
        ) -> None: ...

    def __post_init__(self) -> None:
        problems = Problems()
        self._settle(problems)
        self._check_issuers(problems)
        self._check_clients(problems)
        self._check_paths(problems)
        self._check_values(problems)
        self._check_relay(problems)
        check_state(problems, self.state, self.state_prefix, self.state_timeout)
        problems.raise_if_any()

    def client_key(self, client: Client) -> tuple[str, str]:
        """Return issuer and id of *client*: without an issuer, it is the first's."""
        return client.issuer or self.issuers[0].url, client.id

    def _settle(self, problems: Problems) -> None:
        """Check what may be given in several ways, and keep it in one."""
        for name, kind in _ITEMS.items():
            set_frozen(
                self, **{name: _items_of(getattr(self, name), name, kind, problems)}
            )
        needed = "at least one is needed"
        problems.check(self.issuers or problems, ("issuers",), needed)
        if self.audience is not None:
            set_frozen(
                self, audience=audience_of(self.audience, ("audience",), problems)
            )
        algorithms = algorithms_of(self.algorithms, ("algorithms",), problems)
        set_frozen(self, algorithms=algorithms)
        for name in (
            "public_paths", "optional_paths", "token_paths", "revocation_paths",
            "logout_paths", "trusted_proxies",
        ):  # fmt: skip
            set_frozen(self, **{name: strings(getattr(self, name), (name,), problems)})
        hosts = strings(self.http_hosts, ("http_hosts",), problems)
        for host in hosts:
            text = (
                f"{host!r} is not a valid host name; expected one like keycloak, "
                "without scheme or port"
            )
            problems.check(HOST.fullmatch(host), ("http_hosts",), text)
        set_frozen(
            self,
            http_hosts=frozenset(host.lower() for host in hosts),
            public_url=frozenset(strings(self.public_url, ("public_url",), problems)),
            proxies=tuple(self._networks(problems)),
            secrets=secrets_of(self.secrets, problems),
        )

    def _networks(self, problems: Problems) -> Iterable[Network | str]:
        for text in self.trusted_proxies:
            if text == "unix":
                yield text
                continue
            try:
                yield ipaddress.ip_network(text)
            except ValueError:
                problems.add(
                    ("trusted_proxies",),
                    f"{text!r} is not valid; expected an address, a network like "
                    "10.0.0.0/8, or unix",
                )

    def _check_issuers(self, problems: Problems) -> None:
        urls = [issuer.url for issuer in self.issuers]
        twice = len(set(urls)) < len(urls)
        problems.check(not twice, ("issuers",), "the same issuer is listed twice")
        nameless = [i for i in self.issuers if "iss" not in i.rules.require]
        text = "only one may make tokens without iss"
        problems.check(len(nameless) <= 1, ("issuers",), text)
        for issuer in self.issuers:
            where = ("issuers", without_user(issuer.url))
            named = issuer.audience is not None or self.audience is not None
            text = "set it to this API's identifier, or to `unchecked`"
            problems.check(named, (*where, "audience"), text)
            if issuer.keys is not None:
                continue
            for name in ("jwks_url", "discovery_url"):
                self._check_url(problems, (*where, name), getattr(issuer, name))
            if not issuer.jwks_url and not issuer.discovery_url:
                self._check_url(problems, ("issuer",), issuer.url)

    def _check_url(self, problems: Problems, where: Where, url: Any) -> None:
        if url is not None and not fetchable(url, self.http_hosts):
            problems.add(where, url_problem(url))

    def _check_clients(self, problems: Problems) -> None:
        urls = [issuer.url for issuer in self.issuers]
        seen: set[tuple[str, str]] = set()
        for client in self.clients if urls else ():
            where = ("clients", client.id)
            if client.issuer is None and len(urls) > 1:
                text = (
                    "required, as there are several issuers; write it in the "
                    "[[clients]] table of a TOML file (in code: its Client)"
                )
                problems.add((*where, "issuer"), text)
            if client.issuer is not None and client.issuer not in urls:
                text = f"{client.issuer!r} is not one of the trusted issuers"
                problems.add((*where, "issuer"), text)
            key = self.client_key(client)
            problems.check(key not in seen, where, "listed twice")
            seen.add(key)
            for origin in client.origins if self.require_https else ():
                text = f"{origin!r}: http origins are for loopback only; use https"
                problems.check(not is_plain(origin), (*where, "origins"), text)

    def _check_paths(self, problems: Problems) -> None:
        for rule in self.scopes:
            if problem := pattern_problem(rule.path):
                problems.add(("scopes",), problem)
        for name in _PATHS:
            for pattern in getattr(self, name):
                if problem := pattern_problem(pattern):
                    problems.add((name,), problem)
        self._check_own_paths(problems)

    def _check_own_paths(self, problems: Problems) -> None:
        """No path has two rules of this kind, or one beside a rule that gives."""
        for name in ("public_paths", "optional_paths"):
            for pattern in getattr(self, name):
                for own in _OWN_PATHS:
                    for path in getattr(self, own):
                        kind = own.replace("_paths", " path")
                        text = f"{pattern!r} must not cover the {kind} {path!r}"
                        problems.check(not covers(pattern, path), (name,), text)
        for name, other in _PAIRS:
            for path in getattr(self, name):
                text = f"{path!r} is also a {other.replace('_paths', ' path')}"
                again = any(overlap(path, one) for one in getattr(self, other))
                problems.check(not again, (name,), text)

    def _check_values(self, problems: Problems) -> None:
        for name in ("leeway", "keys_cooldown", "keys_stale_for"):
            check_number(problems, (name,), getattr(self, name), 0)
        check_number(problems, ("keys_max_age",), self.keys_max_age, 1)
        check_number(problems, ("token_cache",), self.token_cache, 0, whole=True)
        for name in ("max_body_bytes", "max_token_bytes"):
            check_number(problems, (name,), getattr(self, name), 1, whole=True)
        check_number(problems, ("revocation_for",), self.revocation_for, 1)
        check_number(problems, ("revocations",), self.revocations, 1, whole=True)
        stale = self.revocation_max_stale
        check_number(problems, ("revocation_max_stale",), stale, 5)
        text = f"{self.revocation_outage!r} is not valid; expected one of "
        known = self.revocation_outage in OUTAGES
        problems.check(known, ("revocation_outage",), text + " ".join(OUTAGES))
        for name in ("clients_only", "require_https"):
            problems.check_flag((name,), getattr(self, name))
        good = isinstance(self.realm, str) and _REALM.fullmatch(self.realm)
        text = f"{self.realm!r}: must be printable ASCII without quotes or backslashes"
        problems.check(good, ("realm",), text)
        cookie = self.cookie
        named = isinstance(cookie, str) and TOKEN.fullmatch(cookie)
        text = f"{cookie!r} is not a valid cookie name"
        problems.check(cookie is None or named, ("cookie",), text)
        problems.check_text(("origins_claim",), self.origins_claim)
        for url in self.public_url:
            if serialized(url) != url:
                problems.add(("public_url",), origin_problem(url))

    def _check_relay(self, problems: Problems) -> None:
        """What the relay uses belongs to one issuer: no other may learn the secret."""
        check_relay(problems, (), self.relay_client_secret, self.relay_auth)
        check_number(problems, ("relay_timeout",), self.relay_timeout, 1)
        for name in ("relay_url", "relay_revocation_url"):
            self._check_url(problems, (name,), getattr(self, name))
            for issuer in self.issuers:
                where = ("issuers", without_user(issuer.url), name)
                self._check_url(problems, where, getattr(issuer, name))
        for name in OF_RELAY if len(self.issuers) > 1 else ():
            text = (
                "for one issuer only; with several, write it in the [[issuers]] "
                "table of the issuer that it belongs to (in code: its TrustedIssuer)"
            )
            problems.check(getattr(self, name) is None, (name,), text)


_ITEMS = {"issuers": TrustedIssuer, "clients": Client, "scopes": ScopeRule}
_OWN_PATHS = ("token_paths", "revocation_paths", "logout_paths")
"""What comes to these paths is read and answered by rules of their own."""
_PAIRS = [(one, other) for one in _OWN_PATHS for other in _OWN_PATHS if one > other]
_PATHS = (*_OWN_PATHS, "public_paths", "optional_paths")


def _items_of(
    value: Any, name: str, kind: type[Any], problems: Problems
) -> tuple[Any, ...]:
    """Read the issuers, clients or scope rules of a policy."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        problems.add((name,), f"must be a list, not {value!r}")
        return ()
    found = tuple(value)
    for item in found:
        text = f"{item!r}: must be a {kind.__name__}"
        problems.check(isinstance(item, kind), (name,), text)
    return tuple(item for item in found if isinstance(item, kind))
