"""Keycloak's own login form, filled in as a browser does."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.issuers.examples import PASSWORD, SCOPE
from tests.issuers.keycloak.server import Keycloak

PAGE = "https://www.example.com/"
CLIENT = {
    "clientId": "page",
    "publicClient": True,
    "directAccessGrantsEnabled": False,
    "redirectUris": [PAGE],
}


class Browser:
    """Signs alice in with the authorization code flow, at a client of its own.

    It keeps its cookies itself: Keycloak's are ``Secure``, which browsers send on
    loopback, too.
    """

    def __init__(self, keycloak: Keycloak, realm: str = "main") -> None:
        keycloak.create(f"/{realm}/clients", CLIENT)
        self._path = f"/realms/{realm}/protocol/openid-connect"
        self._http = httpx.Client(base_url=keycloak.url, timeout=30, trust_env=False)
        self._cookies: dict[str, str] = {}

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def sign_in(self, **asked: str) -> dict[str, str]:
        """Return the tokens; the form appears unless the session is good enough."""
        query = {"client_id": "page", "redirect_uri": PAGE, "response_type": "code"}
        answer = self._send(
            "GET", f"{self._path}/auth", params={**query, "scope": SCOPE, **asked}
        )
        if answer.status_code == 200:
            answer = self._send("POST", _action(answer.text), data=_FIELDS)
        (code,) = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
        return self.token(grant_type="authorization_code", code=code, redirect_uri=PAGE)

    def token(self, **form: str) -> dict[str, str]:
        """Ask the token endpoint."""
        answer = self._http.post(
            f"{self._path}/token", data={"client_id": "page", **form}
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    def _send(self, method: str, url: str, **rest: dict[str, str]) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        answer = self._http.request(method, url, headers={"Cookie": cookie}, **rest)  # type: ignore[arg-type]
        for field in answer.headers.get_list("Set-Cookie"):
            name, _, value = field.partition(";")[0].partition("=")
            self._cookies[name] = value
        self._http.cookies.clear()
        return answer


_FIELDS = {"username": "alice", "password": PASSWORD}


def _action(page: str) -> str:
    found = re.search(r'action="([^"]+)"', page)
    assert found, page
    return html.unescape(found[1])
