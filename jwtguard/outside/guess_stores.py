"""Where password guesses are counted: in this process, or in Redis for all of them.

Each store counts a claim under all of its keys or under none, and can take it back.
"""

from __future__ import annotations

import hashlib
import secrets
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import ceil
from threading import Lock
from typing import Any

from ..core.model.effects import CountedGuess

MOST_KEPT = 20_000
"""So many names, and so many addresses, are held in memory; then the oldest go."""


class MemoryStore:
    """Times of guesses by key, one table for each kind of key.

    Each table is ordered by the last guess, and holds at most ``MOST_KEPT`` keys; what
    has ended is dropped from its old end, a few with each guess.
    """

    def __init__(
        self, span: float, amounts: Sequence[int], monotonic: Callable[[], float]
    ) -> None:
        self._span = span
        self._amounts = tuple(amounts)
        self._monotonic = monotonic
        self._tables: tuple[OrderedDict[bytes, array[float]], ...] = tuple(
            OrderedDict() for _ in amounts
        )
        self._lock = Lock()

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables)

    def claim(self, keys: Sequence[str]) -> CountedGuess:
        """Count one guess under all *keys*, or under none of them."""
        hashed = [_hashed(key) for key in keys]
        with self._lock:
            now = self._monotonic()
            for table, key, amount in zip(
                self._tables, hashed, self._amounts, strict=True
            ):
                times = table.get(key)
                if times is None:
                    continue
                del times[: bisect_right(times, now - self._span)]
                # Checked for all keys before any is counted, so that a refused guess
                # does not push the window on.
                if len(times) >= amount:
                    return CountedGuess(max(1, ceil(times[0] + self._span - now)))
            for table, key in zip(self._tables, hashed, strict=True):
                self._drop_old(table, now)
                table.setdefault(key, array("d")).append(now)
                table.move_to_end(key)
        return CountedGuess(0, tuple(keys), repr(now))

    def _drop_old(self, table: OrderedDict[bytes, array[float]], now: float) -> None:
        # Two for each one that is added: the table shrinks after an attack, without a
        # thread that cleans up.
        for _ in range(2):
            oldest = next(iter(table.values()), None)
            if oldest is None:
                return
            ended = not oldest or oldest[-1] <= now - self._span
            if ended or len(table) >= MOST_KEPT:
                table.popitem(last=False)

    def give_back(self, guess: CountedGuess) -> None:
        """Forget one guess, if it is still held."""
        with self._lock:
            for table, key in zip(self._tables, map(_hashed, guess.keys), strict=False):
                times = table.get(key)
                if times is None:
                    continue
                with suppress(ValueError):
                    times.remove(float(guess.ticket))
                if not times:
                    del table[key]

    def after_fork(self) -> None:
        """Open the lock."""
        self._lock = Lock()


class RedisStore:
    """One sorted set for each key, which ends a span after its last guess."""

    def __init__(
        self, script: Callable[[str], Any], span: float, amounts: Sequence[int]
    ) -> None:
        self._claim = script(_CLAIM)
        self._give_back = script(_GIVE_BACK)
        self._arguments = (int(span * 1000), *amounts)

    def claim(self, keys: Sequence[str]) -> CountedGuess:
        """Count one guess under all *keys*, or under none of them."""
        ticket = secrets.token_hex(8)
        wait = self._claim(keys=list(keys), args=[ticket, *self._arguments])
        if wait:
            return CountedGuess(max(1, ceil(int(wait) / 1000)))
        return CountedGuess(0, tuple(keys), ticket, shared=True)

    def give_back(self, guess: CountedGuess) -> None:
        """Forget one guess, if it is still held."""
        self._give_back(keys=list(guess.keys), args=[guess.ticket])


# The keys share a hash tag, so that they are on one node of a cluster.
_CLAIM = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local span = tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - span)
  if redis.call('ZCARD', key) >= tonumber(ARGV[2 + i]) then
    local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return math.max(1, tonumber(oldest[2]) + span - now)
  end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, ARGV[1])
  redis.call('PEXPIRE', key, span)
end
return 0
"""
_GIVE_BACK = """
for _, key in ipairs(KEYS) do redis.call('ZREM', key, ARGV[1]) end
return 0
"""


def _hashed(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).digest()
