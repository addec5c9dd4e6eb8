"""Whether the shared state can be reached: one event for each outage, one for its end.

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

Whoever fails tries again sooner: what fails each time is one outage.
"""


class Outages:
    """What goes wrong with the shared state, by who finds it.

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
        """Begin anew: what the parent process found is the parent's."""
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
        """Return what went wrong when *who* used the state last, or an empty string."""
        return self._problems.get(who, "")

    def health(self) -> dict[str, Any]:
        """Say how the state is, without asking it."""
        problem = next(iter(tuple(self._problems.values())), None)
        return {
            "ready": problem is None,
            "failure": problem,
            "failed_ago": None if problem is None else self.quiet,
        }


def word_for(error: Exception) -> str:
    """Return the word for what went wrong; no text of it, which may hold an address."""
    if isinstance(error, StateUnavailableError):
        return str(error)
    return type(error).__name__
