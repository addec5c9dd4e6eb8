"""Following a stream of the shared state, from its beginning."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from jwtguard.outside.outages import QUIET, Outages
from jwtguard.outside.redis_state import RedisState
from jwtguard.outside.state_follower import StateFollower
from jwtguard.state import MemoryState, State
from jwtguard.testing import FakeClock
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG, until

LONG = HANG
"""Seconds that bound a hang; nothing waits for them to pass."""


def test_a_follower_reads_the_past_and_what_comes(
    state: State, emit: Callable[..., None]
) -> None:
    """In order, each value once."""
    state.append("s", b"1", 60)
    seen: list[bytes] = []
    news = threading.Semaphore(0)

    def receive(value: bytes) -> None:
        seen.append(value)
        news.release()

    clock = FakeClock()
    follower = StateFollower(
        state, "s", receive, clock.monotonic, Outages(clock.monotonic, emit)
    )
    assert not follower.caught_up.done()
    follower.start()
    follower.start()
    follower.caught_up.result(LONG)
    assert seen == [b"1"]
    assert news.acquire(timeout=LONG)
    state.append("s", b"2", 60)
    assert news.acquire(timeout=LONG)
    assert seen == [b"1", b"2"]
    follower.stop()


@needs_redis
@needs_redis
def test_a_store_where_nothing_happens_has_not_failed(
    redis: Redis, emit: Callable[..., None], told: list[Any]
) -> None:
    """With the timeout that is set by default, which is shorter than a look waits."""
    looks = threading.Semaphore(0)
    follower = StateFollower(
        RedisState(redis.url), "s", print, monotonic, Outages(monotonic, emit),
        looks.release,
    )  # fmt: skip
    follower.start()
    follower.caught_up.result(LONG)
    for _ in range(4):
        assert looks.acquire(timeout=LONG)
        assert not follower.failure
    follower.stop()
    assert told == []


def test_a_follower_outlives_its_store(
    redis: Redis, emit: Callable[..., None], told: list[Any]
) -> None:
    """Away and back: the failure is told once, and following goes on."""
    news = threading.Semaphore(0)
    restored = threading.Event()

    def note(event: str, **fields: Any) -> None:
        emit(event, **fields)
        if event == "state_restored":
            restored.set()

    clock = FakeClock()
    follower = StateFollower(
        RedisState(redis.url),
        "s",
        lambda _: news.release(),
        clock.monotonic,
        Outages(clock.monotonic, note),
    )
    assert follower.age is None
    follower.start()
    follower.caught_up.result(LONG)
    redis.stop()
    assert until(lambda: bool(follower.failure))
    clock.advance(QUIET)
    assert follower.age == QUIET
    redis.start()

    def is_restored() -> bool:
        clock.advance(QUIET)  # one more look may have failed
        return restored.is_set()

    assert until(is_restored)
    RedisState(redis.url).append("s", b"1", 60)
    assert news.acquire(timeout=LONG)
    assert [event for event, _ in told] == ["state_failed", "state_restored"]
    assert told[0][1]["problem"].startswith("Connection")
    assert until(lambda: follower.age == 0)
    follower.stop()


def test_a_follower_outlives_answers_of_another_shape(
    emit: Callable[..., None],
) -> None:
    """A store of somebody else's may return anything: that counts as a failure."""
    answers: list[Any] = [None, [1], [("1", b"a"), "x"], 7, [("2", b"b")]]
    seen: list[bytes] = []

    class Odd(MemoryState):
        def follow(self, stream: str, after: str, wait: float) -> Any:
            return answers.pop(0) if answers else super().follow(stream, after, wait)

    clock = FakeClock()
    outages = Outages(clock.monotonic, emit)
    follower = StateFollower(Odd(), "s", seen.append, clock.monotonic, outages)
    follower.start()
    follower.caught_up.result(LONG)
    assert seen == [b"a", b"b"]
    follower.stop()
