"""Asking the shared state: batches, the breaker, and who waits how long."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from jwtguard.core.model.effects import (
    Append,
    Claim,
    Load,
    Remove,
    Save,
    StateOperation,
)
from jwtguard.outside.outages import QUIET
from jwtguard.outside.redis_state import RedisState
from jwtguard.outside.state_client import PAUSE, QUEUED, StateClient
from jwtguard.state import State, StateUnavailableError
from jwtguard.testing import FakeClock
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG, until

LONG = HANG
"""Seconds that bound a hang; nothing waits for them to pass."""


class Slow:
    """A store that does nothing until it is let, and counts what it is asked."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = threading.Event()
        self.batches: list[int] = []
        self.failing = False

    def batch(self, operations: Any) -> list[Any]:
        self.batches.append(len(operations))
        self.asked.set()
        assert self.go.wait(LONG)
        if self.failing:
            raise OSError("away")
        return [True] * len(operations)


class Full:
    """A server that takes no more values."""

    def batch(self, operations: Any) -> list[Any]:
        return [
            StateUnavailableError("OutOfMemoryError") if isinstance(one, Save) else None
            for one in operations
        ]


class Broken:
    """A store of somebody else's, which fails in its own way."""

    def fail(self, *_: Any) -> Any:
        raise ZeroDivisionError

    claim = get = put = delete = append = follow = fail


def client_of(
    store: Any,
    emit: Callable[..., None],
    clock: FakeClock | None = None,
    timeout: float = LONG,
) -> StateClient:
    return StateClient(store, timeout, (clock or FakeClock()).monotonic, emit)


@pytest.mark.parametrize(
    ("operations", "answers"),
    [
        ((Claim("a", 60), Claim("a", 60)), [True, False]),
        (
            (Save("a", b"x", 60), Load("a"), Remove("a"), Load("a")),
            [None, b"x", None, None],
        ),
        ((Append("s", b"1", 60), Claim("b", 60)), [None, True]),
    ],
)
def test_operations_are_answered_in_order(
    state: State,
    operations: tuple[StateOperation, ...],
    answers: list[Any],
    emit: Callable[..., None],
) -> None:
    """Each by the value that its verb returns."""
    client = StateClient(state, LONG, FakeClock().monotonic, emit)
    found = [client.submit(one).result(LONG) for one in operations]
    assert found == answers


def test_what_arrives_together_leaves_together(emit: Callable[..., None]) -> None:
    """One round trip for all that waited while the first was under way."""
    store = Slow()
    client = client_of(store, emit)
    first = client.submit(Claim("a", 60))
    assert store.asked.wait(LONG)
    rest = [client.submit(Claim(str(n), 60)) for n in range(50)]
    store.go.set()
    assert all(done.result(LONG) for done in [first, *rest])
    assert store.batches == [1, 50]


def test_nothing_is_started_before_the_first_operation(
    emit: Callable[..., None],
) -> None:
    """No thread at construction."""
    before = threading.active_count()
    client_of(Slow(), emit)
    assert threading.active_count() == before


def test_three_failures_within_a_second_open_the_breaker(
    emit: Callable[..., None], told: list[Any]
) -> None:
    """Then nobody asks for a second; the failure is told once, the return too."""
    clock, store = FakeClock(), Slow()
    store.go.set()
    store.failing = True
    client = client_of(store, emit, clock)
    for _ in range(3):
        with pytest.raises(StateUnavailableError):
            client.submit(Load("a")).result(LONG)
    asked = len(store.batches)
    with pytest.raises(StateUnavailableError, match="OSError"):
        client.submit(Load("a")).result(LONG)
    assert len(store.batches) == asked
    clock.advance(QUIET)
    store.failing = False
    assert client.submit(Claim("a", 60)).result(LONG) is True
    assert [event for event, _ in told] == ["state_failed", "state_restored"]


