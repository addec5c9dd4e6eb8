"""The www server with really signed tokens; token server and API are a few lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest
from starlette.testclient import TestClient

from jwtguard.testing import FakeClock, JWTIssuer

from .settings import Settings
from .site import PATHS, create_app

SITE = "https://www.example"
FORM = {"username": "alice", "password": "wonderland"}


def neighbours(issuer: JWTIssuer) -> Callable[[httpx.Request], httpx.Response]:
    """Play the token server and the API: alice is known, and has one note.

    The token server sets a cookie for each visitor, which must not come back with the
    next one.
    """

    def answer(request: httpx.Request) -> httpx.Response:
        assert "Cookie" not in request.headers
        if request.url.path == "/.well-known/openid-configuration":
            found = {"issuer": issuer.url, "token_endpoint": f"{issuer.url}/token"}
            return httpx.Response(200, json=found)
        if request.url.path == "/token":
            form = dict(httpx.QueryParams(request.content.decode()))
            if "wonderland" not in form.values() and form.get("refresh_token") != "r1":
                return httpx.Response(400, json={"error": "invalid_grant"})
            tokens = {"access_token": issuer.token(client_id="www", scope="notes:read")}
            cookie = {"Set-Cookie": "session=alice"}
            found = {**tokens, "refresh_token": "r1"}
            return httpx.Response(200, headers=cookie, json=found)
        if request.method == "POST":
            return httpx.Response(201, json=json.loads(request.content))
        caller = request.headers["Authorization"]
        note = {"text": f"seen with {caller[:9]}", "created": "2026-01-01T10:00:00Z"}
        return httpx.Response(200, json={"notes": [note]})

    return answer


@pytest.fixture
def browser(jwt_issuer: JWTIssuer) -> Iterator[TestClient]:
    """A browser in front of the site, which is served over https."""
    paths = {
        name.removeprefix("JWTGUARD_").lower(): value.split()
        for name, value in PATHS.items()
    }
    guard = jwt_issuer.guard(cookie="__Host-notes", public_url=[SITE], **paths)
    transport = httpx.MockTransport(neighbours(jwt_issuer))
    app = create_app(guard, Settings(api_url="https://api.example"), transport)
    with TestClient(app, base_url=SITE, follow_redirects=False) as client:
        yield client


def post(
    browser: TestClient, path: str, origin: str = SITE, **form: str
) -> tuple[int, str]:
    """Send a form from a page of *origin*; return status and where it leads."""
    answer = browser.post(path, data=form, headers={"Origin": origin})
    return answer.status_code, answer.headers.get("Location", "")


def test_a_stranger_is_sent_to_the_form(browser: TestClient) -> None:
    """Without a cookie, the home page leads to the login form."""
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert "Password" in browser.get("/login").text


def test_the_cookie_is_out_of_reach(browser: TestClient) -> None:
    """Signing in sets a cookie that neither scripts nor other sites get."""
    answer = browser.post("/login", data=FORM, headers={"Origin": SITE})
    token, refresh = answer.headers.get_list("Set-Cookie")
    assert token.startswith("__Host-notes=")
    for cookie in (token, refresh):
        for attribute in ("HttpOnly", "Secure", "SameSite=lax"):
            assert attribute in cookie
    assert "Path=/session" in refresh


def test_the_page_forwards_the_token(browser: TestClient) -> None:
    """The home page shows what the API says to the same token."""
    assert post(browser, "/login", **FORM) == (303, "/")
    page = browser.get("/")
    assert "seen with Bearer ey" in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_a_wrong_password_shows_the_form_again(browser: TestClient) -> None:
    """The form says that the password was wrong, and sets no cookie."""
    answer = browser.post(
        "/login", data={**FORM, "password": "x"}, headers={"Origin": SITE}
    )
    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert not browser.cookies


def test_an_old_token_is_renewed(browser: TestClient, jwt_clock: FakeClock) -> None:
    """An expired cookie leads through the refresh token back to the page."""
    post(browser, "/login", **FORM)
    jwt_clock.advance(3600)
    assert browser.get("/").headers["Location"] == "/session/renew"
    assert browser.get("/session/renew").headers["Location"] == "/"
    assert browser.get("/").status_code == 200


def test_a_broken_cookie_leads_to_the_form(browser: TestClient) -> None:
    """A cookie that is no token of ours means: sign in."""
    browser.cookies.set("__Host-notes", "rubbish")
    assert browser.get("/").headers["Location"] == "/login"


@pytest.mark.parametrize("path", ["/login", "/notes", "/session/logout"])
def test_forged_forms_are_refused(browser: TestClient, path: str) -> None:
    """A form sent from another origin is refused, signed in or not."""
    assert post(browser, path, "https://evil.example", **FORM)[0] == 403
    post(browser, "/login", **FORM)
    assert post(browser, path, "https://evil.example", **FORM)[0] == 403
    assert browser.get("/").status_code == 200


def test_notes_are_added_and_logout_forgets(browser: TestClient) -> None:
    """The form writes through the API; logging out ends at the form."""
    post(browser, "/login", **FORM)
    assert post(browser, "/notes", text="milk") == (303, "/")
    assert post(browser, "/session/logout") == (303, "/login")
    assert browser.get("/").headers["Location"] == "/login"


def test_the_spa_page_has_no_inline_script(browser: TestClient) -> None:
    """The page is public, and may call the API: its policy names that origin."""
    page = browser.get("/spa")
    assert (
        "connect-src 'self' https://api.example;"
        in page.headers["Content-Security-Policy"]
    )
    assert page.text.count("<script") == page.text.count('<script type="module" src=')
