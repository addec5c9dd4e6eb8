"""A lease on work that one process does while the others wait for its result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from .effects import Claim, FetchFailedError, Pause, ask_state

LEASE = 10.0
"""Seconds until a lease expires if its process dies."""
POLL = 0.1
"""Seconds between two attempts to read the other process's result."""

Found = TypeVar("Found")


def found_or_leased(
    lease: str, look: Callable[[], Generator[Any, Any, Found | None]], patience: float
) -> Generator[Any, Any, Found | None]:
    """Return another process's result, or None once this process has the lease.

    Raises ``FetchFailedError`` after *patience* seconds, and ``StateUnavailableError``.
    """
    for _ in range(int(patience / POLL)):
        found = yield from look()
        if found is not None:
            return found
        if (yield from ask_state(Claim(lease, LEASE))):
            return (yield from look())  # stored since the first look
        yield Pause(POLL)
    raise FetchFailedError("another process takes too long")
