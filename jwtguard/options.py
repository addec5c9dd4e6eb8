"""The settings: their names, what their values look like, and what they mean.

Variables follow the twelve-factor manner: flat names, one prefix, nothing implicit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .core.model.issuers import ALGORITHMS
from .core.model.policy_fields import DPOP_ALGORITHMS
from .core.model.profiles import PROFILES
from .option_values import KINDS

PREFIX = "JWTGUARD_"
CONFIG = "JWTGUARD_CONFIG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its variable is ``JWTGUARD_`` and the name in capitals."""

    name: str
    kind: str
    """What a value looks like, for people."""
    parse: Callable[[str], Any]
    meaning: str
    default: str
    secret: bool = False
    toml: type | tuple[type, ...] = str
    """The type of the value in TOML; list means a list of strings or tables."""

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.name.upper()


def _setting(
    name: str, kind: str, meaning: str, default: str, *, secret: bool = False
) -> Setting:
    parse, toml = KINDS[kind]
    return Setting(
        name=name, kind=kind, parse=parse, meaning=meaning, default=default,
        secret=secret, toml=toml,
    )  # fmt: skip


# ruff: noqa: E501  # a table reads better with one row a line
SETTINGS: tuple[Setting, ...] = (
    _setting("issuer", "names", "trusted issuers, compared exactly with `iss`", "required"),
    _setting("audience", "names", "accepted `aud` values; the single value `unchecked` turns the check off", "required"),
    _setting("jwks_url", "text", "URL of the JWK set (one issuer only)", "discovered"),
    _setting("discovery_url", "text", "URL of the metadata document (one issuer only)", "from the issuer"),
    _setting("keys", "text", "JWK set or PEM given directly (one issuer only)", "unset", secret=True),
    _setting("keys_authorization", "text", "`Authorization` field of requests for metadata and keys, like `Bearer TOKEN` (one issuer only)", "unset", secret=True),
    _setting("http_hosts", "names", "hosts whose keys may be fetched over plain HTTP", "loopback only"),
    _setting("profile", "text", f"issuer family: {', '.join(PROFILES)}", "generic"),
    _setting("algorithms", "names", "accepted `alg` values, asymmetric only", " ".join(ALGORITHMS)),
    _setting("leeway", "seconds", "clock skew", "30"),
    _setting("introspect", "text", "which tokens the issuer is asked about: none (`never`), `opaque` ones, or all (`always`); one issuer only", "never"),
    _setting("introspect_url", "text", "introspection endpoint (one issuer only)", "discovered"),
    _setting("introspect_client_id", "text", "client id of this API at its issuer (one issuer only)", "unset"),
    _setting("introspect_client_secret", "text", "its client secret (one issuer only)", "unset", secret=True),
    _setting("introspect_auth", "text", "how the client authenticates: `basic`, `post` or `private_key_jwt` (one issuer only)", "`private_key_jwt` with a key, else `basic`"),
    _setting("introspect_key", "text", "private key in PEM for `private_key_jwt`: P-256 or RSA (one issuer only)", "unset", secret=True),
    _setting("introspect_ttl", "seconds", "how long an answer is believed (one issuer only)", "30"),
    _setting("introspect_timeout", "seconds", "longest wait for an answer (one issuer only)", "2"),
    _setting("introspect_paths", "names", "paths where JWTs are introspected, whatever `JWTGUARD_INTROSPECT` says (one issuer only)", "empty"),
    _setting("introspect_outage", "text", "if the issuer does not answer about a JWT: `refuse` it, or `local`: accept what was verified here (one issuer only)", "refuse"),
    _setting("clients", "clients", "client ids and their origins: `spa=https://www.example.com batch`", "empty"),
    _setting("refresh_clients", "names", "clients that may refresh through a token path", "empty"),
    _setting("clients_only", "flag", "refuse tokens of clients that are not listed", "false"),
    _setting("origins_claim", "text", "claim with further allowed origins", "unset"),
    _setting("cors_headers", "names", "request headers that pages of every client may send", "empty"),
    _setting("cors_expose", "names", "response headers that pages of every client may read", "empty"),
    _setting("public_paths", "names", "paths where no token is read", "empty"),
    _setting("optional_paths", "names", "paths where a token is verified if sent", "empty"),
    _setting("scopes", "scope rules", "scopes by path: `GET:/notes/*=notes:read /admin/*=admin`", "empty"),
    _setting("token_paths", "names", "token endpoints behind this guard", "empty"),
    _setting("revocation_paths", "names", "revocation endpoints behind this guard", "empty"),
    _setting("logout_paths", "names", "paths where issuers post logout tokens (back-channel logout)", "empty"),
    _setting("max_body_bytes", "bytes", "longest body read on token, revocation and logout paths", "65536"),
    _setting("relay_url", "text", "the issuer's token endpoint, for TokenRelay (one issuer only)", "discovered"),
    _setting("relay_client_secret", "text", "client secret that TokenRelay adds (one issuer only)", "unset", secret=True),
    _setting("relay_revocation_url", "text", "the issuer's revocation endpoint (one issuer only)", "discovered"),
    _setting("relay_auth", "text", "how the secret is sent: `basic` or `post` (one issuer only)", "basic"),
    _setting("relay_timeout", "seconds", "longest wait for the issuer's whole answer", "10"),
    _setting("relay_limit", "text", "password guesses allowed by TokenRelay", "5/minute"),
    _setting("relay_limit_storage", "text", "where guesses are counted", "as `JWTGUARD_STATE`", secret=True),
    _setting("dpop", "text", "tokens bound to a key: `accept` takes them and bearer tokens, `require` refuses bearer tokens, `off` refuses bound tokens", "accept"),
    _setting("dpop_algorithms", "names", "accepted `alg` values of DPoP proofs", " ".join(DPOP_ALGORITHMS)),
    _setting("dpop_max_age", "seconds", "age at which a proof expires", "60"),
    _setting("dpop_nonce", "text", "nonces in proofs: `auto` asks for one if the client's clock is wrong, `require` always, `off` never", "`auto` if `JWTGUARD_SECRETS` is set, else `off`"),
    _setting("dpop_replays", "count", "used proofs kept in each process without a shared state; 0 is off", "200000"),
    _setting("dpop_replay_outage", "text", "what happens if they cannot be kept: `refuse` responds with 503, `allow` accepts proofs that may have been used", "refuse"),
    _setting("cookie", "text", "cookie that may carry the token", "unset: header only"),
    _setting("login_url", "text", "path of the login page, to which navigations without a valid token are redirected", "unset: they get 401"),
    _setting("public_url", "names", "origins this application is served at, with the path prefix that a proxy takes off", "scheme and `Host` of the request"),
    _setting("require_https", "flag", "refuse tokens on plain HTTP, loopback excepted", "true"),
    _setting("trusted_proxies", "names", "addresses, networks or `unix` whose X-Forwarded-Proto and -For count", "empty"),
    _setting("client_cert", "text", "where the client's certificate comes from: `off`, `tls`, or a header field of the trusted proxies and its format: `NAME:rfc9440`, `NAME:pem-url`, `NAME:der-base64` or `NAME:xfcc`", "off"),
    _setting("token_header", "text", "header field in which trusted proxies send the token, alone or after `Bearer`", "unset: `Authorization` only"),
    _setting("resource", "text", "https URL that identifies this API, for the metadata of RFC 9728", "off"),
    _setting("resource_scopes", "names", "scopes that the metadata of this API name", "those of `JWTGUARD_SCOPES`"),
    _setting("realm", "text", "`realm` of the challenge", "api"),
    _setting("keys_max_age", "seconds", "age at which keys are fetched again", "600"),
    _setting("keys_stale_for", "seconds", "how long keys serve after that while the issuer is down", "86400"),
    _setting("keys_cooldown", "seconds", "pause between fetches for unknown key ids", "10"),
    _setting("state", "text", "where processes share state: `memory://`, `redis://`, `rediss://` or `unix://`", "memory://", secret=True),
    _setting("state_prefix", "text", "prefix of all keys in the shared state", "jwtguard"),
    _setting("state_timeout", "seconds", "longest wait for the shared state", "0.25"),
    _setting("secrets", "names", "random secrets of 32 bytes or more in base64url, made by `jwtguard secret`; the first is used for new values, all are accepted", "empty", secret=True),
    _setting("revocation_for", "seconds", "how long a revocation is kept if the issuer has no `max_lifetime`; at least the lifetime of a token", "86400"),
    _setting("revocations", "count", "revocations kept in full in each process; older ones are packed", "200000"),
    _setting("revocation_max_stale", "seconds", "age of the last read of revocations at which `JWTGUARD_REVOCATION_OUTAGE` applies; 5 or more", "60"),
    _setting("revocation_outage", "text", "what happens then: `allow` accepts tokens, `writes` responds with 503 to unsafe methods and WebSockets, `refuse` to every token", "allow"),
    _setting("close_streams", "flag", "end `text/event-stream` responses when their token expires or is revoked", "true"),
    _setting("session_client", "text", "client id of this site; setting it enables sessions", "unset: off"),
    _setting("session_client_secret", "text", "its client secret", "unset: a public client", secret=True),
    _setting("session_scope", "names", "scopes that the password grant asks for", "empty: the issuer decides"),
    _setting("session_issuer", "text", "the issuer that visitors sign in at, if several are trusted", "the only one"),
    _setting("session_path", "text", "path where the guard itself signs visitors in and out, for example `/session`", "unset: off"),
    _setting("session_cookie", "text", "name of the session cookie", "__Host-Http-session"),
    _setting("session_samesite", "text", "its `SameSite`: `Lax` or `Strict`", "Lax"),
    _setting("session_store", "text", "where the tokens are stored: `cookie` or `state`", "cookie"),
    _setting("session_refresh_before", "seconds", "how long before it expires a token is refreshed; at most half its lifetime", "30"),
    _setting("session_grace", "seconds", "how long after a refresh the old cookie still leads to the new tokens", "60"),
    _setting("session_max_age", "seconds", "longest lifetime of a session, including refreshes", "28800"),
    _setting("report_only", "names", "refusals that are only reported, as the event `would_refuse`: some of `scopes origins clients acr rules`", "empty: all are enforced"),
    _setting("report_header", "flag", "name these refusals in the response field `JWTGuard-Report`; for development", "false"),
    _setting("shadow_config", "text", "TOML file with the rules of a second policy, which is evaluated but not enforced", "unset"),
    _setting("debug", "flag", "log each refusal as a warning, with path, rule, what was sent, and a hint; for development", "false"),
    _setting("reload", "seconds", "how often to look whether a settings file has changed; 0 is never", "0"),
    _setting("token_cache", "count", "verified tokens cached in each process; 0 is off", "4096"),
    _setting("max_token_bytes", "bytes", "longest accepted token", "16384"),
)  # fmt: skip

BY_NAME = {setting.name: setting for setting in SETTINGS}
