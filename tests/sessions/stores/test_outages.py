"""A session survives issuers that are slow or down, workers that die, and outages."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from jwtguard.adapters import Proceed, Respond
from jwtguard.testing import JWTIssuer
from tests.session_support import (
    Browser,
    Shared,
    Site,
    expire,
    signed_in,
    state_of,
)
from tests.waiting import HANG, until

# The issuer.


def test_a_slow_issuer_is_waited_for(site: Site) -> None:
    """All workers wait for the new tokens, because the old refresh token is used."""
    browser = signed_in(site)
    expire(site)
    site.server.open.clear()
    tabs = [Browser(guard, dict(browser.jar)) for guard in (site.guard, site.worker())]
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(tab.subject) for tab in tabs * 2]
        assert until(lambda: site.server.refreshes == 1)
        assert not any(one.done() for one in found)
        site.server.open.set()
        assert [one.result(HANG) for one in found] == ["alice"] * 4
    assert site.server.refreshes == 1


BROKEN = [
    ("500", httpx.Response(500, json={"error": "server_error"})),
    ("html", httpx.Response(200, html="<html>sorry")),
    ("400 html", httpx.Response(400, html="<html>sorry")),
    ("429", httpx.Response(429)),
    ("client", httpx.Response(401, json={"error": "invalid_client"})),
    ("redirect", httpx.Response(302, headers={"location": "/"})),
    ("not a JWT", httpx.Response(200, json={"access_token": "x"})),
]


@pytest.mark.parametrize("answer", [a for _, a in BROKEN], ids=[n for n, _ in BROKEN])
def test_visitors_stay_signed_in_while_the_issuer_is_down(
    site: Site, answer: httpx.Response
) -> None:
    """The old token is used until it expires, then requests get 503 until recovery."""
    browser = signed_in(site)
    site.server.answer = lambda _: answer
    expire(site)
    for _ in range(5):
        assert browser.subject() == "alice"
    assert site.server.refreshes == 1
    expire(site, 39)
    assert browser.subject() == "alice"
    expire(site, 1)
    answered = browser.decide()
    assert isinstance(answered, Respond)
    assert (answered.status, answered.reason) == (503, "session_unavailable")
    assert ("Retry-After", "5") in answered.headers
    assert not [name for name, _ in answered.headers if name == "WWW-Authenticate"]
    assert browser.jar
    assert browser.subject("/home") == "503 session_unavailable"
    site.server.answer = None
    expire(site, 5)
    assert browser.subject() == "alice"
    assert site.server.reused == 0


def test_a_failure_is_remembered_for_five_seconds_and_one_session(site: Site) -> None:
    """Requests do not ask it again meanwhile, and other sessions do not wait."""
    first, second = signed_in(site), signed_in(site)
    site.server.answer = lambda _: httpx.Response(500)
    expire(site)
    assert first.subject() == "alice"
    assert site.server.refreshes == 1
    assert second.subject() == "alice"
    assert site.server.refreshes == 2
    expire(site, 4)
    assert first.subject() == "alice"
    assert site.server.refreshes == 2
    expire(site, 1)
    assert first.subject() == "alice"
    assert site.server.refreshes == 3


def test_a_transport_that_breaks_is_a_failure_too(site: Site) -> None:
    """Any exception of the transport counts as a failure."""
    browser = signed_in(site)

    def explode(_: dict[str, str]) -> httpx.Response:
        raise httpx.ReadError("gone")

    site.server.answer = explode
    expire(site)
    assert browser.subject() == "alice"
    assert len(site.events("session_refresh_failed")) == 1


def test_an_issuer_that_refuses_ends_the_session(site: Site) -> None:
    """``invalid_grant``: it was ended there. The token before lasts until its end."""
    browser = signed_in(site)
    site.server.valid.clear()
    expire(site)
    assert browser.subject() == "alice"
    expire(site, 10)
    assert browser.subject() == "401 session_expired"
    assert browser.subject() == "401 session_expired"
    assert site.server.refreshes == 1
    assert browser.jar  # a later session's cookie could be hit: none is cleared
    decision = browser.decide("/home")
    assert isinstance(decision, Proceed)
    assert (decision.principal, decision.refusal) == (None, "session_expired")
    (ended,) = site.events("session_ended")
    assert ended["problem"] == "invalid_grant"
    browser.log_in()
    assert browser.subject() == "alice"


def test_a_token_whose_key_cannot_be_fetched_is_kept(site: Site) -> None:
    """The refresh token before it is spent: the session goes on with the new one."""
    browser = signed_in(site)
    assert browser.subject() == "alice"
    site.issuer.rotate()
    site.issuer.down()
    site.server.lacks = {"jwks_uri"}
    expire(site)
    assert browser.subject()[:3] == "503"
    assert site.events("session_refresh_failed") == []
    site.issuer.up()
    site.server.lacks = set()
    expire(site, 60)
    assert browser.subject() == "alice"
    assert (site.server.refreshes, site.server.reused) == (1, 0)


def test_a_session_that_outgrows_its_cookies_ends(jwt_issuer: JWTIssuer) -> None:
    """Its last token lasts until its end; the event says what was too long."""
    site = Site(jwt_issuer)
    browser = signed_in(site)
    site.server.answer = lambda _: site.server.tokens("alice", refresh_token="r" * 9000)
    expire(site)
    assert browser.subject() == "alice"
    (ended,) = site.events("session_ended")
    assert ended["problem"].startswith("too long for two cookies: ")
    expire(site, 10)
    assert browser.subject() == "401 session_expired"
    assert site.server.refreshes == 1


def test_a_token_for_somebody_else_is_not_taken(site: Site) -> None:
    """A refresh must not change the subject or the issuer."""
    browser = signed_in(site)
    other = site.issuer.token(subject="mallory", client_id="www")
    site.server.answer = lambda _: httpx.Response(200, json={"access_token": other})
    expire(site)
    assert browser.subject() == "alice"
    expire(site, 5000)
    assert browser.subject() == "503 session_unavailable"


# Deaths and outages.


def test_a_winner_that_died_is_followed(site: Site) -> None:
    """Its lease expires, and another worker redeems the token."""
    browser = signed_in(site)
    expire(site)
    claim = Shared.claim
    leases: list[str] = []

    state = state_of(site)
    begun = threading.Event()

    def claiming(key: str, ttl: float) -> bool:
        if key.startswith("session-lease:") and not leases:
            leases.append(key)
            claim(state, key, HANG)  # somebody else was faster
        made = claim(state, key, ttl)
        begun.set()
        return made

    state.claim = claiming  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(browser.subject)
        assert begun.wait(HANG)
        assert site.server.refreshes == 0
        state.delete(leases[0])
        assert found.result(HANG) == "alice"
    assert site.server.refreshes == 1


def test_no_lease_stays_behind(site: Site) -> None:
    """The lease is removed after a success and after a failure."""
    browser, state = signed_in(site), state_of(site)
    expire(site)
    browser.subject()
    assert until(lambda: state.keys("session-lease:") == [])
    site.server.answer = lambda _: httpx.Response(500)
    expire(site)
    browser.subject()
    assert until(lambda: state.keys("session-lease:") == [])


def test_without_the_state_a_refresh_goes_on_alone(jwt_issuer: JWTIssuer) -> None:
    """Each worker then refreshes without the others."""
    state = Shared()
    site = Site(jwt_issuer, state=state, state_timeout=HANG)
    browser = signed_in(site)
    late = Browser(site.guard, dict(browser.jar))
    state.away = True
    expire(site)
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1
    assert late.subject() == "alice"  # this process remembers
    assert site.server.refreshes == 1
    state.away = False
    assert late.subject() == "alice"
    other = Browser(site.worker(), late.jar)
    assert other.subject() == "alice"


def test_a_record_that_cannot_be_leased_is_not_refreshed(
    jwt_issuer: JWTIssuer,
) -> None:
    """It could not be replaced either, and the new refresh token would be lost."""
    state = Shared()
    site = Site(jwt_issuer, state=state, session_store="state", state_timeout=HANG)
    browser = signed_in(site)
    expire(site)
    state.lost = {"session-lease:"}
    assert browser.subject() == "alice"
    assert site.server.refreshes == 0
    (failed,) = site.events("session_refresh_failed")
    assert failed["problem"].startswith("the shared state: ")
    state.lost = set()
    expire(site, 5)
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1


def test_a_refusal_counts_while_the_state_is_away(site: Site) -> None:
    """Whether another worker was faster cannot be looked up: the issuer is believed."""
    browser, state = signed_in(site), state_of(site)

    def refuse(_: dict[str, str]) -> httpx.Response:
        state.away = True
        return httpx.Response(400, json={"error": "invalid_grant"})

    site.server.answer = refuse
    expire(site)
    assert browser.subject() == "alice"
    (ended,) = site.events("session_ended")
    assert ended["problem"] == "invalid_grant"
    state.away = False
    expire(site, 10)
    assert browser.subject() == "401 session_expired"
    assert site.server.refreshes == 1


def test_sessions_in_the_state_wait_for_it(jwt_issuer: JWTIssuer) -> None:
    """Requests get 503 meanwhile, and visitors stay signed in."""
    state = Shared()
    site = Site(jwt_issuer, state=state, session_store="state", state_timeout=HANG)
    browser = signed_in(site)
    state.away = True
    expire(site, 1)
    assert browser.subject() == "503 session_unavailable"
    assert browser.subject("/home") == "503 session_unavailable"
    with pytest.raises(Exception, match="session_unavailable"):
        site.browser().log_in()
    browser.log_out()
    assert browser.jar == {}
    state.away = False


def test_a_record_that_could_not_be_replaced_is_saved_later(
    jwt_issuer: JWTIssuer,
) -> None:
    """The state went away between the lease and the answer: no token is lost."""
    state = Shared()
    site = Site(jwt_issuer, state=state, session_store="state", state_timeout=HANG)
    browser = signed_in(site)
    expire(site)
    state.lost = {"session:"}
    assert browser.subject() == "alice"
    state.lost = set()
    expire(site, 3)
    assert browser.subject() == "alice"
    other = Browser(site.worker(), dict(browser.jar))
    assert other.subject() == "alice"
    assert site.server.refreshes == 1


@pytest.mark.slow
def test_who_signs_out_during_a_refresh_is_signed_out(site: Site) -> None:
    """The guard revokes the refresh token that the issuer then returns."""
    browser = signed_in(site)
    expire(site)
    copy = Browser(site.guard, dict(browser.jar))
    site.server.open.clear()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(copy.subject)
        assert until(lambda: site.server.refreshes == 1)
        browser.log_out()
        site.server.open.set()
        assert found.result(HANG)
    assert until(lambda: not site.server.valid)
    assert copy.subject() in ("401 revoked_token", "401 session_expired")
    assert browser.jar == {}
