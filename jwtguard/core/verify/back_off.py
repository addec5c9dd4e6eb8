"""How long an issuer that failed is left alone."""

from __future__ import annotations

from collections.abc import Callable

LONGEST = 60.0
"""Seconds. A longer pause would not spare the issuer much, and would cost us minutes
after it is back."""
_MOST = 16
"""Doublings: far beyond the longest pause, and far below where a float overflows."""


def pause_after(
    failures: int,
    cooldown: float,
    jitter: Callable[[], float],
    longest: float = LONGEST,
) -> float:
    """Return the pause in seconds: *cooldown*, doubled for each of *failures* so far.

    *jitter* returns numbers from 0 to 1. It takes off up to a fifth, so that the
    workers of a fleet, which failed together, do not come back together.
    """
    pause = min(cooldown * 2.0 ** min(failures, _MOST), longest)
    return pause * (1 - 0.2 * jitter())
