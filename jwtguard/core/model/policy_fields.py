"""The fields of a policy, with what each of them means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .claim_rule import ClaimRule
from .client import Client
from .client_cert import CertificateSource
from .issuers import ALGORITHMS, TrustedIssuer
from .origins import Network
from .proxy_fields import ProxyFields
from .resource import Resource
from .scope_rule import ScopeRule

OF_RELAY = ("relay_url", "relay_revocation_url", "relay_client_secret", "relay_auth")
"""What the relay uses for one issuer: here if it is the only one, else in its own."""
STORES = ("cookie", "state")
"""Where a session's tokens are kept: in the cookie, or in the shared state."""
SAMESITE = ("Lax", "Strict")
"""RFC 6265bis section 4.1.2.7. ``None`` would be too weak for a session."""
DPOP = ("accept", "require", "off")
"""Whether tokens are bound to keys (RFC 9449)."""
REPORT_ONLY = ("scopes", "origins", "clients", "acr", "rules")
"""Kinds of refusals that may be reported only; all others are always enforced."""
SHADOWED = (
    "clients", "clients_only", "scopes", "rules", "public_paths", "optional_paths",
)  # fmt: skip
"""Rules in which a second policy may differ from the first (``shadow_config``)."""
DPOP_ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", "Ed25519", "PS256", "RS256")
NONCES = ("auto", "require", "off")
"""When a proof has to hold a nonce of this server (RFC 9449 section 9)."""
REPLAY_OUTAGES = ("refuse", "allow")
"""What to do with a proof while it is not known whether it was used."""
OUTAGES = ("allow", "writes", "refuse")
"""What to do while the revocations of other processes are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFields:
    """What ``Policy`` holds; its names are those of the settings.

    ``Policy`` raises ``ConfigurationError`` for a value that does not fit.
    """

    issuers: tuple[TrustedIssuer, ...]
    """The trusted issuers; at least one."""
    audience: frozenset[str] | Literal["unchecked"] | None = None
    """Accepted ``aud`` values, any of (RFC 7519 section 4.1.3); None: each issuer's."""
    algorithms: frozenset[str] = frozenset(ALGORITHMS)
    """Accepted ``alg`` values, asymmetric only (RFC 7518 section 3.1)."""
    leeway: float = 30
    """Accepted clock difference for ``exp``, ``nbf`` and ``iat``, in seconds (RFC 7519
    section 4.1.4)."""
    clients: tuple[Client, ...] = ()
    """The known clients, with the origins of their pages (RFC 6749 section 2). With
    several issuers each of them names its ``issuer``."""
    clients_only: bool = False
    """Refuse tokens of clients that are not listed."""
    origins_claim: str | None = None
    """A claim in which a token lists further origins that may use it, as Keycloak's
    ``allowed-origins`` does; None: ``clients`` alone count."""
    cors_headers: tuple[str, ...] = ()
    """Request headers that pages of every client may send, as ``Client.headers``."""
    cors_expose: tuple[str, ...] = ()
    """Response headers that pages of every client may read, as ``Client.expose``."""
    public_paths: tuple[str, ...] = ()
    """Patterns of paths where no token is read."""
    optional_paths: tuple[str, ...] = ()
    """Patterns of paths where a token is verified if sent."""
    scopes: tuple[ScopeRule, ...] = ()
    """Scopes by path. If set, a protected path without a rule is refused."""
    rules: tuple[ClaimRule, ...] = ()
    """Claims by path, in addition to everything else that the path requires."""
    token_paths: tuple[str, ...] = ()
    """Token endpoints behind this guard (RFC 6749 section 3.2)."""
    revocation_paths: tuple[str, ...] = ()
    """Revocation endpoints behind this guard (RFC 7009)."""
    logout_paths: tuple[str, ...] = ()
    """Where issuers post logout tokens (OpenID Connect Back-Channel Logout 1.0)."""
    max_body_bytes: int = 65536
    """Longest body read on token, revocation and logout paths, in bytes; a longer one
    is refused with 413."""
    relay_url: str | None = None
    """As in ``TrustedIssuer``; with several issuers, only there. None: discovered."""
    relay_client_secret: str | None = field(default=None, repr=False)
    """As in ``TrustedIssuer``; with several issuers, only there."""
    relay_revocation_url: str | None = None
    """As in ``TrustedIssuer``; with several issuers, only there. None: discovered."""
    relay_auth: str | None = None
    """As in ``TrustedIssuer``; with several issuers, only there. None: ``basic``."""
    relay_timeout: float = 10
    """Longest wait for the issuer's whole answer, in seconds; 1 or more. After that the
    client gets 504."""
    relay_limit: str = "5/minute"
    """Password guesses that ``TokenRelay`` allows for one user name from one address,
    and ten times as many for the address (RFC 6749 section 4.3.2)."""
    relay_limit_storage: str | None = field(default=None, repr=False)
    """Where guesses are counted: a URL like ``redis://host:6379``, or ``memory://``;
    None: what ``state`` says. Never logged: it may hold a password."""
    dpop: str = "accept"
    """Tokens that are bound to a key (RFC 9449): ``accept`` takes them and bearer
    tokens, ``require`` refuses bearer tokens, ``off`` refuses bound tokens."""
    dpop_algorithms: tuple[str, ...] = DPOP_ALGORITHMS
    """Accepted ``alg`` values of proofs, asymmetric only."""
    dpop_max_age: float = 60
    """Age at which a proof expires, in seconds; 1 or more."""
    dpop_nonce: str | None = None
    """Nonces in proofs: ``auto`` asks for one if the client's clock is wrong,
    ``require`` always, ``off`` never; None: ``auto`` if there are ``secrets``."""
    dpop_replays: int = 200_000
    """Number of used proofs kept in each process; 0 does not compare them."""
    dpop_replay_outage: str = "refuse"
    """What happens if they cannot be kept: ``refuse`` responds with 503, ``allow``
    accepts a proof that may have been used."""
    cookie: str | None = None
    """The name of a cookie that may carry the token; None: header only."""
    login_url: str | None = None
    """The path of the page where people sign in; navigations without a valid token are
    sent there instead of getting a 401."""
    public_url: frozenset[str] = frozenset()
    """Origins that this application is served at, each with the path prefix that a
    proxy takes off; empty: taken from the request."""
    require_https: bool = True
    """Refuse tokens on plain HTTP, except on loopback."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses, networks or ``unix`` whose ``X-Forwarded-*`` headers are believed."""
    client_cert: str = "off"
    """Where the client's certificate comes from (RFC 8705 section 3): ``off``, ``tls``,
    or a header field of the trusted proxies and its format, like
    ``Client-Cert:rfc9440``."""
    token_header: str | None = None
    """A header field in which trusted proxies send the token, alone or after
    ``Bearer``; None: ``Authorization`` only."""
    resource: str | None = None
    """The URL that identifies this API (RFC 9728 section 1.2), where clients reach it;
    None or ``off``: no metadata are published."""
    resource_scopes: tuple[str, ...] = ()
    """``scopes_supported`` of the metadata; empty: those of the scope rules."""
    resources: tuple[Resource, ...] = ()
    """In place of ``resource``, if there are several."""
    realm: str = "api"
    """The ``realm`` of the challenge (RFC 9110 section 11.5)."""
    http_hosts: frozenset[str] = frozenset()
    """Hosts whose keys may be fetched over plain HTTP."""
    keys_max_age: float = 600
    """Age at which keys are fetched again, in seconds; 1 or more. ``max-age`` of the
    issuer's answer (RFC 9111 section 5.2.2.1) can make it shorter, not longer."""
    keys_stale_for: float = 86400
    """How long keys remain in use after that, while the issuer is down, in seconds."""
    keys_cooldown: float = 10
    """Pause between fetches for unknown key ids, in seconds: however many made-up
    ``kid`` arrive, the issuer is asked once."""
    token_cache: int = 4096
    """Number of verified tokens cached in each process; 0 is off."""
    max_token_bytes: int = 16384
    """In bytes; longer tokens are refused with 431, without being parsed."""
    state: str = field(default="memory://", repr=False)
    """What processes share: a URL with ``redis://``, ``rediss://`` or ``unix://``;
    ``memory://`` is for one process. Never logged: it may hold a password."""
    state_prefix: str = "jwtguard"
    """What the names of all keys in the shared state begin with."""
    state_timeout: float = 0.25
    """Longest wait for the shared state, in seconds."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Random secrets of at least 32 bytes each, in base64url (RFC 4648 section 5); new
    values use the first, and all are accepted (RFC 5869). Never logged."""
    revocation_for: float = 86400
    """How long a revocation is kept, in seconds, if the issuer has no
    ``max_lifetime``; at least the lifetime of its tokens."""
    revocations: int = 200_000
    """Number of revocations kept in full in each process; older ones are packed."""
    revocation_max_stale: float = 60
    """Seconds since the last read of others' revocations at which
    ``revocation_outage`` applies; 5 or more."""
    revocation_outage: str = "allow"
    """What happens then: ``allow`` accepts tokens, ``writes`` responds with 503 to
    unsafe methods (RFC 9110 section 9.2.1) and WebSockets, ``refuse`` to all tokens."""
    close_streams: bool = True
    """End ``text/event-stream`` responses when their token expires or is revoked."""
    debug: bool = False
    """Log each refusal as a warning that helps a developer. Never in production."""
    session_client: str | None = None
    """The client id of this site; setting it enables sessions."""
    session_client_secret: str | None = field(default=None, repr=False)
    """None: a public client."""
    session_scope: tuple[str, ...] = ()
    """Scopes that the password grant asks for."""
    session_issuer: str | None = None
    """The URL of the issuer that visitors sign in at; None: the only one."""
    session_path: str | None = None
    """Where the guard itself signs visitors in and out, for instance ``/session``."""
    session_cookie: str = "__Host-Http-session"
    session_samesite: str = "Lax"
    session_store: str = "cookie"
    session_refresh_before: float = 30
    """How long before it expires a token is refreshed; at most half its lifetime."""
    session_grace: float = 60
    """How long after a refresh the old cookie still leads to the new tokens."""
    session_max_age: float = 28800
    """Longest lifetime of a session, including refreshes."""
    report_only: tuple[str, ...] = ()
    """Kinds of refusals that become the event ``would_refuse``, and let the request
    run: ``scopes``, ``origins``, ``clients``, ``acr``, ``rules``."""
    report_header: bool = False
    """Name these refusals in the field ``JWTGuard-Report``, for developers."""
    reload: float = 0
    """How often a request checks whether a settings file has changed, in seconds; 0 is
    never. Only for guards that ``Guard.from_env()`` makes."""
    proxies: tuple[Network | str, ...] = field(init=False, repr=False, default=())
    """``trusted_proxies``, parsed."""
    certificates: CertificateSource | None = field(init=False, repr=False, default=None)
    """``client_cert``, parsed; None: certificates are not read."""
    proxy_fields: ProxyFields | None = field(init=False, repr=False, default=None)
    """The fields of ``client_cert`` and ``token_header``; None: there are none."""
    public_origins: frozenset[str] = field(
        init=False, repr=False, default_factory=frozenset
    )
    """``public_url`` without path prefixes."""

    def client_key(self, client: Client) -> tuple[str, str]:
        """Return issuer and id of *client*: without an issuer, it is the first's."""
        return client.issuer or self.issuers[0].url, client.id

    def listed(self, issuer: str) -> TrustedIssuer | None:
        """Return the trusted issuer that ``iss`` names, alone or as one of tenants."""
        # A template is not the name of an issuer, so it is compared with none.
        for one in self.issuers:
            if one.tenant_of(issuer) is not None or (
                one.url == issuer and one.tenants is None
            ):
                return one
        return None
