"""A time by which entries expire, unaffected by a step of the clock."""

from __future__ import annotations

from collections.abc import Callable

SLEW = 60.0
"""Seconds that the clock may be ahead of the elapsed time without a correction."""
PATIENCE = 3600.0
"""Seconds after which a clock that stays ahead is accepted."""


class SteadyTime:
    """Seconds since the epoch, less a step ahead that is not an hour old.

    Otherwise, entries would expire while a clock is wrong, and be lost when it is
    corrected.
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
