"""One outage of the shared state is one event, whoever finds it, and so is its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.core.model.effects import Load, StateUnavailableError
from jwtguard.outside.outages import QUIET, Outages, word_for
from jwtguard.outside.state_client import StateClient
from jwtguard.testing import FakeClock, JWTIssuer
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG, until

Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
def outages(clock: FakeClock, emit: Callable[..., None]) -> Outages:
    """Nothing has failed."""
    return Outages(clock.monotonic, emit)


def names(told: Told) -> list[str]:
    return [event for event, _ in told]


def test_two_who_fail_are_told_as_one(outages: Outages, told: Told) -> None:
    """The event has the problem that was found first."""
    outages.fail("asking", "ConnectionRefusedError")
    outages.fail("following", "TimeoutError")
    outages.fail("asking", "TimeoutError")
    assert told == [("state_failed", {"problem": "ConnectionRefusedError"})]


def test_an_outage_is_over_when_both_work(
    outages: Outages, clock: FakeClock, told: Told
) -> None:
    """The outage continues while one of the two fails."""
    outages.fail("asking", "OutOfMemoryError")
    outages.fail("following", "TimeoutError")
    clock.advance(QUIET)
    outages.succeed("following")
    assert outages.health() == {
        "ready": False,
        "failure": "OutOfMemoryError",
        "failed_ago": QUIET,
    }
    assert names(told) == ["state_failed"]
    outages.succeed("asking")
    outages.succeed("asking")
    assert outages.health()["ready"] is True
    assert names(told) == ["state_failed", "state_restored"]


def test_what_fails_and_works_in_turn_is_one_outage(
    outages: Outages, clock: FakeClock, told: Told
) -> None:
    """A state that sometimes answers is ready then, but its outage continues."""
    for _ in range(5):
        outages.fail("asking", "TimeoutError")
        clock.advance(QUIET / 2)
        outages.succeed("asking")
        assert outages.health()["ready"] is True
    assert names(told) == ["state_failed"]
    clock.advance(QUIET / 2)
    outages.succeed("following")
    assert names(told) == ["state_failed", "state_restored"]


def test_success_without_an_outage_emits_nothing(outages: Outages, told: Told) -> None:
    """A success without an earlier failure does not emit an event."""
    outages.succeed("asking")
    assert told == []


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (StateUnavailableError("NoPermissionError"), "NoPermissionError"),
        (OSError("redis://user:password@host"), "OSError"),
    ],
)
def test_a_problem_is_a_word(error: Exception, word: str) -> None:
    """The text of a library's error may contain an address or a password."""
    assert word_for(error) == word


@needs_redis
@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize(("how", "timeout"), [("stop", HANG), ("pause", 1.0)])
def test_a_guard_tells_an_outage_once(
    how: str, timeout: float, asks: bool, redis: Redis
) -> None:
    """Whether it asks meanwhile or only follows; its end too, without a request."""
    issuer, told = JWTIssuer(alg="ES256"), []
    guard = Guard(
        issuer.policy(state=redis.url, state_timeout=timeout),
        clock=issuer.clock,
        transport=issuer.transport,
        on_event=lambda event, fields: told.append((event, fields)),
    )

    def state_events() -> list[str]:
        return [event for event, _ in told if event.startswith("state")]

    def is_ready_again() -> bool:
        issuer.clock.advance(QUIET)
        return guard.health().state["ready"] and len(state_events()) > 1

    principal = guard.verify(issuer.token())
    assert guard.link.follower.caught_up.exception(HANG) is None
    getattr(redis, how)()
    if asks:
        guard.revoke(principal)
        assert guard.state.failure
    assert until(lambda: bool(guard.link.follower.failure))
    assert guard.health().state["ready"] is False
    assert until(lambda: state_events() == ["state_failed"])
    if how == "stop":
        redis.start()
    else:
        redis.resume()
    assert until(is_ready_again)
    assert state_events() == ["state_failed", "state_restored"]
    guard.link.follower.stop()


def test_an_outage_ends_without_another_request(
    clock: FakeClock, emit: Callable[..., None], told: Told
) -> None:
    """The guard tries again by itself, because the next request may be hours away."""

    class Away:
        away = True

        def get(self, key: str) -> bytes | None:
            if self.away:
                raise OSError
            return None

    state: Any = Away()
    client = StateClient(state, HANG, clock.monotonic, emit)
    client.ask(Load("a"))
    state.away = False
    client.retry()
    assert names(told) == ["state_failed"], "too early"
    clock.advance(QUIET)
    client.retry()
    assert until(lambda: names(told) == ["state_failed", "state_restored"])
    client.retry()
    assert client.failure == ""
