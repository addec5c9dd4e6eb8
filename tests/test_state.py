"""The shared state: six verbs that mean the same in memory and in a real Redis."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
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
from jwtguard.errors import ConfigurationError
from jwtguard.outside.redis_state import RedisState
from jwtguard.outside.state_client import PAUSE, QUEUED, StateClient
from jwtguard.outside.state_follower import StateFollower
from jwtguard.state import MemoryState, State, StateUnavailableError
from jwtguard.testing import FakeClock
from tests.redis_server import REDIS, Redis, needs_redis
from tests.waiting import until

LONG = 120.0
"""Seconds that bound a hang; nothing waits for them to pass."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A real Redis that runs."""
    with Redis(tmp_path) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def state(request: pytest.FixtureRequest) -> State:
    """Each store there is."""
    if request.param == "memory":
        return MemoryState()
    if REDIS is None:
        pytest.skip("missing: redis-server")
    server: Redis = request.getfixturevalue("redis")
    return RedisState(server.url, timeout=LONG)


@pytest.fixture
def told() -> list[tuple[str, dict[str, Any]]]:
    """The events, in order."""
    return []


@pytest.fixture
def emit(told: list[tuple[str, dict[str, Any]]]) -> Callable[..., None]:
    """Note an event."""

    def note(event: str, **fields: Any) -> None:
        told.append((event, fields))

    return note


def test_a_key_is_claimed_once(state: State) -> None:
    """Whoever comes second is told so."""
    assert [state.claim("a", 60), state.claim("a", 60), state.claim("b", 60)] == [
        True,
        False,
        True,
    ]


