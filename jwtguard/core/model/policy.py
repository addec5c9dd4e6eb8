"""What this resource server accepts. A policy is validated when it is constructed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .claim_rule import ClaimRule
from .client import METHODS, Client
from .client_cert import source_of
from .issuers import ALGORITHMS, TrustedIssuer, algorithms_of, audience_of
from .origins import Network
from .policy_checks import (
    check_clients,
    check_issuers,
    check_paths,
    check_values,
    check_what_the_relay_uses,
)
from .policy_dpop import settle_dpop
from .policy_fields import DPOP_ALGORITHMS, OF_RELAY, OUTAGES, PolicyFields
from .policy_login import check_acr
from .policy_rollout import check_rollout, check_shadow
from .policy_sessions import check_sessions
from .proxy_fields import proxy_fields
from .resource import Resource
from .resources import check_resources
from .scope_rule import ScopeRule
from .secret_keys import secrets_of
from .state_url import check_state
from .url_values import network_problem, split_public_url
from .validation import HOST, Problems, header_names, set_frozen, strings

__all__ = ["METHODS", "OF_RELAY", "OUTAGES", "Client", "Policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(PolicyFields):
    """Everything the guard enforces. The names are those of the settings.

    Times are in seconds, sizes in bytes. What is a tuple or a frozen set here may be
    given as any iterable, and where its items are strings also as one string. Raises
    ``ConfigurationError`` with every problem, never one at a time.
    """

    shadow: Policy | None = field(default=None, repr=False)
    """A policy that differs from this one in rules only. It is not enforced: the event
    ``shadow_differs`` reports each request on which its verdict differs."""

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
            cors_headers: Iterable[str] = (),
            cors_expose: Iterable[str] = (),
            public_paths: Iterable[str] = (),
            optional_paths: Iterable[str] = (),
            scopes: Iterable[ScopeRule] = (),
            rules: Iterable[ClaimRule] = (),
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
            dpop: str = "accept",
            dpop_algorithms: Iterable[str] = DPOP_ALGORITHMS,
            dpop_max_age: float = 60,
            dpop_nonce: str | None = None,
            dpop_replays: int = 200_000,
            dpop_replay_outage: str = "refuse",
            cookie: str | None = None,
            login_url: str | None = None,
            public_url: Iterable[str] = frozenset(),
            require_https: bool = True,
            trusted_proxies: Iterable[str] = (),
            client_cert: str = "off",
            token_header: str | None = None,
            resource: str | None = None,
            resource_scopes: Iterable[str] = (),
            resources: Iterable[Resource] = (),
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
            close_streams: bool = True,
            debug: bool = False,
            session_client: str | None = None,
            session_client_secret: str | None = None,
            session_scope: Iterable[str] = (),
            session_issuer: str | None = None,
            session_path: str | None = None,
            session_cookie: str = "__Host-Http-session",
            session_samesite: str = "Lax",
            session_store: str = "cookie",
            session_refresh_before: float = 30,
            session_grace: float = 60,
            session_max_age: float = 28800,
            reload: float = 0,
            report_only: Iterable[str] = (),
            report_header: bool = False,
            shadow: Policy | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        problems = Problems()
        self._settle(problems)
        # After everything was settled: these checks compare fields with each other, and
        # need one form of each.
        check_issuers(self, problems)
        check_clients(self, problems)
        check_paths(self, problems)
        check_acr(self, problems)
        check_values(self, problems)
        check_what_the_relay_uses(self, problems)
        check_sessions(self, problems)
        settle_dpop(self, problems)  # before a second policy is compared with it
        check_rollout(self, problems)
        check_shadow(self, self.shadow, problems)
        check_resources(self, problems)
        check_state(problems, self.state, self.state_prefix, self.state_timeout)
        problems.raise_if_any()

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
            "logout_paths", "trusted_proxies", "session_scope", "report_only",
        ):  # fmt: skip
            set_frozen(self, **{name: strings(getattr(self, name), (name,), problems)})
        for name in ("cors_headers", "cors_expose"):
            set_frozen(
                self, **{name: header_names(getattr(self, name), (name,), problems)}
            )
        scopes = " ".join(self.session_scope).split()
        set_frozen(self, session_scope=tuple(scopes))
        self._settle_public_url(problems)
        hosts = strings(self.http_hosts, ("http_hosts",), problems)
        _check_hosts(hosts, problems)
        set_frozen(
            self,
            http_hosts=frozenset(host.lower() for host in hosts),
            proxies=tuple(self._networks(problems)),
            secrets=secrets_of(self.secrets, problems),
            certificates=source_of(self.client_cert, self.trusted_proxies, problems),
        )
        named = (self.token_header, self.trusted_proxies, problems)
        set_frozen(self, proxy_fields=proxy_fields(self.certificates, *named))

    def _settle_public_url(self, problems: Problems) -> None:
        urls = frozenset(strings(self.public_url, ("public_url",), problems))
        # Browsers send an origin, and rules about pages compare that.
        origins = frozenset(split_public_url(url)[0] for url in urls)
        set_frozen(self, public_url=urls, public_origins=origins)

    def _networks(self, problems: Problems) -> Iterable[Network | str]:
        for text in self.trusted_proxies:
            if text == "unix":
                yield text
                continue
            try:
                yield ipaddress.ip_network(text)
            except ValueError:
                problems.add(("trusted_proxies",), network_problem(text))


def _check_hosts(hosts: Iterable[str], problems: Problems) -> None:
    for host in hosts:
        text = (
            f"{host!r} is not a valid host name; expected one like keycloak, without "
            "scheme or port"
        )
        problems.check(HOST.fullmatch(host), ("http_hosts",), text)


def checked_policy(value: Policy) -> Policy:
    """Return *value*, or raise the ``TypeError`` that says how to make a policy."""
    if isinstance(value, Policy):
        return value
    raise TypeError(
        f"Guard needs a Policy, not {type(value).__name__}: Guard.from_env() reads the "
        "environment, and Guard(load_policy({...})) other variables"
    )


_ITEMS = {
    "issuers": TrustedIssuer,
    "clients": Client,
    "scopes": ScopeRule,
    "resources": Resource,
    "rules": ClaimRule,
}


def _items_of(
    value: Any, name: str, kind: type[Any], problems: Problems
) -> tuple[Any, ...]:
    """Read the issuers, clients, scope rules or claim rules of a policy."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        problems.add((name,), f"must be a list, not {value!r}")
        return ()
    found = tuple(value)
    for item in found:
        text = f"{item!r}: must be a {kind.__name__}"
        problems.check(isinstance(item, kind), (name,), text)
    return tuple(item for item in found if isinstance(item, kind))
