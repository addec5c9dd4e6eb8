"""The token server as this site uses it: RFC 6749 section 4.3, section 6, RFC 7009."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import anyio
import httpx
from cachetools import TTLCache

from .settings import Settings

TABS_SECONDS = 30
"""For so long, a tab that lags behind gets what the first one was given."""
NO_ANSWER = "The token server cannot be reached. Try again in a few seconds."
NOT_SERVED = "The token server does not serve this site."
TOO_MANY = "Too many attempts. Wait a minute, then try again."
FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What an answer that is missing, or no JSON object, raises on its way."""


class SignInError(Exception):
    """No tokens: the token server does not want this password or refresh token.

    The text is for the person, ``status`` for the browser.
    """

    status = 401


class TokenServerError(SignInError):
    """No tokens either, but for no fault of the person: their session goes on.

    With status 503, nobody has looked at the password.
    """

    def __init__(self, text: str, status: int = 503) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one grant brought."""

    access: str
    refresh: str | None

    def __post_init__(self) -> None:
        if not isinstance(self.access, str) or not isinstance(self.refresh, str | None):
            raise TypeError("a token is a string")


class TokenServer:
    """Asks one issuer for tokens; its endpoints are found when first needed."""

    def __init__(
        self, issuer: str, settings: Settings, http: httpx.AsyncClient
    ) -> None:
        self.issuer = issuer
        self.settings = settings
        self.http = http
        self._metadata: dict[str, Any] = {}
        self._renewing = anyio.Lock()
        self._renewed: TTLCache[str, Tokens] = TTLCache(1000, TABS_SECONDS)

    async def sign_in(self, username: str, password: str) -> Tokens:
        """Trade name and password for tokens, or raise ``SignInError``."""
        return await self._grant(
            grant_type="password",
            username=username,
            password=password,
            scope=self.settings.scope,
        )

    async def renew(self, refresh_token: str) -> Tokens:
        """Trade a refresh token for new tokens, or raise ``SignInError``.

        It works once. Two tabs that come at the same time share one trade: else the
        second would look like a thief, and end the session of both.
        """
        async with self._renewing:
            known = self._renewed.get(refresh_token)
            if known is None:
                known = await self._grant(
                    grant_type="refresh_token", refresh_token=refresh_token
                )
                self._renewed[refresh_token] = known
            return known

    async def revoke(self, refresh_token: str) -> None:
        """Give the refresh token back. A token server that is down changes nothing."""
        try:
            url = (await self._endpoints()).get("revocation_endpoint")
            if url:
                await self._post(url, {"token": refresh_token})
        except (SignInError, *FAILURES):
            return

    async def _grant(self, **form: str) -> Tokens:
        try:
            url = (await self._endpoints())["token_endpoint"]
            answer = await self._post(url, form)
        except FAILURES as error:
            raise TokenServerError(NO_ANSWER) from error
        if answer.status_code >= 500:
            raise TokenServerError(NO_ANSWER)
        if answer.status_code == 429:
            raise TokenServerError(TOO_MANY, 429)
        return _tokens_in(answer)

    async def _post(self, url: str, form: dict[str, str]) -> httpx.Response:
        """RFC 6749 section 2.3.1: a secret goes into Basic, form-encoded first."""
        name, secret = self.settings.client_id, self.settings.client_secret
        if not secret:
            return await self.http.post(url, data={**form, "client_id": name})
        auth = httpx.BasicAuth(quote_plus(name), quote_plus(secret))
        return await self.http.post(url, data=form, auth=auth)

    async def _endpoints(self) -> dict[str, Any]:
        """OpenID discovery; the issuer must name itself as we were told."""
        if not self._metadata:
            url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = (await self.http.get(url)).raise_for_status().json()
            if found.get("issuer") != self.issuer:
                problem = "The token server gives itself another name."
                raise TokenServerError(problem, 502)
            self._metadata = found
        return self._metadata


def _tokens_in(answer: httpx.Response) -> Tokens:
    """RFC 6749 section 5: ``invalid_grant`` alone is about the person."""
    try:
        body = answer.json()
        if answer.status_code == 200:
            return Tokens(body["access_token"], body.get("refresh_token"))
        error = body["error"]
    except FAILURES as broken:
        raise TokenServerError(NOT_SERVED, 502) from broken
    if error == "invalid_grant":
        raise SignInError("Name or password is wrong.")
    raise TokenServerError(NOT_SERVED, 502)
