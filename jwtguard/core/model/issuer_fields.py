"""The fields of a trusted issuer, with what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerFields:
    """What ``TrustedIssuer`` holds; its names are those of ``[[issuers]]`` in TOML.

    ``TrustedIssuer`` raises ``ConfigurationError`` for a value that does not fit.
    """

    url: str
    """Compared exactly with ``iss`` (RFC 7519 section 4.1.1)."""
    profile: str | Profile = "generic"
    """The issuer family, by name or as a ``Profile``."""
    audience: frozenset[str] | Literal["unchecked"] | None = None
    """Accepted ``aud`` values (RFC 7519 section 4.1.3); None: the policy's."""
    discovery_url: str | None = None
    """The metadata document (RFC 8414); None: derived from ``url``."""
    jwks_url: str | None = None
    """The JWK set (RFC 7517 section 5); None: ``jwks_uri`` of the metadata."""
    keys: str | Mapping[str, Any] | None = field(default=None, repr=False)
    """Keys given directly, in place of fetched ones."""
    keys_authorization: str | None = field(default=None, repr=False)
    """The ``Authorization`` field of requests for metadata and keys (RFC 9110 section
    11.6.2). It is sent only to the origin that is configured here, and never logged."""
    algorithms: frozenset[str] | None = None
    """Accepted ``alg`` values (RFC 7518 section 3.1); None: the policy's."""
    header_types: frozenset[str] | None = None
    """Accepted ``typ`` headers; ``absent`` accepts tokens without one."""
    expect: Mapping[str, str] | None = None
    """Claims that a token must have, each with its exact value."""
    client_claims: tuple[str, ...] | None = None
    """Claims that may name the client; all that are present must agree."""
    scope_claims: tuple[str, ...] | None = None
    """Claims that hold scopes."""
    role_claims: tuple[str, ...] | None = None
    """Claims that hold roles, with dots for nested objects."""
    subject_claim: str | None = None
    """The claim that becomes ``Principal.subject``."""
    require: tuple[str, ...] | None = None
    """Claims without which a token is refused."""
    kidless: str | None = None
    """Tokens without ``kid``: ``one`` (if one key fits), ``try`` or ``never``."""
    mark: Mapping[str, str | int | bool] | Literal["none"] | None = None
    """Claims with exact values that mark an access token, in place of the profile's
    marks; ``none``: none is needed. Dots separate nested members."""
    roles_from: str | None = None
    """What of a role claim that is an object names the roles: ``values`` or ``keys``;
    None: the profile's."""
    logout: str | None = None
    """What a logout token with both ``sub`` and ``sid`` ends: ``session`` or
    ``subject`` (OpenID Connect Back-Channel Logout 1.0 section 2.4)."""
    max_lifetime: float | None = None
    """Longest time from ``iat`` to ``exp``, in seconds; None: unlimited."""
    relay_url: str | None = None
    """The token endpoint that ``TokenRelay`` posts to (RFC 6749 section 3.2); None:
    ``token_endpoint`` of the metadata (RFC 8414 section 2)."""
    relay_revocation_url: str | None = None
    """Its revocation endpoint (RFC 7009 section 2); None: ``revocation_endpoint``."""
    relay_client_secret: str | None = field(default=None, repr=False)
    """The client secret that ``TokenRelay`` adds (RFC 6749 section 2.3.1); None: the
    client is public. It is sent to this issuer only, and never logged."""
    relay_auth: str | None = None
    """How the secret is sent: ``basic`` (the default) or ``post`` (RFC 6749 section
    2.3.1)."""
    introspect: str = "never"
    """Which tokens the issuer is asked about (RFC 7662): ``never`` (none), ``opaque``
    ones, or ``always`` (JWTs too, after they were verified here)."""
    introspect_url: str | None = None
    """The introspection endpoint; None: ``introspection_endpoint`` of the metadata."""
    introspect_client_id: str | None = None
    """The client id of this API at the issuer."""
    introspect_client_secret: str | None = field(default=None, repr=False)
    """Its secret. It is sent to the endpoint only, and never logged."""
    introspect_auth: str | None = None
    """``basic``, ``post`` (RFC 6749 section 2.3.1) or ``private_key_jwt`` (RFC 7523);
    None: the last if there is a key, else the first."""
    introspect_key: str | None = field(default=None, repr=False)
    """The private key for ``private_key_jwt``, in PEM: P-256 or RSA."""
    introspect_ttl: float = 30
    """How long an answer is believed, in seconds; never beyond the token's ``exp``."""
    introspect_timeout: float = 2
    """Seconds that a request waits for an answer, time in the queue included."""
    introspect_paths: tuple[str, ...] = ()
    """Patterns of paths where JWTs are introspected, whatever ``introspect`` says."""
    introspect_outage: str = "refuse"
    """What happens to a JWT if the issuer does not answer: ``refuse`` with 503, or
    ``local``: what was verified here is enough."""
    opaque_prefix: tuple[str, ...] = ()
    """What its opaque tokens begin with; required if several issuers introspect."""
    tenants: frozenset[str] | Literal["any"] | None = None
    """The tenants of a ``url`` with a placeholder, as in
    ``https://id.example.com/realms/{realm}``: their names, or knowingly ``any``."""
