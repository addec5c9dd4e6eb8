"""The Flask site with really signed tokens; token server and API are a few lines."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

import httpx
import pytest
from flask.testing import FlaskClient

from jwtguard import Guard, load_policy
from jwtguard.testing import FakeClock, JWTIssuer

from .site import OWN, create_app

SITE = "https://www.example"
API = "https://api.example"
FORM = {"username": "alice", "password": "wonderland"}
PAGE = {"Accept": "text/html", "Origin": SITE}


class Neighbours:
    """Play the token server and the API: alice is known, and has one note."""

    def __init__(self, issuer: JWTIssuer) -> None:
        self.issuer = issuer
        self.grants: list[str] = []
        self.down = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request of the site's."""
        if str(request.url).startswith(API):
            return self._api(request)
        if request.method == "GET":
            got = self.issuer.transport(str(request.url), {}, 1)
            return httpx.Response(got.status, content=got.body)
        form = dict(httpx.QueryParams(request.content.decode()))
        if request.url.path == "/revoke":
            return httpx.Response(200)
        self.grants.append(form["grant_type"])
        if form.get("password", "wonderland") != "wonderland":
            return httpx.Response(400, json={"error": "invalid_grant"})
        token = self.issuer.token(client_id="www", scope="notes:read")
        found = {"access_token": token, "token_type": "Bearer", "refresh_token": "r"}
        return httpx.Response(200, json=found)

    def _api(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down")
        if request.method == "POST":
            return httpx.Response(201, json=json.loads(request.content))
        text = f"<b>seen with {request.headers['Authorization'][:9]}"
        return httpx.Response(200, json={"notes": [{"text": text}]})


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
        "JWTGUARD_PUBLIC_URL": SITE,
        "JWTGUARD_SECRETS": secrets.token_urlsafe(32),
        "JWTGUARD_RELAY_URL": f"{jwt_issuer.url}/token",
        "JWTGUARD_RELAY_REVOCATION_URL": f"{jwt_issuer.url}/revoke",
    }
    transport = httpx.MockTransport(neighbours)
    return Guard(load_policy(environ), clock=jwt_issuer.clock, transport=transport)


@pytest.fixture
def browser(guard: Guard, neighbours: Neighbours) -> httpx.Client:
    """A browser in front of the site, which is served over https."""
    app = create_app(guard, API, httpx.MockTransport(neighbours))
    transport = httpx.WSGITransport(app=app)
    return httpx.Client(transport=transport, base_url=SITE, headers=PAGE)


def test_a_visitor_signs_in_and_is_back(browser: httpx.Client) -> None:
    """From a page to the form and back; the page shows what the API says."""
    login = browser.get("/?page=2").headers["Location"]
    assert login == "/login?next=/%3Fpage%3D2"
    assert "Password" in browser.get(login).text
    assert browser.post(login, data=FORM).headers["Location"] == "/?page=2"
    page = browser.get("/?page=2")
    assert "Notes of alice" in page.text
    assert "&lt;b&gt;seen with Bearer ey" in page.text
    assert "no-store" in page.headers["Cache-Control"]


def test_a_wrong_password_shows_the_form_again(browser: httpx.Client) -> None:
    """The form says what was wrong, and sets no cookie."""
    answer = browser.post("/login", data=FORM | {"password": "x"})
    assert answer.status_code == 401
    assert "The user name or the password is wrong." in answer.text
    assert not browser.cookies


def test_notes_are_added_and_logout_forgets(browser: httpx.Client) -> None:
    """The form writes through the API; logging out ends at the form."""
    browser.post("/login", data=FORM)
    answer = browser.post("/notes", data={"text": "milk"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert browser.post("/logout").headers["Location"] == "/login"
    assert not browser.cookies
    assert browser.get("/").headers["Location"] == "/login?next=/"


def test_an_old_token_is_refreshed(
    browser: httpx.Client, jwt_clock: FakeClock, neighbours: Neighbours
) -> None:
    """A visitor who comes back after the token's end sees the page at once."""
    browser.post("/login", data=FORM)
    jwt_clock.advance(3600)
    assert browser.get("/").status_code == 200
    assert neighbours.grants == ["password", "refresh_token"]


@pytest.mark.parametrize("path", ["/login", "/notes", "/logout"])
def test_forged_forms_are_refused(browser: httpx.Client, path: str) -> None:
    """A form sent from another origin is refused, signed in or not."""
    evil = {"Origin": "https://evil.example"}
    assert browser.post(path, data=FORM, headers=evil).status_code == 403
    browser.post("/login", data=FORM)
    assert browser.post(path, data=FORM, headers=evil).status_code == 403
    assert browser.get("/").status_code == 200


def test_the_page_says_that_the_api_is_down(
    guard: Guard, neighbours: Neighbours, jwt_session: Callable[..., dict[str, str]]
) -> None:
    """The visitor stays signed in, and reads what happened."""
    neighbours.down = True
    app = create_app(guard, API, httpx.MockTransport(neighbours))
    client: FlaskClient = app.test_client(use_cookies=False)
    cookie = jwt_session(guard, client_id="www")
    page = client.get("/", headers=cookie, base_url=SITE)
    assert page.status_code == 502
    assert "The API answered 502." in page.text
