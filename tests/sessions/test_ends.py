"""What ends a session: revocation, signing out; and what is never shown of it."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from jwtguard import ConfigurationError, TrustedIssuer
from jwtguard.adapters import Proceed, Respond, finish
from jwtguard.errors import (
    AuthError,
)
from jwtguard.testing import JWTIssuer
from tests.session_support import (
    HOST,
    NAME,
    SECRET,
    Browser,
    Shared,
    Site,
    expire,
    signed_in,
)
from tests.waiting import HANG, until

# Revocation.


def test_a_revoked_principal_is_signed_out(site: Site) -> None:
    """The next request is refused, and a refresh does not restore the session."""
    site.server.claims = {"sid": "s1"}
    browser = signed_in(site)
    decision = browser.decide()
    assert isinstance(decision, Proceed)
    assert decision.principal is not None
    site.guard.revoke(decision.principal)
    for _ in range(20):
        assert browser.subject() == "401 revoked_session"
        site.issuer.clock.advance(100)
    assert site.server.refreshes == 0


@pytest.mark.parametrize("named", [{"subject": "alice"}, {"client_id": "www"}, {}])
def test_what_ends_many_tokens_ends_sessions_that_are_idle(
    site: Site, named: dict[str, Any]
) -> None:
    """The session began before the revocation, even if its next token is newer."""
    browser, other = signed_in(site), site.browser()
    site.issuer.clock.advance(10)
    site.guard.revoke_tokens(issuer=site.issuer.url, **named)
    site.issuer.clock.advance(5000)
    assert browser.subject()[:12] == "401 revoked_"
    other.log_in()
    assert other.subject() == "alice"
    assert site.server.refreshes == 0


def test_revocations_last_as_long_as_sessions(jwt_issuer: JWTIssuer) -> None:
    """They are kept for the session's lifetime, not for that of its short tokens."""
    short = TrustedIssuer(
        url=jwt_issuer.url, audience=jwt_issuer.audience, max_lifetime=300
    )
    site = Site(jwt_issuer, issuers=(short,))
    browser = signed_in(site)
    site.guard.revoke_tokens(issuer=jwt_issuer.url, subject="alice")
    jwt_issuer.clock.advance(20000)
    assert browser.subject() == "401 revoked_subject"


# Signing out.


def test_signing_out_ends_everything(site: Site) -> None:
    """The cookie, its copies of any age, the tokens here, and those at the issuer."""
    browser = signed_in(site)
    copy, token = dict(browser.jar), browser.log_in().token
    copy = dict(browser.jar)
    browser.log_out()
    assert browser.jar == {}
    assert browser.subject() == "401 no_credentials"
    assert Browser(site.guard, copy).subject() == "401 revoked_token"
    assert browser.subject(authorization=f"Bearer {token}") == "401 revoked_token"
    assert "refresh-2-of-alice" in site.server.revoked
    assert len(site.events("signed_out")) == 1


def test_signing_out_needs_neither_an_issuer_nor_a_session(site: Site) -> None:
    """``log_out`` clears the cookie, even if everything else fails."""
    browser = signed_in(site)
    site.server.answer = lambda _: httpx.Response(500)
    browser.log_out()
    assert browser.jar == {}
    browser.jar = {NAME: "tampered"}
    browser.log_out()
    assert browser.jar == {}
    browser.log_out()


def test_signing_out_during_a_refresh_ends_the_new_tokens(site: Site) -> None:
    """The issuer answers after the visitor has left: that refresh token is revoked."""
    browser = signed_in(site)
    leaving = Browser(site.guard, dict(browser.jar))

    def leave(form: dict[str, str]) -> httpx.Response | None:
        if form.get("grant_type") != "refresh_token":
            return None
        leaving.log_out()
        return site.server.tokens("alice")

    site.server.answer = leave
    expire(site)
    assert browser.subject() == "401 revoked_token"
    assert until(lambda: "refresh-2-of-alice" in site.server.revoked)


def test_signing_out_without_a_refresh_token_asks_no_issuer(site: Site) -> None:
    """There is nothing to give back; the session ends here."""
    token = site.issuer.token(subject="alice")
    site.server.answer = lambda _: httpx.Response(200, json={"access_token": token})
    browser = signed_in(site)
    copy = Browser(site.guard, dict(browser.jar))
    browser.log_out()
    assert copy.subject() == "401 revoked_token"
    assert [form["grant_type"] for form in site.server.asked] == ["password"]


