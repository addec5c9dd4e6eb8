"""A lease on something that one process does for all, and what the others wait for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from .effects import Claim, FetchFailedError, Pause, ask_state

LEASE = 10.0
"""Seconds after which the lease of a process that died is free."""
POLL = 0.1
"""Seconds between two looks at what another process has left."""

Found = TypeVar("Found")


def found_or_leased(
    lease: str, look: Callable[[], Generator[Any, Any, Found | None]], patience: float
) -> Generator[Any, Any, Found | None]:
    """Return what another process has left, or None once the lease is ours.

    *patience* is in seconds. Raises ``FetchFailedError`` after that, and
    ``StateUnavailableError``.
    """
    for _ in range(int(patience / POLL)):
        found = yield from look()
        if found is not None:
            return found
        if (yield from ask_state(Claim(lease, LEASE))):
            return (yield from look())  # left since we looked
        yield Pause(POLL)
    raise FetchFailedError("another process takes too long")
