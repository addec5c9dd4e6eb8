"""A real Redis that is killed, paused, restarted or shared by processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.core.model.effects import Append, Claim, Load, StateUnavailableError
from jwtguard.outside.outages import QUIET
from jwtguard.outside.rate_limit import RateLimiter
from jwtguard.outside.redis_state import RedisState
from jwtguard.outside.state_client import PAUSE, StateClient
from jwtguard.testing import FakeClock, JWTIssuer
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG

pytestmark = needs_redis
DOCS = Path(__file__).parents[2] / "docs"
CLAIMS = """
import sys
from jwtguard.outside.redis_state import RedisState
state = RedisState(sys.argv[1], timeout=60)
print(sys.stdin.readline(), end="", flush=True)
print(sum(state.claim(str(n), 60) for n in range(300)))
"""


def client_of(
    redis: Redis, emit: Callable[..., None], clock: FakeClock, timeout: float = HANG
) -> StateClient:
    store = RedisState(redis.url, timeout=timeout)
    return StateClient(store, timeout, clock.monotonic, emit)


def names(told: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [event for event, _ in told]


@pytest.mark.parametrize("hz", ["1", "10"])
def test_the_server_may_be_silent_as_long_as_it_was_asked_to_wait(
    tmp_path: Path, hz: str
) -> None:
    """The timeout of an answer comes on top, and so does the server's slow clock."""
    with Redis(tmp_path, "--hz", hz) as server:
        state = RedisState(server.url, timeout=0.05)
        state.append("s", b"1", 60)
        ((last, _),) = state.follow("s", "", 0)
        for wait in (0.2, 0.1, 0.4):
            assert state.follow("s", last, wait) == []
        thread = threading.Timer(0.3, state.append, ("s", b"2", 60))
        thread.start()
        assert [value for _, value in state.follow("s", last, HANG)] == [b"2"]
        thread.join()


def test_a_server_that_starts_later_is_found(
    redis: Redis, emit: Callable[..., None], told: list[Any]
) -> None:
    """Killed before the first operation: the failure is an answer, told once."""
    redis.stop()
    clock = FakeClock()
    client = client_of(redis, emit, clock)
    assert [str(client.ask(Load("a"))) for _ in range(5)] == [
        "ConnectionRefusedError"
    ] * 5
    assert names(told) == ["state_failed"]
    redis.start()
    assert isinstance(client.ask(Load("a")), StateUnavailableError), "left alone"
    clock.advance(QUIET)
    assert client.ask(Claim("a", 60)) is True
    assert names(told) == ["state_failed", "state_restored"]


def test_a_server_that_is_killed_while_it_is_asked(
    redis: Redis, emit: Callable[..., None], told: list[Any]
) -> None:
    """Whoever waits is told at once, not after the timeout."""
    clock = FakeClock()
    client = client_of(redis, emit, clock)
    assert client.ask(Claim("a", 60)) is True
    redis.pause()
    waiting = [client.submit(Load("a")) for _ in range(20)]
    redis.stop()
    problems = {str(done.exception(HANG)) for done in waiting}
    assert problems <= {
        "ConnectionError",
        "ConnectionResetError",
        "ConnectionRefusedError",
    }
    redis.start()
    clock.advance(QUIET)
    assert client.ask(Load("a")) is None
    assert names(told) == ["state_failed", "state_restored"]


def test_a_server_that_is_killed_between_two_operations(
    redis: Redis, emit: Callable[..., None], told: list[Any]
) -> None:
    """A restart that no operation meets costs none."""
    client = client_of(redis, emit, FakeClock())
    assert client.ask(Claim("a", 60)) is True
    redis.stop()
    redis.start()
    assert client.ask(Claim("b", 60)) is True
    assert told == []


def test_a_connection_that_the_server_closed_costs_nothing(
    redis: Redis, emit: Callable[..., None], told: list[Any]
) -> None:
    """Idle connections are closed by servers and by what stands between."""
    client = client_of(redis, emit, FakeClock())
    assert client.ask(Claim("a", 60)) is True
    redis.client().client_kill_filter(_type="normal", skipme=True)
    assert client.ask(Claim("a", 60)) is False
    assert told == []


def test_a_server_that_hangs_costs_three_waits(
    redis: Redis, emit: Callable[..., None], told: list[Any]
) -> None:
    """SIGSTOP: connections stay open, and nothing answers."""
    clock = FakeClock()
    client = client_of(redis, emit, clock, 0.05)
    redis.pause()
    for _ in range(4):
        assert str(client.ask(Load("a"))) == "TimeoutError"
        clock.advance(0.06)
    assert client.submit(Load("a")).done(), "the breaker is open"
    redis.resume()
    clock.advance(PAUSE)
    until_answered(client, clock)
    clock.advance(QUIET)
    client.ask(Load("a"))
    assert names(told) == ["state_failed", "state_restored"]


def until_answered(client: StateClient, clock: FakeClock) -> None:
    """Ask until the store answers: on a busy machine 50 ms may be too short."""
    while isinstance(client.ask(Load("a")), StateUnavailableError):
        clock.advance(PAUSE)


def test_requests_of_a_paused_server_are_not_held_up(redis: Redis) -> None:
    """Many threads at once wait no longer than one."""
    guard = JWTIssuer().guard(state=redis.url, state_timeout=0.05)
    redis.pause()
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: guard.state.ask(Load("a")), range(64)))
    assert all(isinstance(answer, StateUnavailableError) for answer in found)
    assert guard.health().state["ready"] is False
    assert guard.health().state["failed_ago"] >= 0
    redis.resume()


