"""``jwtguard explain`` tries a request of somebody who has a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask

from jwtguard import Client
from jwtguard.flask import JWTGuard, require_scope
from jwtguard.inspect.explain_app import explain_app
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.inspect.explain_session import read_input
from jwtguard.inspect.shown import Check
from jwtguard.testing import JWTIssuer
from tests.session_support import NAME, OTHER_SECRET, Browser, Site, signed_in

PAGE = "https://www.example"
EVIL = "https://evil.example"


@pytest.fixture
def site(jwt_issuer: JWTIssuer) -> Site:
    """A site whose visitors have sessions."""
    return Site(jwt_issuer, public_url=PAGE)


def notes(site: Site) -> Flask:
    app = Flask("notes", static_folder=None)
    write = require_scope("notes:write")(lambda: "")
    app.add_url_rule("/notes", "write", write, methods=["GET", "POST"])
    app.add_url_rule("/login", "login", lambda: "", methods=["POST"])
    JWTGuard(app, site.guard)
    return app


def asked(site: Site, given: str, method: str = "GET", **more: str) -> list[Check]:
    """Return each check of a request with *given* to an application of *site*."""
    request: Any = {"method": method, "path": "/notes", "origin": "", **more}
    return list(explain_app(notes(site), given, **request, cookie=False))


def named(checks: list[Check]) -> Mapping[str, Check]:
    return {one.name: one for one in checks}


@pytest.mark.parametrize("form", ["{}", f"Cookie: a=b; {NAME}={{}}"])
def test_a_session_cookie_is_opened_for_an_application(site: Site, form: str) -> None:
    """Its token is explained, and tried with the decorators; no token is shown."""
    browser = signed_in(site)
    value = browser.jar[NAME]
    checks = asked(site, form.format(value))
    found = named(checks)
    assert found["session"].passed
    assert found["subject"].found.endswith("alice")
    assert found["cookie"].passed
    assert found["request"].found == "passes the guard as alice"
    failures = [one.reason for one in checks if not one.passed]
    assert failures == ["scope_missing"]
    assert value not in str(checks)
    assert "refresh-" not in str(checks)


def test_nothing_is_refreshed(site: Site) -> None:
    """The browser would lose its session if its refresh token were used."""
    browser = signed_in(site)
    site.issuer.clock.advance(290)
    assert named(asked(site, browser.jar[NAME]))["request"].passed
    assert site.server.refreshes == 0
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1


def test_a_cookie_that_does_not_open_ends_the_explanation(site: Site) -> None:
    """The reason is that of the guard, and the request is not tried."""
    browser = Browser(site.worker(secrets=(OTHER_SECRET,)))
    browser.log_in()
    (one,) = asked(site, browser.jar[NAME])
    assert (one.name, one.reason) == ("session", "session_invalid")


def test_a_token_is_still_a_token(site: Site) -> None:
    """The rows `session` and `cookie` are for sessions only."""
    found = named(asked(site, site.issuer.token()))
    assert "session" not in found
    assert "cookie" not in found


@pytest.mark.parametrize(
    ("method", "origin", "reason", "words"),
    [
        ("POST", "", "origin_missing", "add --origin"),
        ("POST", EVIL, "foreign_origin", "JWTGUARD_PUBLIC_URL"),
        ("GET", EVIL, "cross_site", "credentials = true"),
        ("POST", PAGE, "", ""),
        ("GET", "", "", ""),
    ],
)
def test_the_page_is_judged_as_for_the_cookie(
    site: Site, method: str, origin: str, reason: str, words: str
) -> None:
    """The token alone would pass without an Origin, and the cookie does not."""
    browser = signed_in(site)
    found = named(asked(site, browser.jar[NAME], method, origin=origin))["cookie"]
    assert (found.passed, found.reason) == (not reason, reason)
    assert words in found.hint
    fields = {"origin": origin} if origin else {}
    answer = browser.subject("/notes", method, **fields)
    assert answer == (f"403 {reason}" if reason else "alice")


def test_a_client_without_credentials_is_told_so(jwt_issuer: JWTIssuer) -> None:
    """Its page may send the token, but not the cookie."""
    clients = (Client(id="spa", origins=(EVIL,)),)
    site = Site(jwt_issuer, public_url=PAGE, clients=clients)
    value = signed_in(site).jar[NAME]
    found = named(asked(site, value, "POST", origin=EVIL))["cookie"]
    assert "credentials = true" in found.hint


def test_a_page_that_is_only_reported_passes(jwt_issuer: JWTIssuer) -> None:
    """For safe methods; others are refused all the same."""
    site = Site(jwt_issuer, public_url=PAGE, report_only=("origins",))
    browser = signed_in(site)
    for method, passes in (("GET", True), ("POST", False)):
        found = named(asked(site, browser.jar[NAME], method, origin=EVIL))["cookie"]
        assert found.passed is passes
        assert ("JWTGUARD_REPORT_ONLY" in found.found) is passes
        refused = browser.subject("/notes", method, origin=EVIL) == "403 foreign_origin"
        assert refused is not passes


def test_a_public_path_reads_no_cookie(site: Site) -> None:
    """The row `cookie` is left out."""
    browser = signed_in(site)
    assert "cookie" not in named(asked(site, browser.jar[NAME], "POST", path="/login"))


def test_a_request_without_an_application(site: Site) -> None:
    """The same row, by the settings alone."""
    given = read_input([site.guard], signed_in(site).jar[NAME])
    assert given.session
    assert given.token is not None
    assert given.token not in repr(given)
    sent = request_of(
        site.guard, given.token, method="POST", path="/notes", origin="", cookie=False
    )
    checks = list(try_request(site.guard, sent, given.token, session=given.session))
    assert named(checks)["cookie"].reason == "origin_missing"
