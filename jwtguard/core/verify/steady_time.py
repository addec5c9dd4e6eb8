"""A time for what must not be forgotten too early: no step of the clock ends it."""

from __future__ import annotations

from collections.abc import Callable

SLEW = 60.0
"""Seconds that the clock may run ahead of elapsed time without being doubted."""
PATIENCE = 3600.0
"""Seconds after which a clock that stays ahead is believed."""


class SteadyTime:
    """Seconds since the epoch, less a step ahead that is not an hour old.

    A clock that is wrong for a while would otherwise end everything that is kept for a
    time, and nobody would bring it back when the clock is set right.
    """

    def __init__(
        self, now: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        # At once: what is heard first may come while the clock is wrong.
        self._believed = now(), monotonic()
        self._ahead_since: float | None = None

    def __call__(self) -> float:
        """Return the time to forget by."""
        wall, elapsed = self._now(), self._monotonic()
        then, at = self._believed
        expected = then + elapsed - at
        if wall <= expected + SLEW:
            self._ahead_since = None
        elif self._ahead_since is None:
            self._ahead_since = elapsed
            return expected
        elif elapsed - self._ahead_since < PATIENCE:
            return expected
        self._believed = wall, elapsed
        return wall
