"""A session survives its tokens: tabs, workers, slow issuers, and deaths."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest

from jwtguard.adapters import Proceed, Respond, finish
from jwtguard.testing import JWTIssuer
from tests.session_support import (
    NAME,
    Browser,
    Shared,
    Site,
    all_at_once,
    expire,
    signed_in,
)
from tests.waiting import HANG, until

# When.


def test_a_token_near_its_end_is_refreshed_before_it_is_used(site: Site) -> None:
    """30 s before the end; the page already sees the new token."""
    browser = signed_in(site)
    expire(site, 269)
    first = browser.decide()
    assert isinstance(first, Proceed)
    assert site.server.refreshes == 0
    expire(site, 1)
    second = browser.decide()
    assert isinstance(second, Proceed)
    assert site.server.refreshes == 1
    assert first.principal
    assert second.principal
    assert second.principal.expires_at > first.principal.expires_at
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1


def test_it_goes_on_for_hours_and_ends_at_its_age(site: Site) -> None:
    """Each refresh rotates the token; none makes the session longer."""
    browser, seconds = signed_in(site), 0
    while seconds + 250 < 28800:
        expire(site, 250)
        seconds += 250
        assert browser.subject() == "alice"
    assert site.server.reused == 0
    assert site.server.refreshes == 57
    expire(site, 28800 - seconds)
    assert browser.subject() == "401 session_expired"


def test_a_short_token_is_refreshed_at_half_its_life(jwt_issuer: JWTIssuer) -> None:
    """It is not refreshed on every request."""
    site = Site(jwt_issuer)
    site.server.life = 20
    browser = signed_in(site)
    expire(site, 9)
    assert browser.subject() == "alice"
    assert site.server.refreshes == 0
    expire(site, 1)
    assert browser.subject() == "alice"
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1


def test_an_issuer_whose_clock_is_behind_is_not_asked_each_time(
    jwt_issuer: JWTIssuer,
) -> None:
    """A new token may seem expired, but is within the leeway."""
    site = Site(jwt_issuer)
    site.server.life = 5
    jwt_issuer.skew(-20)
    browser = signed_in(site)
    for _ in range(5):
        assert browser.subject() == "alice"
    assert site.server.refreshes == 0
    expire(site, 6)
    assert browser.subject() == "alice"
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1


def test_an_issuer_that_does_not_rotate_keeps_its_token(site: Site) -> None:
    """RFC 6749 section 6: without a new one the old one stays."""

    def keep(form: dict[str, str]) -> httpx.Response | None:
        if form["grant_type"] != "refresh_token":
            return None
        assert form["refresh_token"] == "refresh-1-of-alice"
        token = site.issuer.token(subject="alice", client_id="www")
        return httpx.Response(200, json={"access_token": token})

    site.server.answer = keep
    browser = signed_in(site)
    for _ in range(3):
        expire(site)
        assert browser.subject() == "alice"


# Tabs and workers.


@pytest.mark.slow
def test_fifty_requests_at_expiry_redeem_once(site: Site) -> None:
    """Four workers do this twenty times, and all visitors stay signed in."""
    workers = [site.worker() for _ in range(4)]
    browser = signed_in(site)
    for round_ in range(20):
        expire(site)
        tabs = [Browser(workers[n % 4], dict(browser.jar)) for n in range(50)]
        assert all_at_once([tab.subject for tab in tabs]) == ["alice"] * 50
        jars = {tuple(tab.jar.items()) for tab in tabs}
        assert len(jars) == 1
        browser = tabs[round_ % 50]
    assert site.server.refreshes == 20
    assert site.server.reused == 0


def test_in_one_process_it_works_without_a_shared_state(jwt_issuer: JWTIssuer) -> None:
    """The default: the successor is in the memory of the process."""
    site = Site(jwt_issuer)
    browser = signed_in(site)
    for _ in range(3):
        expire(site)
        tabs = [Browser(site.guard, dict(browser.jar)) for _ in range(30)]
        assert all_at_once([tab.subject for tab in tabs]) == ["alice"] * 30
        browser = tabs[0]
    assert site.server.refreshes == 3


def test_on_an_event_loop_requests_share_a_refresh(site: Site) -> None:
    """A cancelled request does not cancel the refresh."""
    browser = signed_in(site)
    expire(site)
    site.server.open.clear()
    found: list[Any] = []

    async def visit() -> None:
        found.append(await site.guard.adecide(browser.request()))

    async def main() -> None:
        async with anyio.create_task_group() as others:
            async with anyio.create_task_group() as first:
                first.start_soon(visit)
                await anyio.to_thread.run_sync(
                    lambda: until(lambda: site.server.refreshes == 1)
                )
                for _ in range(9):
                    others.start_soon(visit)
                await anyio.sleep(0.05)
                first.cancel_scope.cancel()
            site.server.open.set()

    anyio.run(main)
    assert [d.principal.subject for d in found] == ["alice"] * 9
    assert site.server.refreshes == 1
    assert site.server.reused == 0


def test_a_forked_worker_begins_anew(site: Site) -> None:
    """What a thread of the parent was about to refresh is refreshed by the child."""
    browser = signed_in(site)
    expire(site)
    site.server.open.clear()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(browser.subject)
        assert until(lambda: site.server.refreshes == 1)
        site.guard.after_fork()
        site.server.open.set()
        assert found.result(HANG) == "alice"
    for _ in range(3):
        expire(site)
        assert browser.subject() == "alice"
    assert site.server.reused == 0


def test_a_tab_that_lags_behind_gets_the_same_tokens(site: Site) -> None:
    """This works for a minute; afterwards the issuer decides."""
    late = Browser(site.worker(), dict((browser := signed_in(site)).jar))
    expire(site)
    assert browser.subject() == "alice"
    expire(site, 59)
    assert late.subject() == "alice"
    assert late.jar == browser.jar
    assert site.server.reused == 0


def test_a_tab_that_lags_far_behind_catches_up(jwt_issuer: JWTIssuer) -> None:
    """By five generations with each request; the issuer is not asked again."""
    site = Site(jwt_issuer, state=Shared(), state_timeout=HANG, session_grace=3600)
    site.server.life = 20
    browser = signed_in(site)
    late = Browser(site.worker(), dict(browser.jar))
    for _ in range(7):
        expire(site, 10)
        assert browser.subject() == "alice"
    assert late.subject() == "alice"
    assert late.jar != browser.jar
    assert late.subject() == "alice"
    assert late.jar == browser.jar
    assert (site.server.refreshes, site.server.reused) == (7, 0)


def test_an_old_cookie_is_refused_after_the_grace(jwt_issuer: JWTIssuer) -> None:
    """A stolen old cookie stops working, and the owner's new cookie still works."""
    site = Site(jwt_issuer)
    browser = signed_in(site)
    thief = Browser(site.guard, dict(browser.jar))
    expire(site)
    assert browser.subject() == "alice"
    expire(site, 70)
    assert thief.subject() == "401 session_expired"
    assert thief.jar


