"""The two drivers: they carry out what a flow asks for, by blocking or by awaiting.

Waiting is all that they do differently. There is no third.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from ..core.model.effects import (
    Ask,
    Await,
    CatchUp,
    Pause,
    Publish,
    ReadBody,
    Start,
    StateOperation,
)
from .fetcher import Fetcher, Send, answer
from .revocation_link import RevocationLink
from .state_client import StateClient

Result = TypeVar("Result")

_own_threads: RunVar[anyio.CapacityLimiter] = RunVar("jwtguard_threads")


def _threads() -> anyio.CapacityLimiter:
    """Threads of our own: a slow token server holds none of the application's."""
    try:
        return _own_threads.get()
    except LookupError:
        # As many as anyio's own default. One limiter for each event loop: it belongs to
        # the loop it was made on.
        limiter = anyio.CapacityLimiter(40)
        _own_threads.set(limiter)
        return limiter


async def no_body(_: int) -> bytes | None:
    """Read nothing: for flows that never ask for a body."""
    return None


class Drivers:
    """Drives flows with one way to send and one shared *state*."""

    link: RevocationLink

    def __init__(self, send: Send, state: StateClient) -> None:
        self.state = state
        """Asks what the processes of this application share."""
        self._send = send
        self.fetcher = Fetcher(send, self._carry_out)

    def run(
        self,
        flow: Generator[Ask, Any, Result],
        read: Callable[[int], bytes | None] = lambda _: None,
    ) -> Result:
        """Drive *flow* to its end in this thread."""
        reply: Any = None
        try:
            while True:
                ask = flow.send(reply)
                # So that an answer is never sent twice: most effects get none.
                reply = None
                if isinstance(ask, ReadBody):
                    reply = read(ask.limit)
                elif isinstance(ask, Start):
                    self.fetcher.start(ask.flight)
                elif isinstance(ask, Await):
                    self.fetcher.wait(ask.flight)
                elif isinstance(ask, StateOperation):
                    reply = self.state.ask(ask)
                elif isinstance(ask, Publish):
                    reply = self.link.publish(ask.operations)
                elif isinstance(ask, CatchUp):
                    self.link.catch_up()
                elif isinstance(ask, Pause):
                    time.sleep(ask.seconds)
                else:
                    reply = self.work(ask)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        finally:  # others may wait for what a request that is cancelled began
            flow.close()

    async def arun(
        self,
        flow: Generator[Ask, Any, Result],
        read: Callable[[int], Awaitable[bytes | None]] = no_body,
    ) -> Result:
        """Drive *flow* to its end on this event loop; ``work`` runs in a thread."""
        reply: Any = None
        try:
            while True:
                ask = flow.send(reply)
                reply = None
                if isinstance(ask, ReadBody):
                    reply = await read(ask.limit)
                elif isinstance(ask, Start):
                    self.fetcher.start(ask.flight)
                elif isinstance(ask, Await):
                    await self.fetcher.await_(ask.flight)
                elif isinstance(ask, StateOperation):
                    reply = await self.state.aask(ask)
                elif isinstance(ask, Publish):
                    reply = await self.link.apublish(ask.operations)
                elif isinstance(ask, CatchUp):
                    await self.link.acatch_up()
                elif isinstance(ask, Pause):
                    await anyio.sleep(ask.seconds)
                else:
                    reply = await anyio.to_thread.run_sync(
                        self.work, ask, limiter=_threads()
                    )
        except StopIteration as stop:
            result: Result = stop.value
            return result
        finally:  # others may wait for what a request that is cancelled began
            flow.close()

    def _carry_out(self, ask: Any) -> Any:
        """Do what a flight asks for of the shared state."""
        if isinstance(ask, Publish):
            return self.link.publish(ask.operations)
        if isinstance(ask, CatchUp):
            return self.link.catch_up()
        return self.state.ask(ask)

    def work(self, ask: Any) -> Any:
        """Carry out what else blocks, and return the answer; raises nothing.

        In a guard's own flows that is an exchange.
        """
        return answer(self._send, ask.outgoing)
