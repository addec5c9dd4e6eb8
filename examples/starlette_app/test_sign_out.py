"""Signing out of the www server: a session, all of them, somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from jwtguard.testing import JWTIssuer

from .settings import Settings
from .site import PATHS, create_app

SITE = "https://www.example"
COOKIE = "__Host-notes"
Browse = Callable[..., TestClient]


@pytest.fixture
def given_back() -> list[bytes]:
    """What the site posted to the issuer's revocation endpoint."""
    return []


@pytest.fixture
def app(jwt_issuer: JWTIssuer, given_back: list[bytes]) -> Starlette:
    """The site; token server and API are a few lines."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/openid-configuration":
            url = jwt_issuer.url
            found = {"issuer": url, "revocation_endpoint": f"{url}/revoke"}
            return httpx.Response(200, json=found)
        if request.url.path == "/revoke":
            given_back.append(request.content)
        return httpx.Response(200, json={"notes": []})

    paths = {
        name.removeprefix("JWTGUARD_").lower(): value.split()
        for name, value in PATHS.items()
    }
    guard = jwt_issuer.guard(cookie=COOKIE, public_url=[SITE], **paths)
    transport = httpx.MockTransport(answer)
    return create_app(guard, Settings(api_url="https://api.example"), transport)


@pytest.fixture
def browse(app: Starlette, jwt_issuer: JWTIssuer) -> Iterator[Browse]:
    """Open a browser that is signed in, with a token as described."""
    with TestClient(app, base_url=SITE):

        def open_one(**token: Any) -> TestClient:
            browser = TestClient(app, base_url=SITE, follow_redirects=False)
            held = {COOKIE: jwt_issuer.token(**token), "__Host-notes-refresh": "r1"}
            for name, value in held.items():
                browser.cookies.set(name, value, "www.example", "/")
            return browser

        yield open_one


def leads_to(browser: TestClient) -> str:
    """Open the home page; return where it leads, or "" if it is shown."""
    return browser.get("/").headers.get("Location", "")


@pytest.mark.parametrize("path", ["/session/logout", "/session/logout-all"])
def test_a_copy_of_the_cookie_ends_too(browse: Browse, path: str) -> None:
    """Whoever has the same token is out; another session stays, or ends with it."""
    mine, stolen = browse(claims={"sid": "s1"}), browse(claims={"sid": "s1"})
    other, bob = browse(claims={"sid": "s2"}), browse(subject="bob")
    assert {leads_to(one) for one in (mine, stolen, other, bob)} == {""}

    answer = mine.post(path, headers={"Origin": SITE})
    assert answer.headers["Location"] == "/login"
    assert not mine.cookies
    assert leads_to(stolen) == "/login"
    assert leads_to(other) == ("/login" if path.endswith("all") else "")
    assert leads_to(bob) == ""


def test_a_session_that_was_ended_gives_its_refresh_token_back(
    browse: Browse, given_back: list[bytes]
) -> None:
    """Else one click on a link to the renewal would sign the browser in again."""
    mine, other = browse(), browse()
    mine.post("/session/logout-all", headers={"Origin": SITE})
    given_back.clear()
    assert leads_to(other) == "/login"
    assert not other.cookies
    assert given_back == [b"token=r1&client_id=www"]


def test_an_open_page_hears_of_it(browse: Browse) -> None:
    """The socket of another tab is closed, with the reason that the page looks for."""
    mine, other = browse(), browse()
    url, headers = "wss://www.example/live", {"Origin": SITE}
    with other.websocket_connect(url, headers=headers) as tab:
        mine.post("/session/logout-all", headers=headers)
        with pytest.raises(WebSocketDisconnect) as closed:
            tab.receive_text()
    assert (closed.value.code, closed.value.reason) == (4401, "revoked")


def test_signing_out_twice_is_fine(browse: Browse) -> None:
    """The button on a page that is out of date leads to the form as well."""
    mine, copy = browse(claims={"sid": "s"}), browse(claims={"sid": "s"})
    for browser in (mine, mine, copy):
        answer = browser.post("/session/logout", headers={"Origin": SITE})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize("path", ["/session/logout", "/session/logout-all", "/admin"])
def test_another_site_cannot_sign_out(browse: Browse, path: str) -> None:
    """A form from elsewhere is refused, and the session goes on."""
    mine, bob = browse(roles=["admin"]), browse(subject="bob")
    headers = {"Origin": "https://evil.example"}
    for browser in (mine, bob):
        answer = browser.post(path, data={"subject": "bob"}, headers=headers)
        assert answer.status_code == 403
    assert (leads_to(mine), leads_to(bob)) == ("", "")


def test_an_admin_ends_the_sessions_of_another(browse: Browse) -> None:
    """The page lists who was here; its button ends them, and the admin stays."""
    admin, bob = browse(roles=["admin"]), browse(subject="bob")
    assert 'href="/admin"' not in bob.get("/").text
    assert 'href="/admin"' in admin.get("/").text
    assert 'name="subject" value="bob"' in admin.get("/admin").text

    answer = admin.post("/admin", data={"subject": "bob"}, headers={"Origin": SITE})
    assert "The sessions of <b>bob</b> have ended." in answer.text
    assert 'name="subject" value="bob"' not in answer.text
    assert leads_to(bob) == "/login"
    assert leads_to(admin) == ""


def test_the_admin_page_is_for_admins(browse: Browse) -> None:
    """Others see that it is not for them, and end nobody's session by it."""
    alice, bob = browse(), browse(subject="bob")
    form = {"subject": "alice"}
    page = bob.get("/admin", headers={"Accept": "text/html"})
    assert (page.status_code, "Forbidden" in page.text) == (403, True)
    answer = bob.post("/admin", data=form, headers={"Origin": SITE})
    assert answer.status_code == 403
    assert leads_to(alice) == ""
    nobody = browse()
    nobody.cookies.clear()
    assert nobody.get("/admin").status_code == 401


@pytest.mark.parametrize("form", [{}, {"subject": ""}])
def test_somebody_must_be_named(browse: Browse, form: dict[str, str]) -> None:
    """An empty form ends nobody's session, least of all everybody's."""
    admin, bob = browse(roles=["admin"]), browse(subject="bob")
    answer = admin.post("/admin", data=form, headers={"Origin": SITE})
    assert answer.status_code == 422
    assert leads_to(bob) == ""


def test_the_issuer_can_end_a_session(browse: Browse, jwt_issuer: JWTIssuer) -> None:
    """Its logout token needs neither cookie nor origin, and the page is out."""
    mine = browse()
    assert leads_to(mine) == ""
    form = {"logout_token": jwt_issuer.logout_token()}
    other = TestClient(mine.app, base_url=SITE)
    assert other.post("/oidc/logout", data=form).status_code == 200
    assert leads_to(mine) == "/login"
