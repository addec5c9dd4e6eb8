"""Outages of the shared state, with one event for their begin and one for their end.

Operations are asked by one thread and a stream is followed by another, each on a
connection of its own. An outage begins when one of them fails, and is over when both
work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..core.model.effects import StateUnavailableError

QUIET = 2.0
"""Seconds without a failure after which an outage is over.

Failing operations are repeated sooner, so repeated failures are one outage.
"""


class Outages:
    """The failures of the shared state, by the component that finds them.

    *monotonic* returns seconds since any fixed moment; *emit* is told when the state
    fails and when it answers again. Safe to use from several threads.
    """

    def __init__(
        self, monotonic: Callable[[], float], emit: Callable[..., None]
    ) -> None:
        self._monotonic = monotonic
        self._emit = emit
        self.after_fork()

    def after_fork(self) -> None:
        """Forget the failures that the parent process found."""
        self._lock = threading.Lock()
        self._problems: dict[str, str] = {}
        self._told = False
        self._failed_at = 0.0

    def fail(self, who: str, problem: str) -> None:
        """Note that *who* could not use the state; *problem* is a word for why."""
        with self._lock:
            self._problems[who] = problem
            self._failed_at = self._monotonic()
            first, self._told = not self._told, True
        if first:
            self._emit("state_failed", problem=problem)

    def succeed(self, who: str) -> None:
        """Note that *who* could use the state."""
        if not self._told:
            return
        with self._lock:
            self._problems.pop(who, None)
            if self._problems or self.quiet < QUIET:
                return
            over, self._told = self._told, False
        if over:
            self._emit("state_restored")

    @property
    def quiet(self) -> float:
        """Seconds since the last failure."""
        return self._monotonic() - self._failed_at

    def problem_of(self, who: str) -> str:
        """Return the failure of the last use by *who*, or an empty string."""
        return self._problems.get(who, "")

    def health(self) -> dict[str, Any]:
        """Describe the state without contacting it."""
        problem = next(iter(tuple(self._problems.values())), None)
        return {
            "ready": problem is None,
            "failure": problem,
            "failed_ago": None if problem is None else self.quiet,
        }


def word_for(error: Exception) -> str:
    """Return the word for a failure. Its text may contain an address."""
    if isinstance(error, StateUnavailableError):
        return str(error)
    return type(error).__name__
