"""A guard and event loops: tasks that end, loops that end, and work off the loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Mapping
from typing import Any

import anyio
import pytest
import trio

from jwtguard.core.model.decision import Respond
from jwtguard.core.model.effects import (
    Exchange,
    FetchFailedError,
    Outgoing,
    get,
)
from jwtguard.core.model.request import Request
from jwtguard.errors import KeysUnavailableError
from jwtguard.guard import Guard
from jwtguard.testing import JWTIssuer
from tests.guard_support import Line
from tests.waiting import HANG


@pytest.fixture
def line(jwt_issuer: JWTIssuer) -> Line:
    """The way to the issuer."""
    return Line(jwt_issuer)


@pytest.fixture
def guard(jwt_issuer: JWTIssuer, line: Line) -> Guard:
    """A guard that fetches keys by *line*."""
    return Guard(jwt_issuer.policy(), clock=jwt_issuer.clock, transport=line)


# Event loops.


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_waiter_does_not_cancel_the_fetch(
    guard: Guard, jwt_issuer: JWTIssuer, line: Line, backend: str
) -> None:
    """The browser that hung up came first; the one behind it gets its answer."""
    token = jwt_issuer.token()

    async def main() -> None:
        line.open.clear()
        with anyio.move_on_after(0.05) as scope:
            await guard.averify(token)
        assert scope.cancelled_caught
        threading.Timer(0.05, line.open.set).start()
        assert (await guard.averify(token)).subject == "alice"

    anyio.run(main, backend=backend)
    assert jwt_issuer.fetches == 1


def test_a_loop_that_ends_during_a_fetch_leaves_other_loops_working(
    guard: Guard, jwt_issuer: JWTIssuer, line: Line
) -> None:
    """asyncio, trio and threads wait for one fetch; two loops end before it does."""
    token = jwt_issuer.token()
    line.open.clear()

    async def impatient() -> None:
        with anyio.move_on_after(0.02):
            await guard.averify(token)

    asyncio.run(impatient())
    trio.run(impatient)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        waiting = [
            pool.submit(guard.verify, token),
            pool.submit(asyncio.run, guard.averify(token)),
            pool.submit(trio.run, guard.averify, token),
        ]
        time.sleep(0.05)
        line.open.set()
        assert {future.result(HANG).subject for future in waiting} == {"alice"}
    assert jwt_issuer.fetches == 1


class Working(Guard):
    """Carries out exchanges by saying which thread did."""

    def work(self, ask: Exchange) -> tuple[Outgoing, int]:
        return ask.outgoing, threading.get_ident()


def test_blocking_work_runs_off_the_loop(jwt_issuer: JWTIssuer) -> None:
    """Both drivers run it, and hand its result back."""
    guard = Working(jwt_issuer.policy())
    wanted = Outgoing("GET", "https://id.example", {})

    def flow() -> Any:
        return (yield Exchange(wanted))

    assert guard.run(flow()) == (wanted, threading.get_ident())

    async def main() -> None:
        asked, thread = await guard.arun(flow())
        assert (asked, thread != threading.get_ident()) == (wanted, True)

    asyncio.run(main())


def test_an_exchange_goes_by_the_transport_of_the_guard(
    guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """A flow reads the answer, or gets the failure as an exception of its own."""
    flow = get(f"{jwt_issuer.url}/jwks", {})
    assert guard.run(flow).status == 200
    jwt_issuer.down()
    for run in (guard.run, lambda flow: asyncio.run(guard.arun(flow))):
        with pytest.raises(FetchFailedError, match="down"):
            run(get(f"{jwt_issuer.url}/jwks", {}))


@pytest.mark.parametrize("answer", [(200, {}, b"{}"), OSError("gone")])
def test_a_transport_needs_no_type_of_ours(jwt_issuer: JWTIssuer, answer: Any) -> None:
    """It returns status, fields and body, or raises ``OSError``: that is a failure."""

    def transport(url: str, headers: Mapping[str, str], timeout: float) -> Any:
        if isinstance(answer, OSError):
            raise answer
        return answer

    guard = Guard(jwt_issuer.policy(), clock=jwt_issuer.clock, transport=transport)
    with pytest.raises(KeysUnavailableError):
        guard.verify(jwt_issuer.token())
    failure = guard.health()[jwt_issuer.url]["failure"]
    assert ("OSError: gone" if isinstance(answer, OSError) else "issuer is") in failure


def test_a_flow_that_asks_for_a_body_gets_none_without_a_reader(
    jwt_issuer: JWTIssuer,
) -> None:
    """A WebSocket at a token path has no body: an answer, not a crash."""
    guard = jwt_issuer.guard(token_paths=("/token",))
    fields = {"content-type": ("application/x-www-form-urlencoded",)}
    request = Request("POST", "/token", fields)

    async def main() -> object:
        return await guard.adecide(request)

    for decision in (guard.decide(request), asyncio.run(main())):
        assert isinstance(decision, Respond)
        assert (decision.status, decision.reason) == (400, "client_gone")


def test_out_of_threads_is_503(guard: Guard, jwt_issuer: JWTIssuer) -> None:
    """The fetch fails at once, and the next one after the pause succeeds."""
    before = threading.stack_size(2**45)
    try:
        with pytest.raises(KeysUnavailableError):
            guard.verify(jwt_issuer.token())
    finally:
        threading.stack_size(before)
    jwt_issuer.clock.advance(10)
    assert guard.verify(jwt_issuer.token())
