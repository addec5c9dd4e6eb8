"""The fields of a policy, with what each of them means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .client import Client
from .issuers import ALGORITHMS, TrustedIssuer
from .origins import Network
from .patterns import ScopeRule

OF_RELAY = ("relay_url", "relay_revocation_url", "relay_client_secret", "relay_auth")
"""What the relay uses for one issuer: here if it is the only one, else in its own."""
OUTAGES = ("allow", "writes", "refuse")
"""What is done while nobody can tell what others have revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFields:
    """What ``Policy`` holds; its names are those of the settings."""

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

    def client_key(self, client: Client) -> tuple[str, str]:
        """Return issuer and id of *client*: without an issuer, it is the first's."""
        return client.issuer or self.issuers[0].url, client.id
