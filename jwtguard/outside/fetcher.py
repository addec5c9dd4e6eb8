"""Fetches in the background: each in a short-lived thread, whichever driver asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from ..core.model.effects import Exchange, FetchFailedError, Flight, Incoming, Outgoing
from ..core.verify.keys import DEADLINE
from .futures import await_for, wait_for

Result = TypeVar("Result")
Send = Callable[[Outgoing], Incoming]
"""Send one request and return the answer; raise ``FetchFailedError``."""


class Fetcher:
    """Runs fetches; waiting for one is all that the drivers do differently."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def start(self, flight: Flight) -> None:
        """Begin in the background. Where no thread can be had, the fetch has failed."""
        # The clock of the machine, because waiting is real even where a test holds the
        # clock of the guard.
        flight.started_at = time.monotonic()
        # A thread and not a task: the fetch serves waiters on several event loops, and
        # outlives a request that is cancelled.
        thread = threading.Thread(
            target=self._run, args=(flight,), name="jwtguard-fetch", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            flight.work.fail(flight, str(error))
            flight.done.set_result(None)

    def _run(self, flight: Flight) -> None:
        flow = flight.work.refresh(flight)
        try:
            drive(flow, self._send, lambda: _left(flight))
        finally:  # a transport may raise what it should not: that is a failure too
            flight.work.fail(flight, "the transport broke; see the traceback")
            flight.done.set_result(None)

    def wait(self, flight: Flight) -> None:
        """Block this thread until *flight* has ended, or taken too long."""
        wait_for(flight.done, _left(flight))

    async def await_(self, flight: Flight) -> None:
        """Wait likewise on any event loop; a cancelled waiter cancels nothing."""
        await await_for(flight.done, _left(flight))


def _left(flight: Flight) -> float:
    if flight.started_at is None:  # claimed a moment ago, not yet begun
        return DEADLINE
    return max(0.0, DEADLINE - (time.monotonic() - flight.started_at))


def answer(send: Send, outgoing: Outgoing) -> Incoming | FetchFailedError:
    """Carry out an ``Exchange``."""
    try:
        return send(outgoing)
    except FetchFailedError as error:
        return error


def drive(
    flow: Generator[Exchange, Any, Result], send: Send, left: Callable[[], float]
) -> Result:
    """Give *flow* the documents it asks for; *left* says how many seconds remain."""
    reply: Incoming | FetchFailedError | None = None
    try:
        while True:
            outgoing = flow.send(reply).outgoing
            timeout = min(outgoing.timeout, left())
            reply = answer(send, outgoing._replace(timeout=timeout))
    except StopIteration as stop:
        result: Result = stop.value
        return result
