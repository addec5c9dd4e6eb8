"""Password guesses counted in a real Redis, by two processes, and while it is down."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwtguard.outside.rate_limit import RETRY_STORE, RateLimiter, network_of
from jwtguard.testing import FakeClock
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG

GUESS = """
import json, sys, time
from jwtguard.outside.rate_limit import RateLimiter
limit, store, name, address, times = json.loads(sys.argv[1])
told = lambda *event, **fields: print("told", event, fields, file=sys.stderr)
guesses = RateLimiter(limit, store, told, time)
print(json.dumps([guesses.claim(name, address).wait for _ in range(times)]))
"""

WITHOUT_REDIS = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name == "redis":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A real Redis that runs."""
    with Redis(tmp_path) as server:
        yield server


@pytest.fixture
def told() -> list[tuple[str, dict[str, Any]]]:
    """What was told of the store."""
    return []


def guesses(
    limit: str, store: str, told: list[Any], clock: FakeClock | None = None
) -> RateLimiter:
    """Return a counter that notes what it tells."""

    def emit(event: str, **fields: Any) -> None:
        told.append((event, fields))

    return RateLimiter(limit, store, emit, clock or FakeClock())


@needs_redis
def test_a_real_redis_counts(redis: Redis, told: list[Any]) -> None:
    """One name from one address, and one address with many names, as in memory."""
    counter = guesses("3/minute", redis.url, told)
    waits = [counter.claim("alice", "192.0.2.1").wait for _ in range(4)]
    assert waits[:3] == [0, 0, 0]
    assert 1 <= waits[3] <= 61
    assert counter.claim("alice", "192.0.2.2").wait == 0
    assert counter.claim("bob", "192.0.2.1").wait == 0
    many = [counter.claim(f"user{n}", "192.0.2.1").wait for n in range(40)]
    assert many.count(0) == 30 - 4
    assert told == []


@needs_redis
def test_two_processes_share_one_count(redis: Redis) -> None:
    """However many workers there are, a name has its guesses once."""
    asked = json.dumps(["4/minute", redis.url, "alice", "192.0.2.1", 3])
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", GUESS, asked],
            capture_output=True,
            text=True,
            timeout=HANG,
        )
        assert (done.returncode, done.stderr) == (0, "")
        found += json.loads(done.stdout)
    assert [wait > 0 for wait in found] == [False] * 4 + [True] * 2


@needs_redis
def test_nobody_is_named_in_the_store(redis: Redis, told: list[Any]) -> None:
    """Keys hold an address and a hash: the store need not know who signs in."""
    guesses("3/minute", redis.url, told).claim("alice@example.com", "192.0.2.1")
    with socket.create_connection(("127.0.0.1", redis.port), 5) as wire:
        wire.sendall(b"KEYS *\r\nQUIT\r\n")
        said = b""
        while piece := wire.recv(4096):
            said += piece
    assert said.count(b"192.0.2.1") == 2
    assert b"alice" not in said


@needs_redis
def test_a_redis_that_goes_away_opens_nothing_and_locks_nobody_out(
    redis: Redis, told: list[Any]
) -> None:
    """Meanwhile this process counts for itself; it comes back to Redis by and by."""
    clock = FakeClock()
    counter = guesses("2/minute", redis.url, told, clock)
    assert counter.claim("alice", "192.0.2.1").wait == 0
    redis.stop()
    waits = [counter.claim("alice", "192.0.2.1").wait for _ in range(3)]
    assert [wait > 0 for wait in waits] == [False, False, True]
    assert told == [("limit_store_failed", {"problem": "ConnectionError"})]
    redis.start()
    assert counter.claim("bob", "192.0.2.1").wait == 0
    assert len(told) == 1, "left alone until its time"
    clock.advance(RETRY_STORE)
    waits = [counter.claim("alice", "192.0.2.1").wait for _ in range(3)]
    assert [wait > 0 for wait in waits] == [False, False, True]
    assert len(told) == 1


def test_a_store_that_never_was_there(told: list[Any]) -> None:
    """It is no error to start before Redis does; guessing is slow all the same."""
    counter = guesses("1/minute", "redis://127.0.0.1:9", told)
    assert counter.claim("alice", "192.0.2.1").wait == 0
    assert counter.claim("alice", "192.0.2.1").wait > 0
    assert [event for event, _ in told] == ["limit_store_failed"]


def test_a_store_that_is_silent_holds_nobody_up_twice(told: list[Any]) -> None:
    """It accepts and never answers: asked once, then left alone for a while."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        counter = guesses("1/minute", url, told)
        assert counter.claim("alice", "192.0.2.1").wait == 0
        assert counter.claim("alice", "192.0.2.1").wait > 0
    assert told == [("limit_store_failed", {"problem": "TimeoutError"})]


def test_redis_without_its_package_says_what_to_install() -> None:
    """Refused at the start, in words: not at the first login."""
    code = f"{WITHOUT_REDIS}{GUESS}"
    asked = json.dumps(["1/minute", "redis://127.0.0.1", "alice", "192.0.2.1", 1])
    command = [sys.executable, "-c", code, asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 1
    assert "ConfigurationError: relay_limit_storage: redis:// needs" in done.stderr
    assert "install jwtguard-middleware[relay]" in done.stderr


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_one_caller_is_one_network(address: str, caller: str) -> None:
    """An IPv4 address, or the 64 bits that one IPv6 customer has at least."""
    assert network_of(address) == caller
