"""Signing out of the www server: a session, all of them, somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from jwtguard import Guard
from jwtguard.testing import JWTIssuer

from .conftest import SITE, Neighbours
from .settings import Settings
from .site import create_app

Browse = Callable[..., TestClient]


@pytest.fixture
def app(guard: Guard, neighbours: Neighbours) -> Starlette:
    """The site; token server and API are a few lines."""
    settings = Settings(api_url="https://api.example")
    return create_app(guard, settings, httpx.MockTransport(neighbours))


@pytest.fixture
def browse(
    app: Starlette, guard: Guard, jwt_session: Callable[..., dict[str, str]]
) -> Iterator[Browse]:
    """Open a browser that is signed in, with a token as described."""
    with TestClient(app, base_url=SITE):

        def open_one(**token: Any) -> TestClient:
            headers = {"Accept": "text/html"}
            browser = TestClient(
                app, base_url=SITE, follow_redirects=False, headers=headers
            )
            cookie = jwt_session(guard, client_id="www", **token)["Cookie"]
            name, _, value = cookie.partition("=")
            browser.cookies.set(name, value, "www.example", "/")
            return browser

        yield open_one


def leads_to(browser: TestClient) -> str:
    """Open the home page; return where it leads, or "" if it is shown."""
    return browser.get("/").headers.get("Location", "").partition("?")[0]


@pytest.mark.parametrize("path", ["/logout", "/logout-all"])
def test_a_copy_of_the_cookie_ends_too(browse: Browse, path: str) -> None:
    """A request with the same token is refused; other sessions stay, or end too."""
    mine, stolen = browse(claims={"sid": "s1"}), browse(claims={"sid": "s1"})
    other, bob = browse(claims={"sid": "s2"}), browse(subject="bob")
    assert {leads_to(one) for one in (mine, stolen, other, bob)} == {""}

    answer = mine.post(path, headers={"Origin": SITE})
    assert answer.headers["Location"] == "/login"
    assert not mine.cookies
    assert leads_to(stolen) == "/login"
    assert leads_to(other) == ("/login" if path.endswith("all") else "")
    assert leads_to(bob) == ""


def test_an_open_page_hears_of_it(browse: Browse) -> None:
    """The socket of another tab is closed, with the reason that the page looks for."""
    mine, other = browse(), browse()
    url, headers = "wss://www.example/live", {"Origin": SITE}
    with other.websocket_connect(url, headers=headers) as tab:
        mine.post("/logout-all", headers=headers)
        with pytest.raises(WebSocketDisconnect) as closed:
            tab.receive_text()
    assert (closed.value.code, closed.value.reason) == (4401, "revoked")


def test_signing_out_twice_is_fine(browse: Browse) -> None:
    """The button on an outdated page leads to the form too."""
    mine, copy = browse(claims={"sid": "s"}), browse(claims={"sid": "s"})
    for browser in (mine, mine, copy):
        answer = browser.post("/logout", headers={"Origin": SITE})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize("path", ["/logout", "/logout-all", "/admin"])
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
    """Other users get a refusal, and cannot end sessions."""
    alice, bob = browse(), browse(subject="bob")
    form = {"subject": "alice"}
    page = bob.get("/admin")
    assert (page.status_code, "Forbidden" in page.text) == (403, True)
    answer = bob.post("/admin", data=form, headers={"Origin": SITE})
    assert answer.status_code == 403
    assert leads_to(alice) == ""
    nobody = browse()
    nobody.cookies.clear()
    assert nobody.get("/admin").headers["Location"] == "/login?next=/admin"


@pytest.mark.parametrize("form", [{}, {"subject": ""}])
def test_somebody_must_be_named(browse: Browse, form: dict[str, str]) -> None:
    """An empty form does not end any session."""
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
