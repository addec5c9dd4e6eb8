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


class SignInError(Exception):
    """The token server said no, or nothing; the text is for the person."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one grant brought."""

    access: str
    refresh: str | None


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
        except (httpx.HTTPError, SignInError):
            return

    async def _grant(self, **form: str) -> Tokens:
        try:
            url = (await self._endpoints())["token_endpoint"]
            answer = await self._post(url, form)
            body = answer.json()
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise SignInError("The token server cannot be reached.") from error
        if answer.status_code == 429:
            raise SignInError("Too many attempts. Wait a minute, then try again.")
        if answer.status_code != 200:
            raise SignInError("Name or password is wrong.")
        return Tokens(body["access_token"], body.get("refresh_token"))

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
                raise SignInError("The token server gives itself another name.")
            self._metadata = found
        return self._metadata
