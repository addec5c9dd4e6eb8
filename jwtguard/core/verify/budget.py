"""How often something may be asked for, whatever names strangers invent."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import Lock

BURST, PAUSE = 2, 10.0
"""How many new tenants may be asked for at once, and seconds until one more may."""


class Budget:
    """How often new tenants may be asked for, whatever the names in tokens are."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: another thread of the parent may have held the lock."""
        self._lock = Lock()
        self._left, self._at = float(BURST), -inf

    def take(self) -> float:
        """Take one; return 0, or the seconds until there is one."""
        with self._lock:
            now = self._monotonic()
            refilled = self._left + (now - self._at) / PAUSE
            self._left, self._at = min(BURST, refilled), now
            if self._left < 1:
                return (1 - self._left) * PAUSE
            self._left -= 1
            return 0

    def give_back(self) -> None:
        """Return one: the tenant was real."""
        with self._lock:
            self._left = min(BURST, self._left + 1)
