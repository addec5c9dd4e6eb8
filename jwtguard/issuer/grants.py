"""RFC 6749 sections 4.3 and 6, RFC 7009, RFC 9068: Authlib's classes with our store."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, cast

from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.authenticate_client import authenticate_none
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator

from ..inspect.hints import OUR_REFRESH_TOKEN
from . import config
from .access_tokens import AccessToken, AccessTokens
from .dpop import RefusedProofError, bound_to
from .keys import Keys
from .store import REFRESH_SECONDS, OAuthClient, RefreshToken, Session, Store

CLIENT_AUTHENTICATION = ["none", "client_secret_basic", "client_secret_post"]


class TokenGenerator(JWTBearerTokenGenerator):  # type: ignore[misc]
    """Makes access tokens (RFC 9068) with the newest key, and ID tokens beside them."""

    def __init__(
        self, issuer: str, keys: Keys, tokens: AccessTokens, settings: config.Config
    ) -> None:
        super().__init__(
            issuer,
            keys.alg,
            refresh_token_generator=lambda **_: (
                OUR_REFRESH_TOKEN + secrets.token_urlsafe(32)
            ),
            expires_generator=self._lifetime,
        )
        self._keys = keys
        self._tokens = tokens
        self._settings = settings

    def _lifetime(self, client: OAuthClient, _grant_type: str) -> int:
        own = client.settings.access_token_lifetime
        return own or self._settings.access_token_lifetime

    def get_audiences(self, client: OAuthClient, user: Any, scope: Any) -> str:
        """Return the API that the client's tokens are for (RFC 9068 section 3)."""
        del user, scope
        return client.settings.audience or self._settings.audience

    def get_extra_claims(
        self, client: OAuthClient, grant_type: str, user: Session, scope: str
    ) -> dict[str, Any]:
        """Add the session, and login and roles (RFC 9068 sections 2.2.1, 2.2.3.1)."""
        del client, grant_type, scope
        claims: dict[str, Any] = {"sid": user.sid, **_login_of(user)}
        roles = user.user.roles
        return {**claims, "roles": list(roles)} if roles else claims

    @staticmethod
    def get_allowed_scope(client: OAuthClient, scope: str | None) -> str:
        """Return *scope*: it was narrowed to what client and user may have."""
        del client
        return scope or ""

    def generate(
        self,
        grant_type: str,
        client: OAuthClient,
        user: Any = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        """Return the token response (RFC 6749 section 5.1)."""
        asked = client.get_allowed_scope(scope).split()
        # RFC 6749 section 3.3: less than what was asked for is no error, and the answer
        # says what it is.
        granted = " ".join(name for name in asked if name in user.user.scopes)
        token: dict[str, Any] = super().generate(
            grant_type,
            client,
            user,
            granted,
            expires_in,
            include_refresh_token and client.settings.refresh,
        )
        token["scope"] = granted
        if bound_to() is not None:
            token["token_type"] = "DPoP"  # noqa: S105  # RFC 9449 section 5
        if "openid" in granted.split():
            token["id_token"] = self._id_token(client, user)
        return token

    def access_token_generator(
        self, client: OAuthClient, grant_type: str, user: Session, scope: str
    ) -> str:
        """RFC 9068 section 2. Authlib's own sets no ``kid``, nor signs with EdDSA."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": user.get_user_id(),
            "aud": self.get_audiences(client, user, scope),
            "client_id": client.get_client_id(),
            "scope": scope,
            "iat": now,
            "exp": now + self._lifetime(client, grant_type),
            "jti": self.get_jti(client, grant_type, user, scope),
            **self.get_extra_claims(client, grant_type, user, scope),
        }
        jkt = bound_to()
        if jkt is not None:
            claims["cnf"] = {"jkt": jkt}  # RFC 9449 section 6.1
        return self._tokens.issue(claims)

    def _id_token(self, client: OAuthClient, session: Session) -> str:
        """OpenID Connect Core section 2."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": session.user.name,
            "sid": session.sid,
            **_login_of(session),
            "aud": client.get_client_id(),
            "azp": client.get_client_id(),
            "iat": now,
            "exp": now + self._lifetime(client, ""),
            **session.user.profile,
        }
        return self._keys.sign("JWT", claims)


