"""The clock that a guard goes by."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """What tells the time: the module ``time`` does."""

    def time(self) -> float:
        """Return seconds since the epoch."""

    def monotonic(self) -> float:
        """Return seconds since any moment that does not move."""
