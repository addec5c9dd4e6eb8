"""The neighbours of the www server in a few lines, and a guard that talks to them."""

from __future__ import annotations

import json
import secrets

import httpx
import pytest

from jwtguard import Guard, load_policy
from jwtguard.testing import JWTIssuer

from .site import OWN

SITE = "https://www.example"


class Neighbours:
    """Play the token server and the API: alice is known, and has one note.

    Each server sets a cookie for each visitor, which must not come back with the next
    one. ``trouble`` is what the token server answers to grants instead, or raises.
    """

    def __init__(self, issuer: JWTIssuer) -> None:
        self.issuer = issuer
        self.refresh_token = "r1"
        self.grants: list[str] = []
        self.given_back: list[str] = []
        self.trouble: httpx.Response | httpx.TransportError | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request of the site's."""
        assert "Cookie" not in request.headers
        url, path = self.issuer.url, request.url.path
        if path == "/.well-known/openid-configuration":
            ours = {name: f"{url}/{name}" for name in ("token", "revoke")}
            found = {
                **self.issuer.metadata(),
                "token_endpoint": ours["token"],
                "revocation_endpoint": ours["revoke"],
            }
            return httpx.Response(200, json=found)
        if path in ("/token", "/revoke"):
            return self._token_server(
                path, dict(httpx.QueryParams(request.content.decode()))
            )
        if request.url.host != "api.example":
            got = self.issuer.transport(str(request.url), {}, 1)
            return httpx.Response(got.status, content=got.body)
        if request.method == "POST":
            return httpx.Response(201, json=json.loads(request.content))
        caller = request.headers["Authorization"]
        note = {"text": f"seen with {caller[:9]}", "created": "2026-01-01T10:00:00Z"}
        return self._answer({"notes": [note]})

    def _token_server(self, path: str, form: dict[str, str]) -> httpx.Response:
        if path == "/revoke":
            self.given_back.append(form["token"])
            return httpx.Response(200)
        self.grants.append(form["grant_type"])
        if isinstance(self.trouble, httpx.TransportError):
            raise self.trouble
        if self.trouble:
            return self.trouble
        known = ("wonderland", self.refresh_token)
        if form.get("password", form.get("refresh_token")) not in known:
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.refresh_token += "+"  # each is good for one use
        token = self.issuer.token(client_id="www", scope="notes:read")
        found = {"access_token": token, "refresh_token": self.refresh_token}
        return self._answer({**found, "token_type": "Bearer"})

    def _answer(self, body: object) -> httpx.Response:
        return httpx.Response(200, headers={"Set-Cookie": "session=alice"}, json=body)


@pytest.fixture
def neighbours(jwt_issuer: JWTIssuer) -> Neighbours:
    """The servers around the site."""
    return Neighbours(jwt_issuer)


@pytest.fixture
def guard(jwt_issuer: JWTIssuer, neighbours: Neighbours) -> Guard:
    """A guard by the site's own settings, and those that an operator adds."""
    environ = {
        **OWN,
        "JWTGUARD_ISSUER": jwt_issuer.url,
        "JWTGUARD_AUDIENCE": jwt_issuer.audience,
        "JWTGUARD_CLIENTS": "www spa",
        "JWTGUARD_PUBLIC_URL": SITE,
        "JWTGUARD_SECRETS": secrets.token_urlsafe(32),
    }
    return Guard(
        load_policy(environ),
        clock=jwt_issuer.clock,
        transport=httpx.MockTransport(neighbours),
    )