def test_signing_out_needs_no_revocation_endpoint(site: Site) -> None:
    """The refresh token cannot be given back; the session ends here."""
    site.server.lacks = {"revocation_endpoint"}
    browser = signed_in(site)
    copy = Browser(site.guard, dict(browser.jar))
    browser.log_out()
    assert (browser.jar, copy.subject()) == ({}, "401 revoked_token")
    assert len(site.server.asked) == 1
    assert len(site.events("signed_out")) == 1


def test_signing_out_needs_no_issuer(site: Site) -> None:
    """The refresh token cannot be given back during an outage; the session ends."""
    browser = signed_in(site)
    copy = Browser(site.guard, dict(browser.jar))
    tried: list[str] = []

    def away(form: dict[str, str]) -> httpx.Response | None:
        tried.append(form["token"])
        raise httpx.ConnectError("refused")

    site.server.answer = away
    browser.log_out()
    assert (browser.jar, copy.subject()) == ({}, "401 revoked_token")
    assert until(lambda: tried == ["refresh-1-of-alice"])


def test_signing_out_works_when_the_settings_refuse_the_token(site: Site) -> None:
    """Tokens may live for a minute only since the visitor signed in."""
    browser = signed_in(site)
    url, audience = site.issuer.url, site.issuer.audience
    short = TrustedIssuer(url=url, audience=audience, max_lifetime=60)
    strict = Browser(site.worker(issuers=(short,)), browser.jar)
    assert strict.subject() == "401 lifetime_too_long"
    strict.log_out()
    assert strict.jar == {}
    assert until(lambda: site.server.revoked == ["refresh-1-of-alice"])
    assert len(site.events("signed_out")) == 1


def test_signing_out_needs_no_shared_state(jwt_issuer: JWTIssuer) -> None:
    """A later generation cannot be looked up: what the cookie holds is given back."""
    state = Shared()
    site = Site(jwt_issuer, state=state, state_timeout=HANG)
    browser = signed_in(site)
    copy = Browser(site.guard, dict(browser.jar))
    state.away = True
    browser.log_out()
    assert (browser.jar, copy.subject()) == ({}, "401 revoked_token")
    assert until(lambda: site.server.revoked == ["refresh-1-of-alice"])
    state.away = False


def test_a_cookie_of_many_generations_ago_signs_out_all(jwt_issuer: JWTIssuer) -> None:
    """Five generations are looked up; the session ends, whichever is the newest."""
    site = Site(jwt_issuer, session_grace=3600)
    browser = signed_in(site)
    old = Browser(site.guard, dict(browser.jar))
    for _ in range(6):
        expire(site)
        assert browser.subject() == "alice"
    old.log_out()
    assert until(lambda: site.server.revoked == ["refresh-6-of-alice"])
    assert browser.subject() == "401 revoked_token"
    expire(site)
    assert browser.subject() == "401 revoked_token"
    assert site.server.refreshes == 6


def test_who_signed_out_stays_so_whoever_does_after_them(jwt_issuer: JWTIssuer) -> None:
    """Beyond the limit entries are packed, and found all the same."""
    site = Site(jwt_issuer, revocations=1)
    copies, stays = [], site.browser()
    stays.log_in("carol")
    for name in ("alice", "bob"):
        browser = site.browser()
        browser.log_in(name)
        copies.append(Browser(site.guard, dict(browser.jar)))
        browser.log_out()
    expire(site)
    assert [copy.subject() for copy in copies] == ["401 revoked_token"] * 2
    assert site.server.refreshes == 0
    assert stays.subject() == "carol"


@pytest.mark.slow
def test_signing_out_does_not_wait_for_a_slow_issuer(site: Site) -> None:
    """It waits at most two seconds, and the request to the issuer still completes."""
    browser = signed_in(site)
    site.server.open.clear()
    browser.log_out()
    assert browser.jar == {}
    assert site.server.revoked == []
    site.server.open.set()
    for _ in range(1000):
        if site.server.revoked:
            break
        threading.Event().wait(0.01)
    assert site.server.revoked == ["refresh-1-of-alice"]


