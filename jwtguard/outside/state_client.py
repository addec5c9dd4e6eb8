"""One thread of the process asks the shared state; requests wait for its answers.

Operations that arrive together leave in one round trip. A store that is slow three
times within a second is left alone for a second, so that no request waits for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from ..core.shared import Append, Claim, Load, Operation, Save
from ..state import MemoryState, State, StateUnavailableError

MOST = 256
"""Operations in one round trip."""
SLOW = 3
"""So many failures within ``PAUSE`` open the breaker."""
PAUSE = 1.0
"""Seconds that the store is left alone."""

Asked = tuple[Operation, "Future[Any]"]


class StateClient:
    """Runs operations on *state*, without blocking who asks longer than *timeout*.

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
        self.failure = ""
        """What went wrong last, empty while the store answers."""
        self._monotonic = monotonic
        self._emit = emit
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: threads and connections belong to the parent process."""
        self._lock = threading.Lock()
        self._queue: SimpleQueue[Asked] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failed: deque[float] = deque(maxlen=SLOW)
        self._closed_until = -1.0
        forget = getattr(self.state, "after_fork", None)
        if forget is not None:
            forget()

    def submit(self, operation: Operation) -> Future[Any]:
        """Begin *operation*; the future has its answer or ``StateUnavailableError``."""
        done: Future[Any] = Future()
        if isinstance(self.state, MemoryState):  # never blocks
            self._settle([(operation, done)], self._answers([operation]))
        elif self._monotonic() < self._closed_until:
            done.set_exception(StateUnavailableError(self.failure))
        else:
            self._queue.put((operation, done))
            self._start(done)
        return done

    def give_up(self, done: Future[Any]) -> None:
        """Note that somebody waited for *done* in vain."""
        if not done.done():
            self._note_failure("TimeoutError")

    def _start(self, done: Future[Any]) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(
                target=self._serve, name="jwtguard-state", daemon=True
            )
        try:
            self._thread.start()
        except RuntimeError as error:  # no thread can be had
            self._thread = None
            with suppress(Exception):
                done.set_exception(StateUnavailableError(str(error)))

    def _serve(self) -> None:
        while True:
            batch = [self._queue.get()]
            with suppress(Empty):
                while len(batch) < MOST:
                    batch.append(self._queue.get_nowait())
            self._settle(batch, self._answers([operation for operation, _ in batch]))

    def _answers(self, operations: Sequence[Operation]) -> Sequence[Any]:
        """Return an answer for each operation; one that failed has its error."""
        batch = getattr(self.state, "batch", None)
        try:
            found = batch(operations) if batch else [self._run(o) for o in operations]
        except Exception as error:  # noqa: BLE001  # a store of somebody else's
            return [_unavailable(error)] * len(operations)
        answers: Sequence[Any] = found
        return answers

    def _run(self, one: Operation) -> Any:
        state = self.state
        try:
            if isinstance(one, Claim):
                return state.claim(one.key, one.ttl)
            if isinstance(one, Load):
                return state.get(one.key)
            if isinstance(one, Save):
                return state.put(one.key, one.value, one.ttl)
            if isinstance(one, Append):
                return state.append(one.stream, one.value, one.keep)
            return state.delete(one.key)
        except Exception as error:  # noqa: BLE001  # as above
            return _unavailable(error)

    def _settle(self, batch: Sequence[Asked], answers: Sequence[Any]) -> None:
        problem = next((str(a) for a in answers if isinstance(a, Exception)), None)
        if problem is None:
            self._note_success()
        else:
            self._note_failure(problem)
        for (_, done), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                done.set_exception(answer)
            else:
                done.set_result(answer)

    def _note_failure(self, problem: str) -> None:
        now = self._monotonic()
        with self._lock:
            first, self.failure = not self.failure, problem
            self._failed.append(now)
            if len(self._failed) == SLOW and now - self._failed[0] <= PAUSE:
                self._closed_until = now + PAUSE
        if first:
            self._emit("state_failed", problem=problem)

    def _note_success(self) -> None:
        if self.failure:
            with self._lock:
                self.failure = ""
                self._failed.clear()
            self._emit("state_restored")


def _unavailable(error: Exception) -> StateUnavailableError:
    if isinstance(error, StateUnavailableError):
        return error
    return StateUnavailableError(type(error).__name__)
