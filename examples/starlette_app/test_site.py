"""The www server with really signed tokens; token server and API are a few lines."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.testclient import TestClient

from jwtguard import Guard
from jwtguard.testing import FakeClock, JWTIssuer

from .conftest import SITE, Neighbours
from .settings import Settings
from .site import create_app

FORM = {"username": "alice", "password": "wonderland"}
PAGE = "text/html,*/*;q=0.8"


@pytest.fixture
def browser(guard: Guard, neighbours: Neighbours) -> Iterator[TestClient]:
    """A browser in front of the site, which is served over https."""
    settings = Settings(api_url="https://api.example")
    app = create_app(guard, settings, httpx.MockTransport(neighbours))
    with TestClient(
        app, base_url=SITE, follow_redirects=False, headers={"Accept": PAGE}
    ) as client:
        yield client


def post(
    browser: TestClient, path: str, origin: str = SITE, **form: str
) -> tuple[int, str]:
    """Send a form from a page of *origin*; return status and where it leads."""
    answer = browser.post(path, data=form, headers={"Origin": origin})
    return answer.status_code, answer.headers.get("Location", "")


def test_a_stranger_is_sent_to_the_form_and_back(browser: TestClient) -> None:
    """A visitor without a session signs in, and returns to the page."""
    answer = browser.get("/admin?from=mail")
    login = answer.headers["Location"]
    assert (answer.status_code, login) == (303, "/login?next=/admin%3Ffrom%3Dmail")
    form = browser.get(login).text
    assert "Password" in form
    assert 'name="next" value="/admin?from=mail"' in form
    sent = {**FORM, "next": "/admin?from=mail"}
    assert post(browser, "/login", **sent) == (303, "/admin?from=mail")


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", ""])
def test_next_leads_to_this_site_only(browser: TestClient, wanted: str) -> None:
    """Anybody can link to the form; it leads to pages of this site only."""
    form = browser.get("/login", params={"next": wanted}).text
    assert 'name="next" value="/"' in form
    assert post(browser, "/login", **FORM, next=wanted) == (303, "/")


def test_the_cookie_is_out_of_reach(browser: TestClient) -> None:
    """Signing in sets one cookie that neither scripts nor other sites get."""
    answer = browser.post("/login", data=FORM, headers={"Origin": SITE})
    (cookie,) = answer.headers.get_list("Set-Cookie")
    name, *attributes = cookie.split("; ")
    assert name.startswith("__Host-Http-session=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= set(attributes)


def test_the_page_forwards_the_token(browser: TestClient) -> None:
    """The home page shows what the API says to the session's token."""
    assert post(browser, "/login", **FORM) == (303, "/")
    page = browser.get("/")
    assert "seen with Bearer ey" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_bound_token_is_refused(
    browser: TestClient, jwt_issuer: JWTIssuer, method: str
) -> None:
    """The API would refuse it: only its client can prove the key."""
    path = "/" if method == "GET" else "/notes"
    key = jwt_issuer.dpop()
    token = key.token(client_id="www")
    for accept, status in (("application/json", 401), (PAGE, 303)):
        sent = {"Accept": accept, "Origin": SITE}
        sent.update(key.headers(method, f"{SITE}{path}", token))
        assert browser.request(method, path, headers=sent).status_code == status


def test_a_wrong_password_shows_the_form_again(browser: TestClient) -> None:
    """The form says that the password was wrong, remembers ``next``, sets no cookie."""
    form = {**FORM, "password": "x", "next": "/admin"}
    answer = browser.post("/login", data=form, headers={"Origin": SITE})
    assert answer.status_code == 401
    assert "The user name or the password is wrong." in answer.text
    assert 'value="/admin"' in answer.text
    assert not browser.cookies


def test_an_old_token_is_refreshed(
    browser: TestClient, jwt_clock: FakeClock, neighbours: Neighbours
) -> None:
    """A visitor who comes back after the token's end sees the page at once."""
    post(browser, "/login", **FORM)
    jwt_clock.advance(3600)
    assert browser.get("/").status_code == 200
    assert browser.get("/").status_code == 200
    assert neighbours.grants == ["password", "refresh_token"]


