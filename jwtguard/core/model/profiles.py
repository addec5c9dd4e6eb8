"""RFC 9068, and what issuers made before it: which token is an access token.

A profile says where an issuer family keeps client, scopes and roles, and how its
access tokens can be told from its other tokens. It is data; the rules that read it
are in ``claims.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

AT_JWT = frozenset({"at+jwt", "application/at+jwt"})
UNMARKED = "none"
"""In place of a mark: access tokens need none."""
ROLES_FROM = ("values", "keys")
ANY_JWT = AT_JWT | {"jwt", "application/jwt", ""}
"""The empty string stands for an absent ``typ``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The habits of one family of issuers.

    ``marks`` are claims that only its access tokens bear (claim to accepted values);
    ``hints`` are claims whose presence alone speaks for an access token. ``mark``, if
    set, replaces both, and the header ``at+jwt`` as a mark: each claim in it must have
    exactly its value; ``none``: no mark is needed. ``roles_from`` is ``keys`` where a
    role claim is an object whose keys are the roles.
    ``logout`` says what a logout token ends: ``session`` where access tokens hold the
    same ``sid``, else ``subject``. ``{audience}`` in a role claim stands for each
    accepted audience. ``expect_bound`` holds what claims of ``expect`` are instead in
    tokens that are bound to a DPoP key.
    """

    name: str
    header_types: Collection[str] = ANY_JWT
    expect: Mapping[str, str] = field(default_factory=dict)
    expect_bound: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, Collection[str]] = field(default_factory=dict)
    hints: Collection[str] = ()
    mark: Mapping[str, str | int | bool] | Literal["none"] | None = None
    needs_mark: bool = True
    client_claims: Sequence[str] = ("client_id", "azp")
    scope_claims: Sequence[str] = ("scope", "scp")
    role_claims: Sequence[str] = ()
    roles_from: str = "values"
    subject_claim: str = "sub"
    require: Collection[str] = ("exp", "iss", "aud", "sub")
    kidless: str = "one"
    logout: str = "subject"


# The only profile without marks: the header `typ: at+jwt` is the mark, and required.
RFC9068 = Profile(
    name="rfc9068",
    header_types=AT_JWT,
    client_claims=("client_id",),
    scope_claims=("scope",),
    role_claims=("roles",),
    require=("exp", "iss", "aud", "sub", "client_id", "iat", "jti"),
)
# For issuers that we know nothing of: any of the marks that some server uses, and none
# is needed from a given server.
GENERIC = Profile(
    name="generic",
    marks={
        "token_use": ("access",),
        "typ": ("bearer",),
        "type": ("access", "access_token"),
        "token_type": ("access", "access_token"),
        "token_class": ("access_token",),
    },
    hints=("client_id",),
    role_claims=("roles",),
)
# Keycloak signs ID tokens with the same key; `typ` in the claims tells them apart.
KEYCLOAK = Profile(
    name="keycloak",
    expect={"typ": "Bearer"},
    expect_bound={"typ": "DPoP"},
    marks={"typ": ("bearer", "dpop")},
    client_claims=("azp", "client_id"),
    scope_claims=("scope",),
    role_claims=("realm_access.roles", "resource_access.{audience}.roles"),
    logout="session",
)
# `gty` names the grant that a token came from, and is in access tokens only.
AUTH0 = Profile(
    name="auth0",
    marks={"gty": ("password", "client-credentials", "refresh_token")},
    hints=("client_id", "permissions"),
    client_claims=("azp", "client_id"),
    scope_claims=("scope",),
    role_claims=("permissions",),
)
# `azpacr` (v2) and `appidacr` (v1) say how the client authenticated, and are in access
# tokens only.
ENTRA = Profile(
    name="entra",
    hints=("appidacr", "azpacr"),
    client_claims=("azp", "appid"),
    scope_claims=("scp",),
    role_claims=("roles",),
)
# `cid` is in access tokens only; ID tokens name the client in `aud`.
OKTA = Profile(
    name="okta",
    hints=("cid",),
    client_claims=("cid",),
    scope_claims=("scp",),
    role_claims=("groups",),
)
# Access tokens have no `aud`, so the client is required: clients_only can then keep
# others out.
COGNITO = Profile(
    name="cognito",
    expect={"token_use": "access"},
    marks={"token_use": ("access",)},
    client_claims=("client_id",),
    scope_claims=("scope",),
    role_claims=("cognito:groups",),
    require=("exp", "iss", "sub", "client_id"),
)

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (RFC9068, GENERIC, KEYCLOAK, AUTH0, ENTRA, OKTA, COGNITO)
}