def _login_of(session: Session) -> dict[str, Any]:
    """Return what tokens say of the login: when, and how (RFC 9470 section 6.1)."""
    acr = {} if session.acr is None else {"acr": session.acr}
    return {"auth_time": session.auth_time, **acr}


def authenticate_public(
    query_client: Callable[[str], OAuthClient | None], request: Any
) -> OAuthClient | None:
    """Find a client that names itself only: in the form, or by Basic without a secret.

    Swagger UI sends the second unless told otherwise. Authlib asks the client itself
    whether it is a public one.
    """
    name, secret = extract_basic_authorization(request.headers)
    if name is None:
        return cast(OAuthClient | None, authenticate_none(query_client, request))
    form = request.form
    if secret or form.get("client_secret") or form.get("client_id", name) != name:
        return None
    return query_client(name)


def make_grants(store: Store) -> tuple[type, type]:
    """Return the password grant and the refresh grant."""

    class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_AUTHENTICATION

        def authenticate_user(self, username: str, password: str) -> config.User:
            user = store.login(username, password)
            if user is None:
                # One sentence for both: it must not tell which names exist.
                raise InvalidGrantError("The user name or the password is wrong.")
            return user

        def validate_token_request(self) -> None:
            super().validate_token_request()
            check_proof(self.request.client)
            asked = self.request.form.get("acr_values", "")
            request = self.request
            request.user = store.begin(request.user, request.client, asked)

    class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_AUTHENTICATION
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
            return store.find(refresh_token)

        def validate_token_request(self) -> None:
            # Only its own client can spend a token, or end a family by using it twice.
            super().validate_token_request()
            check_proof(self.request.client, self.request.refresh_token)
            if store.spend(self.request.refresh_token.value) is None:
                raise InvalidGrantError("The refresh token was used, or has ended.")

        def authenticate_user(self, refresh_token: RefreshToken) -> Session:
            return refresh_token.session

        def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
            """It was spent when it was read."""

    return PasswordGrant, RefreshGrant


def check_proof(client: OAuthClient, token: RefreshToken | None = None) -> None:
    """Refuse a request without the proof that *client* or *token* needs.

    RFC 9449 section 5: the refresh tokens of public clients are bound too.
    """
    # Before the token is spent: whoever cannot use it must not end its session either.
    bound = token.jkt if token is not None else None
    needed = bound is not None or client.settings.dpop_bound_access_tokens
    if needed and bound_to() is None:
        raise RefusedProofError("This token request needs a DPoP proof")
    if bound is not None and bound != bound_to():
        raise InvalidGrantError("The refresh token is bound to another key.")


def make_revocation(store: Store, tokens: AccessTokens) -> type:
    """Return the revocation endpoint.

    RFC 7009 section 2.1: a refresh token ends with its session, an access token alone.
    """

    class Revocation(RevocationEndpoint):  # type: ignore[misc]
        CLIENT_AUTH_METHODS = CLIENT_AUTHENTICATION

        def query_token(
            self, token_string: str, _hint: str
        ) -> RefreshToken | AccessToken | None:
            return store.find(token_string) or tokens.find(token_string)

        def revoke_token(self, token: RefreshToken | AccessToken, _: Any) -> None:
            if isinstance(token, AccessToken):
                tokens.end(token)
            else:
                store.end(token.session)

    return Revocation


def keep_refresh_token(store: Store, token: dict[str, Any], request: Any) -> None:
    """Authlib's ``save_token``: access tokens are not kept, refresh tokens are."""
    value = token.get("refresh_token")
    if value is None:
        return
    before: RefreshToken | None = getattr(request, "refresh_token", None)
    public = request.client.settings.secret is None
    kept = RefreshToken(
        value=value,
        session=request.user,
        # RFC 6749 section 6: narrowing one access token does not narrow the next.
        scope=before.scope if before else token["scope"],
        expires_at=time.time() + REFRESH_SECONDS,
        jkt=bound_to() if public else None,
    )
    store.keep(kept)
