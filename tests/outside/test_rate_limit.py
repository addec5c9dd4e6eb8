"""Password guesses counted in memory and in a real Redis, also while it is down."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwtguard.outside.guess_stores import MOST_KEPT
from jwtguard.outside.rate_limit import RETRY_STORE, RateLimiter, network_of
from jwtguard.testing import FakeClock
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG

GUESS = """
import json, sys, time
from jwtguard.outside.rate_limit import RateLimiter
limit, store, name, address, times = json.loads(sys.argv[1])
told = lambda *event, **fields: print("told", event, fields, file=sys.stderr)
guesses = RateLimiter(limit, store, told, time.monotonic)
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

    return RateLimiter(limit, store, emit, (clock or FakeClock()).monotonic)


# In memory.


def test_a_right_password_does_not_count_as_a_guess(told: list[Any]) -> None:
    """Any number of people sign in behind one address; wrong ones still count."""
    counter = guesses("5/minute", "memory://", told)
    for number in range(200):
        claim = counter.claim(f"user{number % 3}", "192.0.2.1")
        assert claim.wait == 0
        counter.give_back(claim)
    assert len(counter._own) == 0
    waits = [counter.claim("user1", "192.0.2.1").wait for _ in range(6)]
    assert [wait > 0 for wait in waits] == [False] * 5 + [True]


def test_guesses_at_once_cannot_pass_the_limit(told: list[Any]) -> None:
    """They are counted before any of them is answered, and come back one by one."""
    counter = guesses("3/minute", "memory://", told)
    claims = [counter.claim("alice", "192.0.2.1") for _ in range(10)]
    assert [claim.wait > 0 for claim in claims] == [False] * 3 + [True] * 7
    counter.give_back(claims[1])
    counter.give_back(claims[9])
    waits = [counter.claim("alice", "192.0.2.1").wait for _ in range(2)]
    assert [wait > 0 for wait in waits] == [False, True]


def test_what_is_given_back_late_opens_nothing(told: list[Any]) -> None:
    """The window has moved on: a claim that ended is not one of the new ones."""
    clock = FakeClock()
    counter = guesses("1/minute", "memory://", told, clock)
    old = counter.claim("alice", "192.0.2.1")
    clock.advance(61)
    assert counter.claim("alice", "192.0.2.1").wait == 0
    counter.give_back(old)
    assert counter.claim("alice", "192.0.2.1").wait == 60


def test_the_window_moves(told: list[Any]) -> None:
    """Each guess counts for its own span of time, and the answer says how long yet."""
    clock = FakeClock()
    counter = guesses("2/minute", "memory://", told, clock)
    assert counter.claim("alice", "192.0.2.1").wait == 0
    clock.advance(40)
    assert counter.claim("alice", "192.0.2.1").wait == 0
    assert counter.claim("alice", "192.0.2.1").wait == 20
    clock.advance(20)
    assert counter.claim("alice", "192.0.2.1").wait == 0
    assert counter.claim("alice", "192.0.2.1").wait == 40


def test_what_has_ended_leaves_the_memory(told: list[Any]) -> None:
    """A few entries with each claim: no claim walks them all."""
    clock = FakeClock()
    counter = guesses("5/minute", "memory://", told, clock)
    for number in range(1000):
        counter.claim(f"user{number}", f"198.51.{number // 250}.{number % 250}")
    assert len(counter._own) == 2000
    clock.advance(61)
    counter.claim("alice", "192.0.2.1")
    assert 1990 < len(counter._own) < 2000
    for number in range(500):
        counter.claim("alice", f"192.0.2.{number % 250}")
    assert len(counter._own) <= 2 * 250 + 2


def test_the_memory_is_bounded(told: list[Any]) -> None:
    """However many networks guess; who guessed last is forgotten last."""
    counter = guesses("1/minute", "memory://", told)
    for number in range(MOST_KEPT + 500):
        counter.claim("alice", f"2001:db8:{number >> 16:x}:{number & 65535:x}::1")
    assert len(counter._own) == 2 * MOST_KEPT
    last = f"2001:db8::{MOST_KEPT + 499:x}:0:0:0:2"
    assert counter.claim("alice", last).wait == 60
    assert counter.claim("alice", "2001:db8:0:1::2").wait == 0


