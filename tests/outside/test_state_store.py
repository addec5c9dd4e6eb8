"""The shared state: six verbs that mean the same in memory and in a real Redis."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from jwtguard.errors import ConfigurationError
from jwtguard.outside.redis_state import RedisState
from jwtguard.state import MemoryState, State, StateUnavailableError
from jwtguard.testing import FakeClock
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG

LONG = HANG
"""Seconds that bound a hang; nothing waits for them to pass."""


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
