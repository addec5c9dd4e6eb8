"""What too long an outage of the shared state costs: revocations that others miss."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.outside.revocation_link import WAITING
from jwtguard.outside.state_client import PAUSE
from jwtguard.state import MemoryState
from jwtguard.testing import FakeClock, JWTIssuer
from tests.test_revoking import Away, shared_guard, why
from tests.waiting import HANG, until


def is_back(guard: Guard, clock: FakeClock) -> bool:
    """Whether the state answers; a pause after failures is over."""
    clock.advance(PAUSE)
    return bool(guard.health().state["ready"])


@pytest.mark.slow
def test_revocations_that_cannot_wait_any_more_are_told(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """An event, and health says that the state is away; here they hold all the same.

    What waited before is sent when the state is back, and what was lost is not.
    """
    told: list[tuple[str, Any]] = []
    state = Away()
    here = shared_guard(jwt_issuer, state, lambda *event: told.append(event))
    first, last = (
        jwt_issuer.token(claims={"sid": sid}, expires_in=86400)
        for sid in ("s0", "last")
    )
    assert [why(here, first), why(here, last)] == ["", ""]
    each = 2  # one operation for the stream, one for the key
    for number in range(WAITING // each):
        here.revoke_tokens(issuer=jwt_issuer.url, sid=f"s{number}")
    assert "revocations_lost" not in dict(told)
    here.revoke_tokens(issuer=jwt_issuer.url, sid="last")
    lost = [fields for event, fields in told if event == "revocations_lost"]
    assert lost == [{"problem": "QueueFull"}]
    state_of = here.health().state
    assert (state_of["ready"], state_of["shared"]) == (False, True)
    assert state_of["failure"]
    assert [why(here, first), why(here, last)] == ["revoked_session"] * 2
    state.away = False
    assert until(lambda: is_back(here, jwt_clock))
    there = shared_guard(jwt_issuer, state.inner)
    assert until(lambda: why(there, first) == "revoked_session")
    assert until(lambda: not here.link._waiting)
    newest = jwt_issuer.token(claims={"sid": "new"})
    here.revoke(here.verify(newest))
    assert until(lambda: why(there, newest) == "revoked_session")
    assert why(there, last) == ""


def test_the_event_says_whether_other_processes_learn_of_it(
    jwt_issuer: JWTIssuer,
) -> None:
    """They do by a shared state alone, and also if it was known before."""
    for state in (None, MemoryState()):
        told: list[bool] = []

        def tell(event: str, fields: Any, told: list[bool] = told) -> None:
            if event == "revoked":
                told.append(fields["shared"])

        guard = shared_guard(jwt_issuer, state, tell, state_timeout=HANG)
        principal = guard.verify(jwt_issuer.token())
        guard.revoke(principal)
        guard.revoke(principal)
        assert told == [state is not None] * 2