@pytest.mark.parametrize("path", ["/login", "/notes", "/logout", "/logout-all"])
def test_forged_forms_are_refused(browser: TestClient, path: str) -> None:
    """A form sent from another origin is refused, signed in or not."""
    assert post(browser, path, "https://evil.example", **FORM)[0] == 403
    post(browser, "/login", **FORM)
    assert post(browser, path, "https://evil.example", **FORM)[0] == 403
    assert browser.get("/").status_code == 200


def test_notes_are_added_and_logout_forgets(
    browser: TestClient, neighbours: Neighbours
) -> None:
    """The form writes through the API; logging out ends at the form."""
    post(browser, "/login", **FORM)
    assert post(browser, "/notes", text="milk") == (303, "/")
    assert post(browser, "/logout") == (303, "/login")
    assert not browser.cookies
    assert neighbours.given_back == ["r1+"]
    assert browser.get("/").headers["Location"] == "/login?next=/"


def test_the_spa_page_has_no_inline_script(browser: TestClient) -> None:
    """The page is public, and may call the API: its policy names that origin."""
    page = browser.get("/spa")
    assert (
        "connect-src 'self' https://api.example;"
        in page.headers["Content-Security-Policy"]
    )
    assert page.text.count("<script") == page.text.count('<script type="module" src=')


def test_guesses_are_limited(browser: TestClient, neighbours: Neighbours) -> None:
    """After some wrong passwords the form asks to wait, and the issuer is not asked."""
    said = []
    while 429 not in said:
        said.append(post(browser, "/login", **FORM | {"password": "x"})[0])
        assert len(said) < 100
    answer = browser.post("/login", data=FORM, headers={"Origin": SITE})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Too many attempts" in answer.text
    assert "<form" in answer.text
    assert len(neighbours.grants) == said.count(401)


OUTAGES = [
    httpx.ConnectError("down"),
    httpx.ReadTimeout("slow"),
    httpx.Response(503, text="<h1>Service Unavailable</h1>"),
    httpx.Response(500, json={"error": "invalid_grant"}),
]


@pytest.mark.parametrize("trouble", OUTAGES)
def test_an_outage_ends_no_session(
    browser: TestClient,
    jwt_clock: FakeClock,
    neighbours: Neighbours,
    trouble: httpx.Response | httpx.TransportError,
) -> None:
    """While the token server is down, people see a page; then everything works."""
    post(browser, "/login", **FORM)
    jwt_clock.advance(3600)
    neighbours.trouble = trouble
    for answer in (
        browser.get("/"),
        browser.post("/login", data=FORM, headers={"Origin": SITE}),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Content-Type"].startswith("text/html")
    neighbours.trouble = None
    jwt_clock.advance(60)
    assert browser.get("/").status_code == 200


def test_a_refresh_token_that_has_ended_ends_the_session(
    browser: TestClient, jwt_clock: FakeClock, neighbours: Neighbours
) -> None:
    """Only the token server's ``invalid_grant`` makes the visitor sign in again."""
    post(browser, "/login", **FORM)
    neighbours.refresh_token = "another"
    jwt_clock.advance(3600)
    assert browser.get("/").headers["Location"] == "/login?next=/"


@pytest.mark.parametrize(
    ("accept", "kind"), [(PAGE, "text/html"), ("*/*", "application/json")]
)
def test_a_person_sees_a_page_when_keys_are_missing(
    browser: TestClient, jwt_issuer: JWTIssuer, accept: str, kind: str
) -> None:
    """The guard's own answers are JSON for programs, and pages for people."""
    jwt_issuer.down()
    headers = {"Accept": accept, **jwt_issuer.headers(client_id="www")}
    answer = browser.get("/", headers=headers)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith(kind)
    assert len(answer.headers.get_list("Content-Length")) == 1
    assert answer.headers.get_list("Content-Type") == [answer.headers["Content-Type"]]
    assert "Origin" in answer.headers["Vary"]
    headers = {"Accept": accept, "Origin": "https://evil.example"}
    answer = browser.post("/notes", data={"text": "x"}, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith(kind)