# Settings and secrecy.


def test_sessions_are_off_without_the_setting(jwt_issuer: JWTIssuer) -> None:
    """Without the setting, the calls raise an error that names it."""
    guard = jwt_issuer.guard()
    browser = Browser(guard, {NAME: "x"})
    assert browser.subject() == "401 no_credentials"
    with pytest.raises(ConfigurationError, match="JWTGUARD_SESSION_CLIENT"):
        browser.log_in()
    with pytest.raises(ConfigurationError, match="JWTGUARD_SESSION_CLIENT"):
        browser.log_out()


def test_nothing_that_is_secret_is_shown(jwt_issuer: JWTIssuer) -> None:
    """Cookies, logs, errors and reprs do not contain tokens or passwords."""
    site = Site(jwt_issuer, session_client_secret="client-secret")
    browser = site.browser()
    principal = browser.log_in()
    said = [str(browser.jar), repr(principal), repr(site.guard.policy), site.said()]
    for bad in ("wrong-password", "wonderland"):
        try:
            browser.log_in(password=bad)
        except AuthError as error:
            said += [repr(error), str(error), error.detail]
    jwt_issuer.clock.advance(299)
    decision = browser.decide()
    site.server.answer = lambda form: httpx.Response(500, json=form)
    jwt_issuer.clock.advance(5000)
    answer = browser.decide()
    assert isinstance(answer, Respond)
    browser.log_out()
    said += [repr(decision), repr(answer), site.said()]
    secrets = [principal.token, "wonderland", "wrong-password", "client-secret", SECRET]
    secrets += [*site.server.valid, *site.server.spent]
    payload = principal.token.split(".")[1]
    for text in said:
        for secret in [*secrets, payload]:
            assert secret not in text


def test_the_login_page_is_told_where_a_cookie_goes(site: Site) -> None:
    """Public, optional, session and header requests all have an outbox."""
    token = site.issuer.token()
    browser = signed_in(site)
    for decision in (
        site.browser().decide("/login"),
        site.browser().decide("/home"),
        browser.decide(),
        site.browser().decide(authorization=f"Bearer {token}"),
    ):
        assert isinstance(decision, Proceed)
        assert decision.outbox is not None
        decision.outbox.put(("a=b",))
        cached = (("Cache-Control", "public, max-age=60"),)
        headers = finish(decision, 200, cached).headers
        assert ("Set-Cookie", "a=b") in headers
        assert ("Cache-Control", "private, no-store") in headers
    assert HOST


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"secrets": ()}, "jwtguard secret"),
        ({"session_client": "é"}, "session_client"),
        ({"session_client_secret": ""}, "session_client_secret"),
        ({"session_scope": 'a"b'}, "session_scope"),
        ({"session_issuer": "https://x.example"}, "session_issuer"),
        ({"session_path": "session"}, "session_path"),
        ({"session_path": "/s/"}, "session_path"),
        ({"session_path": "/s/*"}, "session_path"),
        ({"session_path": "//s"}, "session_path"),
        ({"session_path": "/a/../s"}, "session_path"),
        ({"session_path": "/s?x"}, "session_path"),
        ({"session_path": 7}, "session_path"),
        ({"session_path": "/s", "token_paths": "/s/login"}, "token path"),
        ({"session_path": "/s", "session_client": None}, "session_client"),
        ({"session_cookie": "a b"}, "session_cookie"),
        ({"session_cookie": "a" * 65}, "session_cookie"),
        ({"session_cookie": "t", "cookie": "t.0"}, "session_cookie"),
        ({"session_samesite": "None"}, "session_samesite"),
        ({"session_store": "disk"}, "session_store"),
        ({"session_refresh_before": -1}, "session_refresh_before"),
        ({"session_grace": 0}, "session_grace"),
        ({"session_max_age": "x"}, "session_max_age"),
        ({"relay_limit": "often"}, "relay_limit"),
    ],
)
def test_wrong_settings_are_told_at_the_start(
    jwt_issuer: JWTIssuer, settings: dict[str, Any], said: str
) -> None:
    """The error contains the value, unless it is secret."""
    with pytest.raises(ConfigurationError, match=said):
        Site(jwt_issuer, **settings)
