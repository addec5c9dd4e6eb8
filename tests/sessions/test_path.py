"""The session path: pages and front ends in any language sign in without our code."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from jwtguard.adapters import Respond
from jwtguard.testing import JWTIssuer
from tests.session_support import NAME, OWN, Browser, Site, expire

FORM = "application/x-www-form-urlencoded"
GOOD = {"username": "alice", "password": "wonderland"}
WRONG = {"username": "alice", "password": "wrong"}


@pytest.fixture
def site(jwt_issuer: JWTIssuer) -> Site:
    """A site that leaves signing in to the guard."""
    return Site(jwt_issuer, session_path="/session", public_paths=())


@pytest.fixture
def browser(site: Site) -> Browser:
    """Somebody in front of it."""
    return site.browser()


def send(
    browser: Browser, path: str, body: bytes, method: str = "POST", **fields: Any
) -> Respond:
    request = browser.request(path, method, **{**OWN, **fields})
    answer = browser.take(browser.guard.decide(request, lambda _: body))
    assert isinstance(answer, Respond)
    return answer


def post(browser: Browser, path: str, said: dict[str, str], **fields: Any) -> Respond:
    body = urlencode(said).encode()
    return send(browser, path, body, **{"content_type": FORM, **fields})


def script(browser: Browser, path: str, said: Any, **fields: Any) -> Respond:
    kind = {"content_type": "application/json"}
    return send(browser, path, json.dumps(said).encode(), **{**kind, **fields})


def field(answer: Respond, name: str) -> str | None:
    return dict(answer.headers).get(name)


# A form.


def test_a_form_signs_in_and_goes_on(browser: Browser) -> None:
    """303, so that the browser asks for the page by GET."""
    answer = post(browser, "/session/login", {**GOOD, "next": "/notes?q=a%20b"})
    assert (answer.status, field(answer, "Location")) == (303, "/notes?q=a%20b")
    assert field(answer, "Cache-Control") == "no-store"
    assert browser.subject() == "alice"
    answer = post(browser, "/session/login", GOOD)
    assert (answer.status, field(answer, "Location")) == (303, "/")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "/%2fevil.example", "/%5cevil.example", "/\t/evil.example", "/%09/evil.example",
        "javascript:alert(1)", "notes", "/\r\nSet-Cookie: a=b", "/" * 3000, "/\x00",
        "/%0d%0aSet-Cookie:a=b", "",
    ],
)  # fmt: skip
def test_a_redirect_stays_on_this_site(browser: Browser, target: str) -> None:
    """A ``next`` that is not a path of this site is ignored, and not echoed."""
    answer = post(browser, "/session/login", {**GOOD, "next": target})
    assert (answer.status, field(answer, "Location")) == (303, "/")
    answer = post(browser, "/session/logout", {"next": target})
    assert (answer.status, field(answer, "Location")) == (303, "/")
    assert "evil" not in str(answer)


def test_paths_of_this_site_survive_as_they_are(browser: Browser) -> None:
    """Letters of any language are encoded; a query is kept."""
    for target, location in (
        ("/caf\u00e9", "/caf%C3%A9"),
        ("/a b", "/a%20b"),
        ("/x?next=%2Fy&z=1", "/x?next=%2Fy&z=1"),
    ):
        answer = post(browser, "/session/login", {**GOOD, "next": target})
        assert field(answer, "Location") == location


def test_a_failed_form_goes_back_to_the_login_page(jwt_issuer: JWTIssuer) -> None:
    """The redirect has ``error`` and ``next``."""
    site = Site(
        jwt_issuer, session_path="/session", login_url="/login", relay_limit="1/minute"
    )
    browser, said = site.browser(), {**WRONG, "next": "/notes"}
    answer = post(browser, "/session/login", said)
    location = "/login?error=invalid_credentials&next=%2Fnotes"
    assert (answer.status, field(answer, "Location")) == (303, location)
    answer = post(browser, "/session/login", WRONG)
    assert field(answer, "Location") == "/login?error=too_many_attempts"
    site.server.answer = lambda _: httpx.Response(500)
    answer = post(browser, "/session/login", {**GOOD, "username": "bob"})
    assert field(answer, "Location") == "/login?error=unavailable"
    assert browser.jar == {}
    reasons = [fields["reason"] for fields in site.events("refused")]
    assert reasons == ["invalid_credentials", "too_many_guesses", "issuer_unavailable"]


def test_without_a_login_page_a_failed_form_gets_the_status(browser: Browser) -> None:
    """Without ``JWTGUARD_LOGIN_URL``, a form gets the same status as a script."""
    answer = post(browser, "/session/login", WRONG)
    assert (answer.status, answer.reason) == (401, "invalid_credentials")


def test_a_form_signs_out(browser: Browser) -> None:
    """The form is redirected to ``next``."""
    post(browser, "/session/login", GOOD)
    answer = post(browser, "/session/logout", {"next": "/bye"})
    assert (answer.status, field(answer, "Location")) == (303, "/bye")
    assert browser.jar == {}
    page = {"sec_fetch_mode": "navigate"}
    assert send(browser, "/session/logout", b"", **page).status == 303


def test_where_the_application_is_mounted_the_root_counts(site: Site) -> None:
    """The browser knows the whole path."""
    request = site.browser().request("/session/login", "POST", content_type=FORM, **OWN)
    body = urlencode(GOOD).encode()
    answer = site.guard.decide(request._replace(root="/app"), lambda _: body)
    assert isinstance(answer, Respond)
    assert field(answer, "Location") == "/app/"


# A script.


def test_a_script_signs_in_and_asks_who_it_is(browser: Browser, site: Site) -> None:
    """The response is JSON without a token."""
    site.server.claims = {"scope": "notes:write notes:read"}
    answer = script(browser, "/session/login", GOOD)
    assert answer.status == 200
    who = json.loads(answer.body)
    assert who == {
        "subject": "alice", "client_id": "www", "scopes": ["notes:read", "notes:write"],
        "roles": [], "expires_at": who["expires_at"],
    }  # fmt: skip
    asked = send(browser, "/session", b"", "GET")
    assert (asked.status, json.loads(asked.body)) == (200, who)
    assert field(asked, "Vary") == "Origin, Cookie"
    assert field(asked, "Cache-Control") == "no-store"
    head = send(browser, "/session", b"", "HEAD")
    assert (head.status, head.body) == (200, b"")


def test_asking_refreshes(browser: Browser, site: Site) -> None:
    """Like every request with a session, it refreshes a token that is due."""
    script(browser, "/session/login", GOOD)
    expire(site)
    before = dict(browser.jar)
    assert send(browser, "/session", b"", "GET").status == 200
    assert site.server.refreshes == 1
    assert browser.jar != before


def test_without_a_session_it_is_a_401(browser: Browser, site: Site) -> None:
    """Or whatever is wrong with it; a bearer token is not read there."""
    token = {"authorization": f"Bearer {site.issuer.token()}"}
    assert send(browser, "/session", b"", "GET", **token).status == 401
    browser.jar = {NAME: "tampered"}
    assert send(browser, "/session", b"", "GET").reason == "session_invalid"


def test_a_script_is_told_by_status(jwt_issuer: JWTIssuer) -> None:
    """401, 429, 503: the login page is for people."""
    site = Site(
        jwt_issuer, session_path="/session", login_url="/login", relay_limit="1/minute"
    )
    browser = site.browser()
    assert script(browser, "/session/login", WRONG).status == 401
    assert script(browser, "/session/login", WRONG).status == 429
    site.server.answer = lambda _: httpx.Response(500)
    answer = script(browser, "/session/login", {**GOOD, "username": "bob"})
    assert answer.status == 503
    form_by_fetch = {"sec_fetch_mode": "cors"}
    answer = post(browser, "/session/login", WRONG, **form_by_fetch)
    assert answer.status == 429


def test_a_script_signs_out(browser: Browser) -> None:
    """204, with or without a body."""
    for body, kind in ((b"", {}), (b"{}", {"content_type": "application/json"})):
        script(browser, "/session/login", GOOD)
        answer = send(browser, "/session/logout", body, **kind)
        assert (answer.status, browser.jar) == (204, {})


# What is refused.


@pytest.mark.parametrize(
    ("body", "kind", "status", "reason"),
    [
        (b"username=a", "text/plain", 400, "session_malformed"),
        (b"username=a", "", 400, "session_malformed"),
        (b"[]", "application/json", 400, "session_malformed"),
        (b"{", "application/json", 400, "session_malformed"),
        (b'{"a":1,"a":2}', "application/json", 400, "session_malformed"),
        (b"\xff", "application/json", 400, "session_malformed"),
        (b'{"next":"/\\ud800"}', "application/json", 400, "session_malformed"),
        (b"username=%ff", FORM, 400, "form_malformed"),
        (b"next=/%ed%a0%80", FORM, 400, "form_malformed"),
        (b"username=a&username=b", FORM, 400, "form_malformed"),
        (b"", FORM, 401, "invalid_credentials"),
        (b"{}", "application/json; charset=utf-8", 401, "invalid_credentials"),
        (b'{"username":1}', "application/json", 401, "invalid_credentials"),
        (b"x" * 70000, "application/json", 413, "body_too_long"),
    ],
)  # fmt: skip
def test_bad_bodies_are_refused(
    browser: Browser, site: Site, body: bytes, kind: str, status: int, reason: str
) -> None:
    """Bad input is normal input; the issuer is not asked."""
    fields = {"content_type": kind} if kind else {}
    answer = send(browser, "/session/login", body, **fields)
    assert (answer.status, answer.reason) == (status, reason)
    assert site.server.asked == []


def test_a_compressed_body_is_refused(browser: Browser, site: Site) -> None:
    """It is not decoded here; ``identity`` means as it is (RFC 9110 section 8.4)."""
    for coding in ("gzip", "gzip, identity"):
        answer = script(browser, "/session/login", GOOD, content_encoding=coding)
        assert (answer.status, answer.reason) == (400, "session_malformed")
    assert site.server.asked == []
    answer = script(browser, "/session/login", GOOD, content_encoding="identity")
    assert answer.status == 200


def test_each_path_has_its_methods(browser: Browser) -> None:
    """405 and ``Allow``; nothing changes by GET."""
    for path, method, allowed in (
        ("/session/login", "GET", "POST"),
        ("/session/logout", "GET", "POST"),
        ("/session/logout", "DELETE", "POST"),
        ("/session", "POST", "GET, HEAD"),
    ):
        answer = send(browser, path, b"", method)
        assert (answer.status, field(answer, "Allow")) == (405, allowed)


def test_a_client_that_leaves_is_refused(browser: Browser) -> None:
    """Its body is incomplete."""
    request = browser.request("/session/login", "POST", content_type=FORM, **OWN)
    answer = browser.guard.decide(request, lambda _: None)
    assert isinstance(answer, Respond)
    assert answer.reason == "client_gone"


@pytest.mark.parametrize(
    "path", ["/session/login", "/session/logout", "/session/LOGIN/"]
)
def test_a_strangers_page_cannot_sign_in_or_out(browser: Browser, path: str) -> None:
    """Login and logout CSRF are refused for every spelling of the path."""
    post(browser, "/session/login", GOOD)
    before = dict(browser.jar)
    for evil in (
        {"origin": "https://evil.example"},
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"origin": "null"},
    ):
        answer = post(browser, path, {"username": "mallory", **WRONG}, **evil)
        assert (answer.status, answer.reason) == (403, "foreign_origin")
    assert browser.jar == before
    request = browser.request("/session/logout", "POST")
    refused = browser.guard.decide(request, lambda _: b"")
    assert isinstance(refused, Respond)
    assert refused.reason == "origin_missing"
    asked = send(browser, "/session", b"", "GET", origin="https://evil.example")
    assert asked.status == 403


def test_signing_in_over_plain_http_is_refused(browser: Browser, site: Site) -> None:
    """Others could read the password in transit."""
    plain = {"scheme": "http", "origin": "http://www.example"}
    answer = script(browser, "/session/login", GOOD, **plain)
    assert (answer.status, answer.reason) == (403, "insecure_transport")
    assert site.server.asked == []


def test_a_page_of_a_listed_client_may_read_the_answer(jwt_issuer: JWTIssuer) -> None:
    """CORS follows the client, as for other requests."""
    from jwtguard import Client

    spa = Client(id="spa", origins="https://spa.example", credentials=True)
    site = Site(jwt_issuer, session_path="/session", clients=(spa,))
    browser = site.browser()
    answer = script(browser, "/session/login", GOOD, origin="https://spa.example")
    assert answer.status == 200
    assert field(answer, "Access-Control-Allow-Origin") == "https://spa.example"
    assert field(answer, "Access-Control-Allow-Credentials") == "true"


def test_the_application_never_sees_the_path(jwt_issuer: JWTIssuer) -> None:
    """Even if it was made public by mistake; without the setting it is its own."""
    site = Site(jwt_issuer, session_path="/session", public_paths=("/*",))
    assert site.browser().subject("/session") == "401 no_credentials"
    without = Site(jwt_issuer, public_paths=("/*",))
    assert without.browser().subject("/session") == "nobody"
