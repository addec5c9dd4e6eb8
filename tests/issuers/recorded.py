"""Token shapes of servers that cannot run here, from the pages that document them.

Names and ids are the pages' own examples. ``TENANT`` and the like are shortened; times
are filled in when a shape is signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

API = "https://api.example.com"
AUTH0_PROFILES = (
    "https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles"
)
AUTH0_RBAC = (
    "https://auth0.com/docs/get-started/apis/enable-role-based-access-control-for-apis"
)
ENTRA_ACCESS = (
    "https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference"
)
OKTA = "https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/"
COGNITO = "https://docs.aws.amazon.com/cognito/latest/developerguide/"

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
V1 = f"https://sts.windows.net/{TENANT}/"
V2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"
APP = "6e74172b-be56-4843-9ff4-e66a39bb12e3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of token, the page that shows it, and what it should come to.

    An access token is expected to be read as *client*, *scopes* and *roles*, any other
    token to be refused with *reason*.
    """

    server: str
    kind: str
    page: str
    issuer: str
    typ: str | None
    claims: Mapping[str, Any]
    client: str = "my_client_id"
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    reason: str = ""
    needs_profile: bool = False
    """Whether nothing but the server's own habits marks it as an access token."""
    audience: str = API

    @property
    def profile(self) -> str:
        """Return the profile's name: the last word of the server's."""
        return self.server.split()[-1].lower()


def _auth0(kind: str, page: str, claims: Mapping[str, Any], **rest: Any) -> Shape:
    common = {"iss": "https://my-domain.auth0.com/", "sub": "auth0|123456"}
    audience = [API, "https://my-domain.auth0.com/userinfo"]
    return Shape(
        server="Auth0",
        kind=kind,
        page=page,
        issuer=common["iss"],
        typ=rest.pop("typ", "JWT"),
        claims={**common, "aud": audience, **claims},
        **rest,
    )


def _entra(kind: str, claims: Mapping[str, Any], **rest: Any) -> Shape:
    issuer = rest.pop("issuer", V2)
    audience = rest.pop("audience", "ef1da9d4-ff77-4c3e-a005-840c3f830745")
    return Shape(
        server="Microsoft Entra",
        kind=kind,
        page=rest.pop("page", ENTRA_ACCESS),
        issuer=issuer,
        audience=audience,
        typ="JWT",
        client=APP,
        claims={
            "aud": audience,
            "iss": issuer,
            "aio": "AXQAi/8IAAAA",
            "name": "Abe Lincoln",
            "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
            "rh": "I",
            "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            "tid": TENANT,
            "uti": "fqiBqXLPj0eQa82S-IYFAA",
            **claims,
        },
        **rest,
    )


def _okta(kind: str, claims: Mapping[str, Any], **rest: Any) -> Shape:
    issuer = "https://example.okta.com/oauth2/default"
    return Shape(
        server="Okta",
        kind=kind,
        page=OKTA,
        issuer=issuer,
        audience="api://default",
        typ=None,
        claims={"ver": 1, "iss": issuer, "aud": "api://default", **claims},
        **rest,
    )


def _cognito(kind: str, page: str, claims: Mapping[str, Any], **rest: Any) -> Shape:
    issuer = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example"
    return Shape(
        server="Amazon Cognito",
        kind=kind,
        page=COGNITO + page,
        issuer=issuer,
        audience="unchecked",
        typ=None,
        claims={
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "cognito:groups": ["test-group-a"],
            "iss": issuer,
            "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "event_id": "64f513be-32db-42b0-b78e-b02127b4f463",
            **claims,
        },
        **rest,
    )


