"""Where the tokens of a session are, and what is readable there: nothing."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.testing import JWTIssuer
from tests.session_support import (
    NAME,
    OWN,
    Browser,
    Shared,
    Site,
    expire,
    signed_in,
    state_of,
)
from tests.waiting import HANG

# Where the tokens are.


def test_in_the_state_the_cookie_never_changes(jwt_issuer: JWTIssuer) -> None:
    """It is short, and the record is of no use without it."""
    state = Shared()
    site = Site(jwt_issuer, state=state, session_store="state", state_timeout=HANG)
    site.server.claims = {"filler": "x" * 12000}
    browser = signed_in(site)
    before = dict(browser.jar)
    assert len(before[NAME]) < 200
    expire(site)
    assert browser.subject() == "alice"
    assert browser.jar == before
    (key,) = state.keys("session:")
    value = state.get(key)
    assert value is not None
    assert b"alice" not in value
    browser.log_out()
    assert state.keys("session:") == []
    assert Browser(site.guard, before).subject()[:3] == "401"


def test_a_record_of_another_session_does_not_open(jwt_issuer: JWTIssuer) -> None:
    """Write access to the store does not allow signing in as another user."""
    state = Shared()
    site = Site(jwt_issuer, state=state, session_store="state", state_timeout=HANG)
    alice = signed_in(site)
    (first,) = state.keys("session:")
    site.browser().log_in("bob")
    (second,) = set(state.keys("session:")) - {first}
    stolen = state.get(second)
    assert stolen is not None
    state.put(first, stolen, 1000)
    assert alice.subject() == "401 session_expired"
    state.put(first, b"junk", 1000)
    assert alice.subject() == "401 session_expired"
    state.delete(first)
    assert alice.subject() == "401 session_expired"


def test_what_the_state_holds_of_a_successor_is_sealed(site: Site) -> None:
    """An invalid value in its place is ignored."""
    browser, state = signed_in(site), state_of(site)
    late = Browser(site.worker(), dict(browser.jar))
    expire(site)
    assert browser.subject() == "alice"
    for key in [*state.keys("session-next:"), *state.keys("session:")]:
        value = state.get(key)
        assert value
        assert b"refresh-2" not in value
    for key in state.keys("session-next:"):
        state.put(key, b"junk", 60)
        assert late.subject() == "alice"  # the token before has not ended yet
        assert late.subject("/x", "POST", **OWN) == "alice"


@pytest.mark.parametrize("store", ["cookie", "state"])
def test_a_cookie_of_another_site_with_the_same_secret_is_refused(
    jwt_issuer: JWTIssuer, store: str
) -> None:
    """A session at one site is not accepted at the other."""
    shared: dict[str, Any] = {
        "state": Shared(),
        "session_store": store,
        "state_timeout": HANG,
    }
    one = Site(jwt_issuer, **shared)
    other = Site(jwt_issuer, session_client="admin", **shared)
    browser = signed_in(one)
    assert browser.subject() == "alice"
    assert Browser(other.guard, dict(browser.jar)).subject()[:3] == "401"
