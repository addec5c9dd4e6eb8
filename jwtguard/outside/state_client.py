"""One thread of the process asks the shared state; requests wait for its answers.

Operations that arrive together leave in one round trip. A store that is away or slow
three times within a second is left alone for a second, so that no request waits for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from ..core.model.effects import (
    Append,
    Claim,
    Load,
    Save,
    StateOperation,
    StateUnavailableError,
)
from ..state import MemoryState, State
from .futures import await_for, wait_for
from .outages import QUIET, Outages, word_for

MOST = 256
"""Operations in one round trip."""
QUEUED = 10_000
"""Operations that wait for one; more are refused."""
FAILURES = 3
"""So many failed round trips within ``PAUSE`` open the breaker."""
PAUSE = 1.0
"""Seconds that the store is left alone. Then one more failure is enough."""

ASKING = "asking"
"""The name of this client among those who find an outage."""

Asked = tuple[StateOperation, "Future[Any]"]


class StateClient:
    """Runs operations on *state*, with waits of at most *timeout* seconds.

    *monotonic* returns seconds since any fixed moment; *emit* is told when the store
    fails and when it answers again. Making one starts nothing.
    """

    def __init__(
        self,
        state: State,
        timeout: float,
        monotonic: Callable[[], float],
        emit: Callable[..., None],
    ) -> None:
        self.state = state
        self.timeout = timeout
        self.shared = not isinstance(state, MemoryState)
        """Whether other processes may see what this one stores."""
        self.outages = Outages(monotonic, emit)
        self._monotonic = monotonic
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: threads and connections belong to the parent process."""
        self._lock = threading.Lock()
        self._queue: SimpleQueue[Asked] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._paused_until = -1.0
        self._tripped = False
        self._round = 0
        self._failed_round = 0
        self.outages.after_fork()
        forget = getattr(self.state, "after_fork", None)
        if forget is not None:
            forget()

    def ask(self, operation: StateOperation) -> Any:
        """Return the answer to *operation*, or ``StateUnavailableError`` as a value."""
        done = self.submit(operation)
        wait_for(done, self.timeout)
        return self.outcome(done)

    async def aask(self, operation: StateOperation) -> Any:
        """Do what ``ask`` does, without blocking the event loop."""
        done = self.submit(operation)
        await await_for(done, self.timeout)
        return self.outcome(done)

    def submit(self, operation: StateOperation) -> Future[Any]:
        """Begin *operation*; the future has its answer or ``StateUnavailableError``."""
        done: Future[Any] = Future()
        if not self.shared:  # never blocks
            self._settle([(operation, done)], [_run(self.state, operation)])
        elif problem := self._problem():
            done.set_exception(StateUnavailableError(problem))
        else:
            self._queue.put((operation, done))
        return done

    def _problem(self) -> str:
        """Return why no operation can begin now, or an empty string."""
        if self._monotonic() < self._paused_until:
            return self.failure or "Paused"
        if self._queue.qsize() >= QUEUED:
            return "QueueFull"
        return self._start()

    @property
    def failure(self) -> str:
        """What went wrong last, empty while the store answers."""
        return self.outages.problem_of(ASKING)

    def health(self) -> dict[str, Any]:
        """Say how the store is, without asking it."""
        return {**self.outages.health(), "shared": self.shared}

    def retry(self) -> None:
        """Ask for a value if the last operation failed and none has followed it.

        Without it, an outage would last until the next request that needs the store.
        """
        if self.failure and self.outages.quiet >= QUIET:
            self.submit(Load("retry"))

    def outcome(self, done: Future[Any]) -> Any:
        """Return the result of *done*, which is no longer waited for."""
        if not done.done():
            # What has not begun is not begun: who asked has been told that it failed.
            done.cancel()
            self._note_failure("TimeoutError")
            return StateUnavailableError("TimeoutError")
        return done.exception() or done.result()

    def _start(self) -> str:
        """Start the thread, unless it runs; return what is in the way."""
        if self._thread is not None and self._thread.is_alive():
            return ""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return ""
            self._thread = threading.Thread(
                target=self._serve, name="jwtguard-state", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError as error:  # there are too many threads
                self._thread = None
                return type(error).__name__
        return ""

    def _serve(self) -> None:
        batch_of = getattr(self.state, "batch", None)
        while True:
            batch = self._next(MOST if batch_of else 1)
            self._round += 1
            operations = [operation for operation, _ in batch]
            try:
                answers = (
                    batch_of(operations)
                    if batch_of
                    else [_verb(self.state, operations[0])]
                )
            except Exception as error:  # noqa: BLE001  # a store of somebody else's
                answers = [_unavailable(error) for _ in batch]
                self._note_failure(str(answers[0]))
            self._settle(batch, answers)

    def _next(self, most: int) -> list[Asked]:
        """Wait for an operation; return it, and those that wait behind it."""
        batch: list[Asked] = []
        while not batch:
            asked = [self._queue.get()]
            with suppress(Empty):
                while len(asked) < most:
                    asked.append(self._queue.get_nowait())
            batch = [one for one in asked if one[1].set_running_or_notify_cancel()]
        return batch

    def _settle(self, batch: Sequence[Asked], answers: Sequence[Any]) -> None:
        refused = next((str(a) for a in answers if isinstance(a, Exception)), "")
        if refused:  # of a single operation, which pauses nothing
            self.outages.fail(ASKING, refused)
        elif self._failed_round != self._round or not self.shared:
            self._note_success()
        for (_, done), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                done.set_exception(answer)
            else:
                done.set_result(answer)

    def _note_failure(self, problem: str) -> None:
        """Count a round trip that failed, once for all who waited for it."""
        now = self._monotonic()
        with self._lock:
            again = self._failed_round == self._round
            if again and self._failures and now - self._failures[-1] < self.timeout:
                return
            self._failed_round = self._round
            self._failures.append(now)
            recent = (
                len(self._failures) == FAILURES and now - self._failures[0] <= PAUSE
            )
            if self._tripped or recent:
                self._tripped, self._paused_until = True, now + PAUSE
        self.outages.fail(ASKING, problem)

    def _note_success(self) -> None:
        with self._lock:
            self._tripped = False
        self.outages.succeed(ASKING)


def _verb(state: State, one: StateOperation) -> Any:
    """Call the verb that *one* names."""
    if isinstance(one, Claim):
        return state.claim(one.key, one.ttl)
    if isinstance(one, Load):
        return state.get(one.key)
    if isinstance(one, Save):
        return state.put(one.key, one.value, one.ttl)
    if isinstance(one, Append):
        return state.append(one.stream, one.value, one.keep)
    return state.delete(one.key)


def _run(state: State, one: StateOperation) -> Any:
    try:
        return _verb(state, one)
    except Exception as error:  # noqa: BLE001  # a store of somebody else's
        return _unavailable(error)


def _unavailable(error: Exception) -> StateUnavailableError:
    return StateUnavailableError(word_for(error))