ACCESS = (
    _auth0(
        "Auth0 profile",
        AUTH0_PROFILES,
        {"azp": "my_client_id", "scope": "openid read:patients", "gty": "password"},
        scopes=frozenset({"openid", "read:patients"}),
    ),
    _auth0(
        "RFC 9068 profile",
        AUTH0_PROFILES,
        {"client_id": "my_client_id", "jti": "73Wak", "scope": "openid read:patients"},
        typ="at+jwt",
        scopes=frozenset({"openid", "read:patients"}),
    ),
    _auth0(
        "permissions, and no scope was asked for",
        AUTH0_RBAC,
        {"azp": "my_client_id", "permissions": ["read:patients"]},
        needs_profile=True,
        roles=frozenset({"read:patients"}),
    ),
    _auth0(
        "gty alone: no scope was asked for",
        AUTH0_PROFILES,
        {"azp": "my_client_id", "gty": "password"},
        needs_profile=True,
    ),
    _entra(
        "version 1, for a user",
        {
            "acr": "1",
            "amr": ["pwd"],
            "appid": APP,
            "appidacr": "0",
            "ipaddr": "222.222.222.22",
            "scp": "user_impersonation",
            "unique_name": "abeli@example.com",
            "ver": "1.0",
        },
        issuer=V1,
        audience="api://notes",
        scopes=frozenset({"user_impersonation"}),
    ),
    _entra(
        "version 2, for a user with an application role",
        {
            "azp": APP,
            "azpacr": "0",
            "preferred_username": "abeli@example.com",
            "roles": ["Notes.Admin"],
            "scp": "access_as_user notes.read",
            "ver": "2.0",
        },
        scopes=frozenset({"access_as_user", "notes.read"}),
        roles=frozenset({"Notes.Admin"}),
    ),
    _entra(
        "version 2, for an application: roles and no scp",
        {"azp": APP, "azpacr": "1", "roles": ["Notes.ReadAll"], "ver": "2.0"},
        needs_profile=True,
        roles=frozenset({"Notes.ReadAll"}),
    ),
    _okta(
        "of a custom authorization server",
        {
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMFE3lVOLr2Y",
            "sub": "abe@example.com",
            "cid": "my_client_id",
            "uid": "00uk1u7AsAk6dZL3z0g3",
            "scp": ["openid", "notes.read"],
            "groups": ["editors"],
            "auth_time": 1_688_145_909,
        },
        scopes=frozenset({"openid", "notes.read"}),
        roles=frozenset({"editors"}),
    ),
    _cognito(
        "with the scopes of a resource server",
        "amazon-cognito-user-pools-using-the-access-token.html",
        {
            "client_id": "my_client_id",
            "version": 2,
            "token_use": "access",
            "scope": "openid notes/read",
            "auth_time": 1_676_313_851,
            "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "username": "my-test-user",
        },
        scopes=frozenset({"openid", "notes/read"}),
        roles=frozenset({"test-group-a"}),
    ),
)

REFUSED = (
    _auth0(
        "ID token",
        "https://auth0.com/docs/secure/tokens/id-tokens/id-token-structure",
        {"aud": "my_client_id", "name": "Jane Doe", "email": "janedoe@example.com"},
        reason="id_token",
    ),
    _auth0(
        "logout token",
        "https://auth0.com/docs/authenticate/login/logout/back-channel-logout",
        {
            "aud": "my_client_id",
            "jti": "2d2f5a4c",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            "sid": "375UvU",
        },
        typ="logout+jwt",
        reason="logout_token",
    ),
    _entra(
        "ID token",
        {"aud": APP, "preferred_username": "abeli@example.com", "ver": "2.0"},
        page="https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference",
        reason="id_token",
    ),
    _entra(
        "ID token, where page and API are one registration",
        {"aud": APP, "preferred_username": "abeli@example.com", "ver": "2.0"},
        page="https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference",
        audience=APP,
        reason="id_token",
    ),
    _okta(
        "ID token",
        {
            "aud": "my_client_id",
            "sub": "00uk1u7AsAk6dZL3z0g3",
            "jti": "ID.4eAWJOCMB3SX8XewDfVR",
            "amr": ["pwd"],
            "idp": "00ok1u7AsAkrwdZL3z0g3",
            "preferred_username": "abe@example.com",
            "auth_time": 1_688_145_909,
            "at_hash": "cpqKfdQA5eH891Ff5oJr_Q",
        },
        reason="id_token",
    ),
    _cognito(
        "ID token",
        "amazon-cognito-user-pools-using-the-id-token.html",
        {
            "aud": "my_client_id",
            "cognito:username": "my-test-user",
            "token_use": "id",
            "auth_time": 1_676_313_851,
            "email": "my-test-user@example.com",
        },
        reason="id_token",
    ),
)
