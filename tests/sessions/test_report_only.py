"""Sessions while rules are only reported: what writes stays protected."""

from __future__ import annotations

import pytest

from jwtguard import ScopeRule
from jwtguard.adapters import Proceed, Respond, finish
from jwtguard.testing import JWTIssuer
from tests.session_support import EVIL, OWN, Site, expire, signed_in

RULES = (ScopeRule(path="/notes/*", require="notes:admin"), ScopeRule(path="/*"))


@pytest.fixture
def reporting(jwt_issuer: JWTIssuer) -> Site:
    """A site that reports origins and scopes only."""
    return Site(
        jwt_issuer,
        scopes=RULES,
        report_only=("origins", "scopes"),
        report_header=True,
    )


def test_a_foreign_page_may_read_and_never_write(reporting: Site) -> None:
    """The visitor's browser attaches the session to requests of any page."""
    browser = signed_in(reporting)
    assert browser.subject("/x", **EVIL) == "alice"
    (told,) = reporting.events("would_refuse")
    assert (told["reason"], told["client_id"]) == ("cross_site", "www")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert browser.subject("/x", method, **EVIL) == "403 foreign_origin"
        assert browser.subject("/x", method) == "403 origin_missing"
    assert len(reporting.events("would_refuse")) == 1


def test_a_scope_is_reported_for_the_site_s_own_pages(reporting: Site) -> None:
    """Also where they write: the page is theirs, and the scope is only reported."""
    browser = signed_in(reporting)
    for method in ("GET", "POST"):
        assert browser.subject("/notes/1", method, **OWN) == "alice"
    reasons = [told["reason"] for told in reporting.events("would_refuse")]
    assert reasons == ["scope_missing"] * 2


def test_the_report_leaves_with_a_new_cookie(reporting: Site) -> None:
    """A refresh and a report are in one answer."""
    browser = signed_in(reporting)
    expire(reporting)
    decision = browser.decide("/notes/1", **EVIL)
    assert isinstance(decision, Proceed)
    fields = finish(decision, 200, ()).headers
    would = "would_refuse=cross_site, would_refuse=scope_missing"
    assert ("JWTGuard-Report", would) in fields
    assert any(name == "Set-Cookie" for name, _ in fields)


def test_a_session_that_ended_is_refused_and_not_reported(reporting: Site) -> None:
    """Whatever page asks with it."""
    browser = signed_in(reporting)
    reporting.guard.revoke_tokens(issuer=reporting.issuer.url)
    decision = browser.decide("/notes/1", **EVIL)
    assert isinstance(decision, Respond)
    assert decision.status == 401
    assert reporting.events("would_refuse") == []


def test_sign_in_and_sign_out_of_a_foreign_page_are_refused(
    jwt_issuer: JWTIssuer,
) -> None:
    """Login CSRF is no matter of rules."""
    site = Site(jwt_issuer, session_path="/session", report_only=("origins",))
    browser = signed_in(site)
    for path in ("/session/login", "/session/logout"):
        decision = browser.decide(path, "POST", **EVIL)
        assert isinstance(decision, Respond)
        assert (decision.status, decision.reason) == (403, "foreign_origin")
    assert site.events("would_refuse") == []
