"""The www server with really signed tokens; token server and API are a few lines."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from starlette.testclient import TestClient

from jwtguard.testing import FakeClock, JWTIssuer

from .guesses import PER_NAME, SECONDS, Guesses
from .settings import Settings
from .site import PATHS, create_app

SITE = "https://www.example"
FORM = {"username": "alice", "password": "wonderland"}


class Neighbours:
    """Play the token server and the API: alice is known, and has one note.

    The token server sets a cookie for each visitor, which must not come back with the
    next one. ``trouble`` is what it answers to grants instead, or raises.
    """

    def __init__(self, issuer: JWTIssuer) -> None:
        self.issuer = issuer
        self.refresh_tokens = ["r1"]
        self.passwords_seen = 0
        self.trouble: httpx.Response | httpx.TransportError | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request of the site's."""
        assert "Cookie" not in request.headers
        if request.url.path == "/.well-known/openid-configuration":
            url = self.issuer.url
            return httpx.Response(
                200, json={"issuer": url, "token_endpoint": f"{url}/token"}
            )
        if request.url.path == "/token":
            return self._grant(dict(httpx.QueryParams(request.content.decode())))
        if request.method == "POST":
            return httpx.Response(201, json=json.loads(request.content))
        caller = request.headers["Authorization"]
        note = {"text": f"seen with {caller[:9]}", "created": "2026-01-01T10:00:00Z"}
        return httpx.Response(200, json={"notes": [note]})

    def _grant(self, form: dict[str, str]) -> httpx.Response:
        self.passwords_seen += "password" in form
        if isinstance(self.trouble, httpx.TransportError):
            raise self.trouble
        if self.trouble:
            return self.trouble
        fine = form.get("refresh_token") in self.refresh_tokens
        if not fine and "wonderland" not in form.values():
            return httpx.Response(400, json={"error": "invalid_grant"})
        token = self.issuer.token(client_id="www", scope="notes:read")
        found = {"access_token": token, "refresh_token": self.refresh_tokens[-1]}
        return httpx.Response(200, headers={"Set-Cookie": "session=alice"}, json=found)


@pytest.fixture
def neighbours(jwt_issuer: JWTIssuer) -> Neighbours:
    """The servers around the site."""
    return Neighbours(jwt_issuer)


@pytest.fixture
def browser(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock, neighbours: Neighbours
) -> Iterator[TestClient]:
    """A browser in front of the site, which is served over https."""
    paths = {
        name.removeprefix("JWTGUARD_").lower(): value.split()
        for name, value in PATHS.items()
    }
    guard = jwt_issuer.guard(cookie="__Host-notes", public_url=[SITE], **paths)
    app = create_app(
        guard,
        Settings(api_url="https://api.example"),
        httpx.MockTransport(neighbours),
        Guesses(jwt_clock.monotonic),
    )
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


def test_the_cookies_are_out_of_reach(browser: TestClient) -> None:
    """Signing in sets cookies that neither scripts nor other sites get."""
    answer = browser.post("/login", data=FORM, headers={"Origin": SITE})
    cookies = answer.headers.get_list("Set-Cookie")
    names = [cookie.partition("=")[0] for cookie in cookies]
    assert names == ["__Host-notes", "__Host-notes-refresh"]
    for cookie in cookies:
        assert cookie.endswith("; HttpOnly; Path=/; SameSite=lax; Secure")


@pytest.mark.parametrize("name", ["notes-refresh", "__Secure-notes-refresh"])
def test_a_neighbour_cannot_plant_a_session(browser: TestClient, name: str) -> None:
    """A refresh cookie that a host at the same domain can set is not read."""
    browser.cookies.set(name, "r1")
    answer = browser.get("/session/renew")
    assert answer.headers["Location"] == "/login"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("url", ["http://localhost:8001", SITE])
def test_the_names_follow_the_scheme(jwt_issuer: JWTIssuer, url: str) -> None:
    """Over http a browser takes no ``__Host-`` cookie; over https it gets no other."""
    transport = httpx.MockTransport(Neighbours(jwt_issuer))
    guard = jwt_issuer.guard(cookie="notes", public_paths=["/login"])
    app = create_app(guard, Settings(), transport)
    with TestClient(app, base_url=url, follow_redirects=False) as client:
        answer = client.post("/login", data=FORM, headers={"Origin": url})
    first, second = answer.headers.get_list("Set-Cookie")
    https = url == SITE
    assert second.startswith("__Host-notes-refresh=r1;" if https else "notes-refresh=")
    assert ("Secure" in first, "Secure" in second) == (https, https)


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


def test_guesses_are_limited(browser: TestClient, jwt_clock: FakeClock) -> None:
    """After five wrong passwords, the right one has to wait too; then it works."""
    wrong = {**FORM, "password": "x"}
    for spelling in ("alice", "ALICE", " alice", "al\u00adice", "alíce"):
        assert post(browser, "/login", **wrong | {"username": spelling})[0] == 401
    for form in (wrong, FORM):
        answer = browser.post("/login", data=form, headers={"Origin": SITE})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= SECONDS
        assert "Too many attempts" in answer.text
        assert "<form" in answer.text
    assert post(browser, "/login", **wrong | {"username": "bob"})[0] == 401
    jwt_clock.advance(SECONDS)
    assert post(browser, "/login", **FORM) == (303, "/")


