"""One thread of the process follows a stream of the shared state, from its beginning.

A lost connection loses nothing: reading goes on behind the last value seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from ..state import State
from .outages import Outages, word_for

WAIT = 1.0
"""Seconds that one look waits for something new."""
PAUSES = (0.1, 0.25, 0.5, 1.0)
"""Seconds between looks that fail, the last one for all that follow."""

FOLLOWING = "following"
"""The name of a follower among those who find an outage."""


class StateFollower:
    """Hands each value of *stream* to *receive*, in a thread of its own.

    *monotonic* returns seconds since any fixed moment; *outages* is told when following
    fails and when it works. *receive* must not raise. *looked* is called after each
    look, whether it failed or not. Making one starts nothing.
    """

    def __init__(
        self,
        state: State,
        stream: str,
        receive: Callable[[bytes], None],
        monotonic: Callable[[], float],
        outages: Outages,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        self._state = state
        self._stream = stream
        self._receive = receive
        self._monotonic = monotonic
        self._outages = outages
        self._looked = looked
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: the thread belongs to the parent process."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.caught_up: Future[None] = Future()
        """Done when everything that was in the stream has been read once."""
        self.read_at = self._monotonic()
        """When the stream was last read, or following began."""

    @property
    def failure(self) -> str:
        """What went wrong when the stream was read last, empty if nothing did."""
        return self._outages.problem_of(FOLLOWING)

    @property
    def age(self) -> float | None:
        """Seconds since the stream was read, or following began; None before that."""
        if self._thread is None:
            return None
        return max(0.0, self._monotonic() - self.read_at)

    def start(self) -> None:
        """Begin following, unless it has begun."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is not None:
                return
            self.read_at = self._monotonic()
            thread = threading.Thread(
                target=self._follow, name="jwtguard-follow", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:  # no thread can be had now; try again later
                self._outages.fail(FOLLOWING, word_for(error))
                return
            self._thread = thread

    def stop(self) -> None:
        """End following; for tests."""
        self._stop.set()

    def _follow(self) -> None:
        after, failures, stop = "", 0, self._stop
        while not stop.is_set():
            wait = WAIT if self.caught_up.done() and not failures else 0.0
            try:
                found = self._state.follow(self._stream, after, wait)
                for name, value in found:
                    self._receive(value)
                    after = name
            except Exception as error:  # noqa: BLE001  # a store of somebody else's
                self._outages.fail(FOLLOWING, word_for(error))
                self._looked()
                stop.wait(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
                continue
            failures = 0
            self._note_success(caught_up=not found)
            self._looked()

    def _note_success(self, *, caught_up: bool) -> None:
        self.read_at = self._monotonic()
        self._outages.succeed(FOLLOWING)
        if caught_up and not self.caught_up.done():
            self.caught_up.set_result(None)