def test_of_many_threads_one_claims_a_key(state: State) -> None:
    """The claim is atomic."""
    won: list[bool] = []
    threads = [
        threading.Thread(target=lambda: won.append(state.claim("a", 60)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 19 + [True]


def test_values_are_put_read_replaced_and_deleted(state: State) -> None:
    """Any bytes, the empty ones too."""
    assert state.get("a") is None
    state.put("a", b"", 60)
    assert state.get("a") == b""
    state.put("a", b"\x00\xff", 60)
    assert state.get("a") == b"\x00\xff"
    state.delete("a")
    state.delete("a")
    assert state.get("a") is None
    assert state.claim("a", 60)


def test_a_stream_is_read_from_its_beginning_and_from_the_last_value(
    state: State,
) -> None:
    """Every value once, in order; streams do not mix."""
    assert state.follow("s", "", 0) == []
    for value in (b"1", b"2"):
        state.append("s", value, 60)
    state.append("other", b"x", 60)
    found = state.follow("s", "", 0)
    assert [value for _, value in found] == [b"1", b"2"]
    assert state.follow("s", found[-1][0], 0) == []
    state.append("s", b"3", 60)
    assert [value for _, value in state.follow("s", found[-1][0], 0)] == [b"3"]


def test_a_follower_is_woken_by_a_new_value(state: State) -> None:
    """It waits for the value, not for its time to pass."""
    state.append("s", b"old", 60)
    (last, _), *_ = state.follow("s", "", 0)
    found: list[list[tuple[str, bytes]]] = []
    thread = threading.Thread(target=lambda: found.append(state.follow("s", last, 5)))
    thread.start()
    state.append("s", b"new", 60)
    thread.join(LONG)
    assert [value for _, value in found[0]] == [b"new"]


def test_memory_forgets_what_has_expired() -> None:
    """Keys, values and streams, each at its time."""
    clock = FakeClock()
    state = MemoryState(clock=clock.monotonic)
    assert state.claim("a", 10)
    state.put("b", b"x", 20)
    state.append("s", b"1", 10)
    state.append("s", b"2", 20)
    clock.advance(10)
    assert state.claim("a", 10)
    assert state.get("b") == b"x"
    assert [value for _, value in state.follow("s", "", 0)] == [b"2"]
    clock.advance(10)
    assert state.get("b") is None
    assert state.follow("s", "", 0) == []


def test_memory_is_bounded_and_never_forgets_a_promise() -> None:
    """A full store refuses; room is made of what has expired."""
    clock = FakeClock()
    state = MemoryState(limit=3, clock=clock.monotonic)
    assert all(state.claim(key, ttl) for key, ttl in (("a", 60), ("b", 5), ("c", 60)))
    with pytest.raises(StateUnavailableError):
        state.claim("d", 60)
    with pytest.raises(StateUnavailableError):
        state.put("e", b"x", 60)
    clock.advance(5)
    assert state.claim("d", 60)
    assert not state.claim("a", 60)


@needs_redis
def test_redis_keys_carry_the_prefix_and_expire(redis: Redis) -> None:
    """Two applications share one server; nothing stays for ever."""
    ours, theirs = RedisState(redis.url, prefix="ours"), RedisState(redis.url)
    assert ours.claim("a", 60)
    assert theirs.claim("a", 60)
    ours.put("b", b"x", 60)
    ours.append("s", b"1", 60)
    client = ours._client()
    assert sorted(client.keys()) == [b"jwtguard:a", b"ours:a", b"ours:b", b"ours:s"]
    assert all(0 < client.pttl(key) <= 60_000 for key in sorted(client.keys()))


@needs_redis
def test_redis_trims_a_stream_by_the_clock_of_the_server(redis: Redis) -> None:
    """What nobody needs any more goes, and nothing else does."""
    state = RedisState(redis.url)
    client = state._client()
    for number in range(300):  # a stream is trimmed by whole nodes of a hundred
        client.xadd("jwtguard:s", {b"v": b"old"}, id=f"{number + 1}-0")
    state.append("s", b"new", 60)
    left = [value for _, value in state.follow("s", "", 0)]
    assert left[-1] == b"new"
    assert len(left) <= 101


@needs_redis
def test_a_server_that_lost_its_data_is_read_from_the_beginning(
    redis: Redis, tmp_path: Path
) -> None:
    """Ids may begin anew, lower than the last one seen: no value may be missed."""
    state = RedisState(redis.url)
    state._client().xadd("jwtguard:s", {b"v": b"1"}, id="99999999999999-0")
    (last, _), *_ = state.follow("s", "", 0)
    redis.stop()
    with pytest.raises(StateUnavailableError):
        state.follow("s", last, 0)
    redis.start()
    RedisState(redis.url).append("s", b"2", 60)
    assert [value for _, value in state.follow("s", last, 0)] == [b"2"]


@pytest.mark.parametrize(
    "url", ["redis://u:hunter2@:notaport/0", "http://u:hunter2@host", "redis:/hunter2"]
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    """At construction, in a sentence that says what is expected."""
    with pytest.raises(ConfigurationError) as found:
        RedisState(url)
    assert "hunter2" not in str(found.value)
    assert "redis://host:6379" in str(found.value)


@needs_redis
def test_a_store_that_is_away_or_wants_a_password_is_unavailable(redis: Redis) -> None:
    """The error names the kind of failure, and neither address nor password."""
    RedisState(redis.url)._client().config_set("requirepass", "right")
    wrong = RedisState(redis.url.replace("//", "//:hunter2@"))
    for verb in (lambda: wrong.claim("a", 60), lambda: wrong.follow("s", "", 0)):
        with pytest.raises(StateUnavailableError) as found:
            verb()
        assert "hunter2" not in str(found.value)
    redis.stop()
    with pytest.raises(StateUnavailableError, match="ConnectionRefusedError"):
        RedisState(redis.url).get("a")


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
    clock.advance(PAUSE)
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
    clock.advance(PAUSE)
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
    clock.advance(PAUSE)
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

    follower = StateFollower(state, "s", receive, FakeClock().monotonic, emit)
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

    follower = StateFollower(
        RedisState(redis.url),
        "s",
        lambda _: news.release(),
        FakeClock().monotonic,
        note,
    )
    follower.start()
    follower.caught_up.result(LONG)
    redis.stop()
    redis.start()
    assert restored.wait(LONG)
    RedisState(redis.url).append("s", b"1", 60)
    assert news.acquire(timeout=LONG)
    assert [event for event, _ in told] == ["state_failed", "state_restored"]
    follower.stop()


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