def test_a_late_answer_brings_no_older_cookie(jwt_issuer: JWTIssuer) -> None:
    """A page that took longer than a whole token must not undo a later refresh."""
    site = Site(jwt_issuer)
    browser = signed_in(site)
    expire(site)
    slow = site.guard.decide(browser.request())
    assert browser.subject() == "alice"  # the same new cookie, by another page
    expire(site)
    assert browser.subject() == "alice"
    newest = dict(browser.jar)
    browser.take(slow)
    assert browser.jar == newest
    expire(site, 400)
    assert browser.subject() == "alice"
    assert site.server.reused == 0


def test_a_late_answer_does_not_undo_signing_out_or_in(jwt_issuer: JWTIssuer) -> None:
    """The cookie of a session that has ended does not come back."""
    site = Site(jwt_issuer)
    browser = signed_in(site)
    expire(site)
    slow = site.guard.decide(browser.request())
    browser.log_out()
    browser.take(slow)
    assert browser.jar == {}
    browser.log_in()
    expire(site)
    slow = site.guard.decide(browser.request())
    browser.log_in("bob")
    browser.take(slow)
    assert browser.subject() == "bob"


def test_the_new_cookie_leaves_with_every_answer(jwt_issuer: JWTIssuer) -> None:
    """Refusals set it too, or the next request would use an old refresh token."""
    site = Site(jwt_issuer)
    site.settings["clients_only"] = True
    refusing = site.worker()
    browser = signed_in(site)
    expire(site)
    answer = Browser(refusing, browser.jar).decide()
    assert isinstance(answer, Respond)
    assert answer.status == 403
    assert len([1 for name, _ in answer.headers if name == "Set-Cookie"]) == 1
    assert ("Cache-Control", "no-store") in answer.headers
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1


def test_an_answer_with_a_cookie_is_never_cached(jwt_issuer: JWTIssuer) -> None:
    """The guard overrides the application's ``Cache-Control``."""
    site = Site(jwt_issuer)
    browser = signed_in(site)
    cached = (("Cache-Control", "public, max-age=60"), ("Set-Cookie", "own=1"))
    first = browser.decide()
    assert isinstance(first, Proceed)
    assert dict(finish(first, 200, cached).headers)["Cache-Control"].startswith(
        "public"
    )
    expire(site)
    decision = site.guard.decide(browser.request())
    assert isinstance(decision, Proceed)
    headers = finish(decision, 200, cached).headers
    assert [v for n, v in headers if n == "Cache-Control"] == ["private, no-store"]
    assert [v.partition("=")[0] for n, v in headers if n == "Set-Cookie"] == [
        "own",
        NAME,
    ]


def test_a_strangers_page_does_not_cause_a_refresh(site: Site) -> None:
    """The request is refused before the refresh."""
    browser = signed_in(site)
    expire(site)
    assert browser.subject("/x", "POST", origin="https://evil.example")[:3] == "403"
    assert browser.subject("/x", sec_fetch_site="cross-site")[:3] == "403"
    assert site.server.refreshes == 0
