"""Questions to one endpoint: one per token at a time, and never more than 32 at once.

Questions that find no free flight wait in line, those about tokens that were active
before come first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from threading import Lock
from typing import Any, NamedTuple

from ..model.effects import Ask, FetchFailedError, Flight

AT_ONCE = 32
"""Flights to one issuer: an issuer that hangs holds so many threads, and no more."""
IN_LINE = 1024
"""Questions that wait. More could not be answered within the deadline."""


class Outcome(NamedTuple):
    """What a question led to."""

    claims: dict[str, Any] | None = None
    """What the answer says; None: the token is not active."""
    failure: FetchFailedError | None = None
    """There was no answer."""
    until: float = 0.0
    """How long it is believed, in monotonic seconds."""


class Lookup:
    """One question about one token, shared by all who wait for its answer."""

    __slots__ = ("digest", "flight", "outcome", "since", "token")

    def __init__(
        self, token: str, digest: bytes, since: float, patience: float
    ) -> None:
        self.token = token
        self.digest = digest
        self.since = since
        self.outcome: Outcome | None = None
        # Never started: a worker carries it out, and the wait is counted from now.
        self.flight = Flight(self, since, patience=patience)

    def refresh(self, _: Flight) -> Generator[Any, Any, None]:
        """Do nothing: the worker does the work."""
        yield from ()

    def fail(self, _: Flight, __: str) -> None:
        """Do nothing: the worker says so."""


class Lookups:
    """The questions under way to one endpoint.

    *ask* carries one out, and *settle* is told its outcome before those who wait are.
    *recall* returns an outcome that is still believed. A request waits for *patience*
    seconds, the time in line included.
    """

    def __init__(
        self,
        ask: Callable[[Lookup], Generator[Ask, Any, Outcome]],
        settle: Callable[[Lookup, Outcome], None],
        recall: Callable[[bytes], Outcome | None],
        monotonic: Callable[[], float],
        patience: float,
    ) -> None:
        self.ask = ask
        self._patience = patience
        self._settle = settle
        self._recall = recall
        self._monotonic = monotonic
        self.after_fork()

    def after_fork(self) -> None:
        """Forget what threads of the parent process were doing."""
        self._lock = Lock()
        self._open: dict[bytes, Lookup] = {}
        self._first: deque[Lookup] = deque()
        self._later: deque[Lookup] = deque()
        self._workers = 0

    def join(
        self, token: str, digest: bytes, *, known: bool
    ) -> tuple[Lookup | None, Flight | None]:
        """Return the question about *token*, and a flight to start for it, if any.

        No question: too many wait already.
        """
        now = self._monotonic()
        with self._lock:
            lookup = self._open.get(digest)
            if lookup is not None:
                return lookup, None
            # The answer may have come since the caller looked for it.
            answered = self._recall(digest)
            if answered is not None:
                lookup = Lookup(token, digest, now, self._patience)
                lookup.outcome = answered
                lookup.flight.done.set_result(None)
                return lookup, None
            if len(self._open) >= IN_LINE + AT_ONCE:
                return None, None
            lookup = self._open[digest] = Lookup(token, digest, now, self._patience)
            (self._first if known else self._later).append(lookup)
            if self._workers >= AT_ONCE:
                return lookup, None
            self._workers += 1
        return lookup, Flight(Worker(self), now, limit=float("inf"))

    def next(self) -> Lookup | None:
        """Return the next question, or None: then this worker has ended."""
        while True:
            with self._lock:
                line = self._first or self._later
                if not line:
                    self._workers -= 1
                    return None
                lookup = line.popleft()
            if self._monotonic() - lookup.since < self._patience:
                return lookup
            # Whoever asked has left; an answer now would cost others theirs.
            late = FetchFailedError("waited too long in line", timed_out=True)
            self.settle(lookup, Outcome(failure=late), told=False)

    def settle(self, lookup: Lookup, outcome: Outcome, *, told: bool = True) -> None:
        """End a question; *told*: the endpoint was asked, and this came of it."""
        if told:
            self._settle(lookup, outcome)
        lookup.outcome = outcome
        with self._lock:
            if self._open.get(lookup.digest) is lookup:
                del self._open[lookup.digest]
        if not lookup.flight.done.done():
            lookup.flight.done.set_result(None)

    def lost(self) -> None:
        """Note that a worker broke."""
        with self._lock:
            self._workers -= 1


class Worker:
    """What one flight does: it answers questions until none is left."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._lookup: Lookup | None = None
        self._ended = False

    def refresh(self, _: Flight) -> Generator[Any, Any, None]:
        """Answer the questions in line, one after the other."""
        while (lookup := self._lookups.next()) is not None:
            self._lookup = lookup
            outcome = yield from self._lookups.ask(lookup)
            self._lookups.settle(lookup, outcome)
            self._lookup = None
        self._ended = True

    def fail(self, _: Flight, problem: str) -> None:
        """Note that the flight could not go on, unless it has ended."""
        if self._ended:
            return
        self._ended = True
        self._lookups.lost()
        if self._lookup is not None:
            failure = FetchFailedError(problem)
            self._lookups.settle(self._lookup, Outcome(failure=failure))
