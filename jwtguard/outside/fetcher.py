"""Fetches in the background: each in a short-lived thread, whichever driver asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..core.model.effects import (
    Await,
    Exchange,
    FetchFailedError,
    Flight,
    Incoming,
    Outgoing,
    Pause,
    Save,
    Start,
)
from ..core.verify.keys import DEADLINE
from .futures import await_for, wait_for

Result = TypeVar("Result")
Send = Callable[[Outgoing], Incoming]
"""Send one request and return the answer; raise ``FetchFailedError``."""
AskState = Callable[[Any], Any]
"""Carries out what a flow asks of the shared state, and returns the answer."""


def no_state(_: Any) -> Any:
    """Stand in for the shared state, where no flow asks for it."""
    raise NotImplementedError


class Fetcher:
    """Runs fetches; waiting for one is all that the drivers do differently."""

    def __init__(self, send: Send, ask_state: AskState = no_state) -> None:
        self._send = send
        self._ask_state = ask_state

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
            drive(flow, self._send, lambda: _left(flight, flight.limit), self.obey)
        finally:  # a transport may raise what it should not: that is a failure too
            flight.work.fail(flight, "the transport broke; see the traceback")
            flight.done.set_result(None)

    def obey(self, ask: Any) -> Any:
        """Carry out what a flight asks for beside exchanges, in its thread."""
        if isinstance(ask, Start):
            return self.start(ask.flight)
        if isinstance(ask, Await):
            return self.wait(ask.flight)
        if isinstance(ask, Pause):
            return time.sleep(ask.seconds)
        return self._ask_state(ask)

    def wait(self, flight: Flight) -> None:
        """Block this thread until *flight* has ended, or taken too long."""
        wait_for(flight.done, _left(flight, flight.patience))

    async def await_(self, flight: Flight) -> None:
        """Wait likewise on any event loop; a cancelled waiter cancels nothing."""
        await await_for(flight.done, _left(flight, flight.patience))


def _left(flight: Flight, seconds: float = DEADLINE) -> float:
    if flight.started_at is None:  # claimed a moment ago, not yet begun
        return seconds
    return max(0.0, seconds - (time.monotonic() - flight.started_at))


def answer(send: Send, outgoing: Outgoing) -> Incoming | FetchFailedError:
    """Carry out an ``Exchange``."""
    try:
        return send(outgoing)
    except FetchFailedError as error:
        return error


def drive(
    flow: Generator[Any, Any, Result],
    send: Send,
    left: Callable[[], float],
    obey: AskState = no_state,
) -> Result:
    """Give *flow* the documents it asks for; *left* says how many seconds remain.

    *obey* carries out whatever else it asks for.
    """
    reply: Any = None
    try:
        while True:
            ask = flow.send(reply)
            if isinstance(ask, Exchange):
                timeout = min(ask.outgoing.timeout, left())
                with _renewing(ask.lease, obey):
                    reply = answer(send, ask.outgoing._replace(timeout=timeout))
            else:
                reply = obey(ask)
    except StopIteration as stop:
        result: Result = stop.value
        return result


@contextmanager
def _renewing(lease: Save | None, ask_state: AskState) -> Iterator[None]:
    """Save *lease* three times in its life for as long as the block runs."""
    if lease is None:
        yield
        return
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(lease.ttl / 3):
            ask_state(lease)

    thread = threading.Thread(target=renew, name="jwtguard-lease", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # there are too many threads: the lease may run out
        yield
        return
    try:
        yield
    finally:
        ended.set()
        thread.join()