SPELLINGS = {
    "case": ["alice", "ALICE", "aL\u0130ce", "al\u0131ce"],
    "accents": ["\xe1l\xeece", "a\u0301lice", "\u01cel\u012bc\u0113"],
    "what nobody sees": ["al\xadice", "al\u200bice", "\ufeffalice", "ali\u034fce"],
    "fillers": ["alice\u3164", "alice\uffa0", "alice\u2800", "ali\u180ece"],
    "controls": ["alice\0", "alice\x7f", "\talice\n", "alice\ue000"],
    "width": ["\uff41lice", "\u24d0lice", "\U0001d41alice", "al\u2170ce"],
}


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_other_spellings_of_a_name_share_one_count(
    names: list[str], told: list[Any]
) -> None:
    """Token servers and their databases take many of these for one user."""
    counter = guesses("1/minute", "memory://", told)
    assert counter.claim("alice", "192.0.2.1").wait == 0
    assert all(counter.claim(name, "192.0.2.1").wait for name in names)
    assert counter.claim("alicia", "192.0.2.1").wait == 0


def test_a_lock_that_was_held_at_a_fork_is_open_in_the_child(told: list[Any]) -> None:
    """Its holder is not there any more."""
    counter = guesses("1/minute", "memory://", told)
    with counter._own._lock:
        counter.after_fork()
        assert counter.claim("alice", "192.0.2.1").wait == 0


# In Redis.


def entries(redis: Redis, *command: str) -> list[bytes]:
    """Return the lines that Redis answers."""
    with socket.create_connection(("127.0.0.1", redis.port), 5) as wire:
        wire.sendall(" ".join(command).encode() + b"\r\nQUIT\r\n")
        received = b""
        while piece := wire.recv(4096):
            received += piece
    return received.splitlines()


@needs_redis
def test_a_right_password_does_not_count_as_a_guess_in_redis(
    redis: Redis, told: list[Any]
) -> None:
    """Counted before it is made, taken back after; nothing of it stays."""
    counter = guesses("2/minute", redis.url, told)
    claims = [counter.claim("alice", "192.0.2.1") for _ in range(3)]
    assert [claim.wait > 0 for claim in claims] == [False, False, True]
    counter.give_back(claims[0])
    waits = [counter.claim("alice", "192.0.2.1").wait for _ in range(2)]
    assert [wait > 0 for wait in waits] == [False, True]
    counter = guesses("2/minute", redis.url, told)
    for number in range(50):
        counter.give_back(counter.claim(f"user{number}", "192.0.2.9"))
    assert not [line for line in entries(redis, "KEYS", "*") if b"192.0.2.9" in line]
    assert told == []


@needs_redis
def test_what_redis_holds_expires(redis: Redis, told: list[Any]) -> None:
    """A span of time after the last claim, also if every claim after it is refused."""
    counter = guesses("1/minute", redis.url, told)
    for _ in range(3):
        counter.claim("alice", "192.0.2.1")
    keys = [line for line in entries(redis, "KEYS", "*") if b"192.0.2.1" in line]
    assert len(keys) == 2
    for key in keys:
        left = int(entries(redis, "PTTL", key.decode())[0].removeprefix(b":"))
        assert 0 < left <= 60_000


@needs_redis
def test_a_redis_that_goes_away_before_a_claim_comes_back(
    redis: Redis, told: list[Any]
) -> None:
    """The sign-in succeeded: the answer goes out, and the log has the rest."""
    counter = guesses("2/minute", redis.url, told)
    claim = counter.claim("alice", "192.0.2.1")
    redis.stop()
    counter.give_back(claim)
    assert [event for event, _ in told] == ["limit_store_failed"]


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
@pytest.mark.slow
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
def test_the_store_holds_no_user_names(redis: Redis, told: list[Any]) -> None:
    """Keys hold an address and a hash: the store need not know who signs in."""
    guesses("3/minute", redis.url, told).claim("alice@example.com", "192.0.2.1")
    with socket.create_connection(("127.0.0.1", redis.port), 5) as wire:
        wire.sendall(b"KEYS *\r\nQUIT\r\n")
        received = b""
        while piece := wire.recv(4096):
            received += piece
    assert received.count(b"192.0.2.1") == 2
    assert b"alice" not in received


@needs_redis
def test_a_lost_redis_keeps_the_limit_and_does_not_lock_callers_out(
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


def test_a_silent_store_delays_only_the_first_request(told: list[Any]) -> None:
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