def test_a_refused_guess_is_not_sent(
    browser: TestClient, neighbours: Neighbours
) -> None:
    """The token server is asked for the first five guesses, and no more."""
    for _ in range(3 * PER_NAME):
        post(browser, "/login", **{**FORM, "password": "x"})
    assert neighbours.passwords_seen == PER_NAME


def test_a_right_password_does_not_count_as_a_guess(
    browser: TestClient, neighbours: Neighbours
) -> None:
    """Neither signing in nor an outage counts."""
    for _ in range(2 * PER_NAME):
        assert post(browser, "/login", **FORM) == (303, "/")
    neighbours.trouble = httpx.ConnectError("down")
    for _ in range(2 * PER_NAME):
        assert post(browser, "/login", **FORM)[0] == 503
    neighbours.trouble = None
    assert post(browser, "/login", **FORM) == (303, "/")


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
    """While the token server is down, renewing is 503 and a page; then it works."""
    post(browser, "/login", **FORM)
    jwt_clock.advance(3600)
    neighbours.trouble = trouble
    answer = browser.get("/session/renew")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Set-Cookie" not in answer.headers
    assert "cannot be reached" in answer.text
    neighbours.trouble = None
    assert browser.get("/session/renew").headers["Location"] == "/"
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (httpx.Response(429, json={"error": "slow_down"}), 429),
        (httpx.Response(401, json={"error": "invalid_client"}), 502),
        (httpx.Response(404, text="no such page"), 502),
        (httpx.Response(200, json=["odd"]), 502),
        (httpx.Response(200, json={"access_token": 5}), 502),
    ],
)
def test_a_refusal_of_the_site_ends_no_session(
    browser: TestClient,
    neighbours: Neighbours,
    trouble: httpx.Response,
    status: int,
) -> None:
    """What is not about the person does not sign them out, and blames no password."""
    post(browser, "/login", **FORM)
    neighbours.trouble = trouble
    answer = browser.get("/session/renew")
    assert answer.status_code == status
    assert "Set-Cookie" not in answer.headers
    answer = browser.post("/login", data=FORM, headers={"Origin": SITE})
    assert answer.status_code == status
    assert "password is wrong" not in answer.text


def test_a_refresh_token_that_has_ended_ends_the_session(
    browser: TestClient, neighbours: Neighbours
) -> None:
    """Only the token server's ``invalid_grant`` forgets the cookies."""
    post(browser, "/login", **FORM)
    neighbours.refresh_tokens = ["r2"]
    assert browser.get("/session/renew").headers["Location"] == "/login"
    assert not browser.cookies


def test_a_new_token_is_kept_when_keys_are_missing(
    browser: TestClient,
    jwt_issuer: JWTIssuer,
    jwt_clock: FakeClock,
    neighbours: Neighbours,
) -> None:
    """The refresh token is spent by then: its successor must not be lost."""
    post(browser, "/login", **FORM)
    jwt_clock.advance(3600)
    neighbours.refresh_tokens.append("r2")
    jwt_issuer.rotate()
    jwt_issuer.down()
    assert browser.get("/session/renew").status_code == 503
    assert browser.cookies["__Host-notes-refresh"] == "r2"
    jwt_issuer.up()
    jwt_clock.advance(60)
    assert browser.get("/").status_code == 200


def fetched(site: str, mode: str, dest: str) -> dict[str, str]:
    """Return what a browser says of where a request comes from."""
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_a_foreign_link_does_not_sign_out(browser: TestClient, site: str) -> None:
    """Whoever links to the renewal renews a session, or changes nothing at all."""
    link = fetched(site, "navigate", "document")
    answer = browser.get("/session/renew", headers=link)
    assert answer.headers["Location"] == "/login"
    assert "Set-Cookie" not in answer.headers
    post(browser, "/login", **FORM)
    assert browser.get("/session/renew", headers=link).headers["Location"] == "/"
    assert browser.get("/").status_code == 200
    # A browser may withhold the refresh cookie, as SameSite says.
    held = browser.cookies.pop("__Host-notes-refresh")
    assert "Set-Cookie" not in browser.get("/session/renew", headers=link).headers
    browser.cookies.set("__Host-notes-refresh", held)
    image = fetched(site, "no-cors", "image")
    answer = browser.get("/session/renew", headers=image)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    assert browser.get("/session/logout", headers=link).status_code == 405


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("text/html,*/*;q=0.8", "text/html"), ("*/*", "application/json")],
)
def test_a_person_sees_a_page_when_keys_are_missing(
    browser: TestClient, jwt_issuer: JWTIssuer, accept: str, kind: str
) -> None:
    """The guard's own answers are JSON for programs, and pages for people."""
    jwt_issuer.down()
    browser.cookies.set("__Host-notes", jwt_issuer.token(client_id="www"))
    answer = browser.get("/", headers={"Accept": accept})
    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith(kind)
    assert len(answer.headers.get_list("Content-Length")) == 1
    assert answer.headers.get_list("Content-Type") == [answer.headers["Content-Type"]]
    assert "Cookie" in answer.headers["Vary"] or "Origin" in answer.headers["Vary"]
    headers = {"Accept": accept, "Origin": "https://evil.example"}
    answer = browser.post("/notes", data={"text": "x"}, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith(kind)
