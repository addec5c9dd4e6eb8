"""What several processes must agree on: a seam of six verbs, and the store in memory.

``memory://`` is this process alone. ``redis://``, ``rediss://`` and ``unix://`` name a
Redis or Valkey server, or a node of a cluster: see ``jwtguard.outside.redis_state``.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import takewhile
from threading import Condition
from typing import Protocol

from .core.model.effects import StateUnavailableError

__all__ = ["MemoryState", "State", "StateUnavailableError"]


class State(Protocol):
    """A store that the processes of one application share.

    Every verb may block: jwtguard calls them from threads of its own, never from an
    event loop, and calls ``follow`` from another thread than the rest. A verb that
    fails raises ``StateUnavailableError``; any other exception counts as one. Keys and
    names of streams are short ASCII strings; times are in seconds.
    """

    def claim(self, key: str, ttl: float) -> bool:
        """Add *key* for *ttl* seconds; return whether it was absent."""

    def get(self, key: str) -> bytes | None:
        """Return the value of *key*, or None if it is absent or has expired."""

    def put(self, key: str, value: bytes, ttl: float) -> None:
        """Store *value* under *key* for *ttl* seconds, in place of any other value."""

    def delete(self, key: str) -> None:
        """Remove *key*; an absent one is not an error."""

    def append(self, stream: str, value: bytes, keep: float) -> None:
        """Add *value* to the end of *stream*; it can be read for *keep* seconds.

        All values of one stream have the same *keep*: older ones may be dropped by it.
        """

    def follow(self, stream: str, after: str, wait: float) -> list[tuple[str, bytes]]:
        """Return the id and value of what was added to *stream* behind *after*.

        *after* is empty for the beginning, else the id of the last value seen. Where
        nothing is new, wait up to *wait* seconds, then return an empty list.
        """


class MemoryState:
    """Keeps everything in this process, and drops what has expired.

    At most *limit* keys are held: over that, ``claim`` and ``put`` raise
    ``StateUnavailableError`` rather than forget what they promised to remember.
    *clock* returns seconds since any fixed moment. Safe to use from several threads.
    """

    def __init__(
        self, *, limit: int = 1_000_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._clock = clock
        # A plain dict finds its oldest key by walking over all that were deleted.
        self._values: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._streams: dict[str, deque[tuple[float, int, bytes]]] = {}
        self._appended = 0
        self._changed = Condition()

    def claim(self, key: str, ttl: float) -> bool:
        """Add *key* for *ttl* seconds; return whether it was absent."""
        with self._changed:
            if self._live(key) is not None:
                return False
            self._store(key, b"", ttl)
            return True

    def get(self, key: str) -> bytes | None:
        """Return the value of *key*, or None if it is absent or has expired."""
        with self._changed:
            return self._live(key)

    def put(self, key: str, value: bytes, ttl: float) -> None:
        """Store *value* under *key* for *ttl* seconds, in place of any other value."""
        with self._changed:
            self._store(key, value, ttl)

    def delete(self, key: str) -> None:
        """Remove *key*; an absent one is not an error."""
        with self._changed:
            self._values.pop(key, None)

    def append(self, stream: str, value: bytes, keep: float) -> None:
        """Add *value* to the end of *stream*; it can be read for *keep* seconds."""
        with self._changed:
            now = self._clock()
            values = self._streams.setdefault(stream, deque())
            # All values have the same lifetime, so the oldest end first.
            while values and values[0][0] <= now:
                values.popleft()
            if len(values) >= self._limit:
                raise StateUnavailableError(
                    f"memory holds {self._limit} values already"
                )
            self._appended += 1
            values.append((now + keep, self._appended, value))
            self._changed.notify_all()

    def follow(self, stream: str, after: str, wait: float) -> list[tuple[str, bytes]]:
        """Return the id and value of what was added to *stream* behind *after*."""
        seen = int(after or "0")
        with self._changed:
            found = self._behind(stream, seen)
            if not found and wait > 0:
                self._changed.wait(wait)
                found = self._behind(stream, seen)
            return found

    def after_fork(self) -> None:
        """Open the lock that another thread of the parent process may have held."""
        self._changed = Condition()

    def _behind(self, stream: str, seen: int) -> list[tuple[str, bytes]]:
        now = self._clock()
        new = takewhile(lambda v: v[1] > seen, reversed(self._streams.get(stream, ())))
        return [(str(n), value) for until, n, value in new if until > now][::-1]

    def _live(self, key: str) -> bytes | None:
        until, value = self._values.get(key, (0.0, b""))
        if key in self._values and until > self._clock():
            return value
        return None

    def _store(self, key: str, value: bytes, ttl: float) -> None:
        self._values.pop(key, None)  # a new value goes to the end
        if len(self._values) >= self._limit:
            self._drop_expired()
        if len(self._values) >= self._limit:
            raise StateUnavailableError(f"memory holds {self._limit} keys already")
        self._values[key] = (self._clock() + ttl, value)
        self._drop_a_few()

    def _drop_a_few(self) -> None:
        """Look at the two oldest keys: each new one makes room for more than itself."""
        now = self._clock()
        for key in [k for k, _ in zip(self._values, range(2), strict=False)]:
            if self._values[key][0] <= now:
                del self._values[key]

    def _drop_expired(self) -> None:
        now = self._clock()
        for key in [k for k, (until, _) in self._values.items() if until <= now]:
            del self._values[key]
