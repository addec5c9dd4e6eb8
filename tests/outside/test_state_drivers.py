"""A flow asks for shared state; blocking and async drivers obey alike."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from jwtguard import ConfigurationError, Guard
from jwtguard.core.model.effects import (
    Append,
    Ask,
    Claim,
    Load,
    Remove,
    Save,
    StateUnavailableError,
    ask_state,
)
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer
from tests.waiting import HANG


class Everything(MemoryState):
    """Memory that is taken for a shared store: it has a thread, and no batches."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def claim(self, key: str, ttl: float) -> bool:
        """Note the thread that asks."""
        self.threads.add(threading.current_thread().name)
        return super().claim(key, ttl)


class Hanging(Everything):
    """A store that does not answer before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def claim(self, key: str, ttl: float) -> bool:
        """Answer late."""
        self.go.wait(HANG)
        return super().claim(key, ttl)


def guard_with(state: Any, timeout: float = HANG) -> Guard:
    """Make a guard whose store is *state*, shared in its eyes."""
    issuer = JWTIssuer()
    guard = Guard(issuer.policy(state_timeout=timeout), state=state)
    guard.state.shared = type(state) is not MemoryState
    return guard


def every_verb() -> Generator[Ask, Any, list[Any]]:
    """Ask for each operation once."""
    found = []
    for one in (
        Claim("a", 60), Claim("a", 60), Save("b", b"x", 60), Load("b"), Remove("b"),
        Load("b"), Append("s", b"1", 60),
    ):  # fmt: skip
        answer = yield from ask_state(one)
        found.append(answer)
    return found


def one_claim() -> Generator[Ask, Any, str]:
    """Go on without the store."""
    try:
        yield from ask_state(Claim("a", 60))
    except StateUnavailableError as error:
        return str(error)
    return "answered"


@pytest.fixture(params=["run", "asyncio", "trio"])
def driver(request: pytest.FixtureRequest) -> str:
    """Each way to drive a flow."""
    name: str = request.param
    return name


def drive(driver: str, guard: Guard, flow: Generator[Ask, Any, Any]) -> Any:
    """Drive *flow* to its end."""
    if driver == "run":
        return guard.run(flow)
    return anyio.run(guard.arun, flow, backend=driver)


@pytest.mark.parametrize("kind", [MemoryState, Everything])
def test_both_drivers_obey_every_operation(driver: str, kind: Any) -> None:
    """The answers are those of the verbs."""
    state = kind()
    found = drive(driver, guard_with(state), every_verb())
    assert found == [True, False, None, b"x", None, None, None]
    assert [value for _, value in state.follow("s", "", 0)] == [b"1"]
    if isinstance(state, Everything):
        assert state.threads == {"jwtguard-state"}


def test_both_drivers_stop_waiting(driver: str) -> None:
    """A store that hangs costs a request no more than the timeout."""
    state = Hanging()
    guard = guard_with(state, 0.01)
    assert drive(driver, guard, one_claim()) == "TimeoutError"
    assert guard.health().state["failure"] == "TimeoutError"
    state.go.set()


def test_memory_needs_no_thread() -> None:
    """The default costs nothing."""
    before = threading.active_count()
    guard = guard_with(MemoryState())
    guard.run(every_verb())
    assert threading.active_count() == before


def test_a_cancelled_waiter_leaves_other_waiters_alone() -> None:
    """A client that leaves while the store is asked cancels no other's answer."""
    state = Hanging()
    guard = guard_with(state)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(guard.arun, one_claim())
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    anyio.run(main)
    state.go.set()
    assert guard.run(one_claim()) == "answered"


def test_health_names_issuers_and_beside_them_the_state() -> None:
    """Whoever loops over the issuers meets nothing else."""
    issuer = JWTIssuer()
    health = issuer.guard().health()
    assert list(health) == [issuer.url]
    assert health.state == {
        "ready": True,
        "failure": None,
        "failed_ago": None,
        "shared": False,
        "age": None,
        "revocations": 0,
    }


def test_what_the_policy_says_counts_unless_a_store_is_given() -> None:
    """``memory://`` is the default."""
    issuer = JWTIssuer()
    assert isinstance(Guard(issuer.policy()).state.state, MemoryState)
    given = MemoryState()
    assert Guard(issuer.policy(), state=given).state.state is given
    pytest.importorskip("redis")
    made = Guard(issuer.policy(state="redis://127.0.0.1:9", state_prefix="notes"))
    assert made.state.shared
    assert made.state.state._prefix == "notes"  # type: ignore[attr-defined]


def test_nothing_of_redis_is_loaded_with_memory() -> None:
    """And without the package, redis:// is one sentence that names the extra."""
    code = (
        "import sys; from jwtguard.testing import JWTIssuer; JWTIssuer().guard(); "
        "assert 'redis' not in sys.modules; sys.modules['redis'] = None; "
        "JWTIssuer().guard(state=sys.argv[1])"  # a traceback shows the code
    )
    command = [sys.executable, "-c", code, "redis://:hunter2@cache"]
    done = subprocess.run(command, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert "install jwtguard-middleware[redis]" in last
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("url", ["redis://:hunter2@cache:port", "redis://c?db=hunter2"])
def test_a_url_that_the_library_cannot_read_is_refused(url: str) -> None:
    """While starting, without the URL."""
    pytest.importorskip("redis")
    with pytest.raises(ConfigurationError, match="state: ") as found:
        JWTIssuer().guard(state=url)
    assert "hunter2" not in str(found.value)