def test_of_two_processes_one_claims_a_key(redis: Redis) -> None:
    """Both claim the same keys at the same time; each goes to one of them."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMS, redis.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    won = [worker.communicate(timeout=HANG)[0].split() for worker in workers]
    assert [value for value, _ in won] == ["go", "go"]
    assert sum(int(count) for _, count in won) == 300


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_guard_asks_again_after_a_fork(redis: Redis) -> None:
    """The child has a thread and a connection of its own; the parent keeps its."""
    guard = JWTIssuer().guard(state=redis.url, state_timeout=HANG)
    assert guard.state.ask(Claim("a", 60)) is True
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        good = guard.state.ask(Claim("a", 60)) is False
        names = {thread.name for thread in threading.enumerate()}
        os._exit(0 if good and "jwtguard-state" in names else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert guard.state.ask(Claim("a", 60)) is False


def documented_rights() -> list[str]:
    """Return the rules of ACL SETUSER that the page lists."""
    page = (DOCS / "state.md").read_text("utf-8")
    rules = re.search(r"ACL SETUSER jwtguard on >PASSWORD (.*?)```", page, re.DOTALL)
    assert rules is not None
    return rules[1].split()


@pytest.mark.parametrize("kind", ["redis", "cluster"])
def test_the_rights_on_the_page_are_enough(
    kind: str, request: pytest.FixtureRequest, emit: Callable[..., None]
) -> None:
    """Every verb and the limits of the relay, and no key without the prefix."""
    server: Redis = request.getfixturevalue(kind)
    rules = documented_rights()
    if kind == "cluster":
        page = (DOCS / "state.md").read_text("utf-8")
        more = re.search(r"A cluster needs `([^`]*)` too", page)
        assert more is not None
        rules += more[1].split()
    admin = server.client()
    admin.execute_command("ACL", "SETUSER", "jwtguard", "on", ">pass", *rules)
    url = server.url.replace("//", "//jwtguard:pass@")
    state = RedisState(url, timeout=HANG)
    assert state.claim("a", 60)
    state.put("b", b"x", 60)
    assert state.get("b") == b"x"
    state.delete("b")
    state.append("s", b"1", 60)
    ((last, _),) = state.follow("s", "", 0)
    assert state.follow("s", last, 0) == []
    limiter = RateLimiter("1/minute", None, emit, FakeClock().monotonic, state)
    guess = limiter.claim("alice", "192.0.2.1")
    assert guess.shared
    limiter.give_back(guess)
    with pytest.raises(StateUnavailableError, match="NoPermissionError"):
        RedisState(url, prefix="theirs", timeout=HANG).get("a")


def test_every_operation_of_a_cluster_is_answered(
    cluster: Redis, emit: Callable[..., None]
) -> None:
    """Keys of many slots in one batch."""
    client = client_of(cluster, emit, FakeClock())
    waiting = [client.submit(Claim(str(n), 60)) for n in range(100)]
    waiting += [client.submit(Append(f"s{n}", b"1", 60)) for n in range(10)]
    assert [done.result(HANG) for done in waiting] == [True] * 100 + [None] * 10


@pytest.mark.parametrize("kind", ["redis", "cluster"])
def test_relays_count_in_the_shared_state(
    kind: str,
    request: pytest.FixtureRequest,
    emit: Callable[..., None],
    told: list[Any],
) -> None:
    """Unless their own setting says otherwise; under the prefix of the state."""
    server: Redis = request.getfixturevalue(kind)
    state = RedisState(server.url, prefix="notes", timeout=HANG)
    first, second = (
        RateLimiter("2/minute", None, emit, FakeClock().monotonic, state, "notes")
        for _ in range(2)
    )
    waits = [one.claim("alice", "192.0.2.1").wait for one in (first, second, first)]
    assert [wait > 0 for wait in waits] == [False, False, True]
    assert all(
        key.startswith(b"notes:{192.0.2.1}") for key in server.client().scan_iter()
    )
    own = RateLimiter(
        "1/minute", "memory://", emit, FakeClock().monotonic, state, "notes"
    )
    assert own.claim("alice", "192.0.2.1").wait == 0
    assert told == []


def test_relays_outlive_the_shared_state(
    redis: Redis, emit: Callable[..., None], told: list[Any]
) -> None:
    """Each process counts for itself until the store is back."""
    state = RedisState(redis.url, timeout=HANG)
    limiter = RateLimiter("1/minute", None, emit, FakeClock().monotonic, state)
    redis.stop()
    waits = [limiter.claim("alice", "192.0.2.1").wait for _ in range(2)]
    assert [wait > 0 for wait in waits] == [False, True]
    assert names(told) == ["limit_store_failed"]


def test_a_guard_hands_its_state_to_the_relay(redis: Redis) -> None:
    """One setting is enough for both."""
    relay = pytest.importorskip("jwtguard.relay")
    issuer = JWTIssuer()
    made = issuer.policy(
        state=redis.url,
        state_prefix="notes",
        clients=(),
        relay_url="https://id.example/t",
    )
    limiter = relay.TokenRelay(Guard(made, clock=issuer.clock))._drivers._limiter
    assert limiter.claim("alice", "192.0.2.1").shared
    assert all(key.startswith(b"notes:") for key in redis.client().scan_iter())
