"""A clock that a test holds in its hand."""

from __future__ import annotations

import time


class FakeClock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: float | None = None) -> None:
        self._now = time.time() if now is None else now
        self._elapsed = 1000.0

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds since a moment that does not move."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self._now += seconds
        self._elapsed += seconds