def test_three_waits_in_vain_open_the_breaker(
    emit: Callable[..., None], told: list[Any]
) -> None:
    """A store that hangs is counted once for all who wait at the same time."""
    clock, store = FakeClock(), Slow()
    client = client_of(store, emit, clock, 0.01)
    for _ in range(5):
        assert isinstance(client.ask(Load("a")), StateUnavailableError)
        assert client._failures == deque([clock.monotonic()])
    for _ in range(2):
        clock.advance(0.02)
        client.ask(Load("a"))
    assert client._problem() == "TimeoutError"
    assert told == [("state_failed", {"problem": "TimeoutError"})]
    store.go.set()
    assert until(client._queue.empty)
    assert store.batches == [1]  # nobody waits for the others any longer
    clock.advance(QUIET)
    assert client.submit(Claim("a", 60)).result(LONG) is True
    assert [event for event, _ in told] == ["state_failed", "state_restored"]


def test_after_a_pause_one_failure_pauses_again(emit: Callable[..., None]) -> None:
    """Requests try a store that is away one at a time."""
    clock, store = FakeClock(), Slow()
    store.go.set()
    store.failing = True
    client = client_of(store, emit, clock)
    for _ in range(3):
        client.ask(Load("a"))
    clock.advance(PAUSE)
    assert client._problem() == ""
    client.submit(Load("a")).exception(LONG)
    assert client._problem() == "OSError"


def test_a_refused_operation_pauses_nothing(
    emit: Callable[..., None], told: list[Any]
) -> None:
    """A server that is full still answers reads; both are told as one failure."""
    clock = FakeClock()
    client = client_of(Full(), emit, clock)
    for _ in range(5):
        assert str(client.ask(Save("a", b"", 60))) == "OutOfMemoryError"
        assert client.failure == "OutOfMemoryError"
        assert client.ask(Load("a")) is None
        assert client.failure == ""
    assert told == [("state_failed", {"problem": "OutOfMemoryError"})]
    clock.advance(QUIET)
    assert client.ask(Load("a")) is None
    assert [event for event, _ in told] == ["state_failed", "state_restored"]


def test_operations_that_wait_are_bounded(emit: Callable[..., None]) -> None:
    """A store that hangs fills no memory."""
    store = Slow()
    client = client_of(store, emit)
    client.submit(Load("a"))
    assert store.asked.wait(LONG)
    for _ in range(QUEUED):
        client.submit(Load("a"))
    assert str(client.ask(Load("a"))) == "QueueFull"
    store.go.set()


def test_a_store_with_verbs_alone_is_enough(emit: Callable[..., None]) -> None:
    """Whatever it raises is an answer, and never an exception of a request."""
    store = Broken()
    client = client_of(store, emit)
    for one in (Claim("a", 1), Load("a"), Save("a", b"", 1), Remove("a")):
        assert str(client.ask(one)) == "ZeroDivisionError"
        client._failures.clear()
    assert str(client.ask(Append("s", b"", 1))) == "ZeroDivisionError"


@needs_redis
def test_one_operation_that_fails_spoils_no_other(
    redis: Redis, emit: Callable[..., None]
) -> None:
    """The others of its round trip have their answers."""
    state = RedisState(redis.url, timeout=LONG)
    state._client().lpush("jwtguard:list", "x")
    found = state.batch([Load("list"), Claim("a", 60)])
    assert isinstance(found[0], StateUnavailableError)
    assert found[1] is True


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@needs_redis
def test_a_child_process_follows_anew(redis: Redis, emit: Callable[..., None]) -> None:
    """After a fork neither threads nor connections of the parent are used."""
    state = RedisState(redis.url, timeout=LONG)
    client = StateClient(state, LONG, FakeClock().monotonic, emit)
    assert client.submit(Claim("a", 60)).result(LONG) is True
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        client.after_fork()
        again = client.submit(Claim("a", 60)).result(LONG)
        os._exit(0 if again is False else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert client.submit(Claim("a", 60)).result(LONG) is False
