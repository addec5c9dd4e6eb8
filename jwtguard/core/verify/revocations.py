"""Which tokens were ended before their time (RFC 7009; OpenID Back-Channel Logout 1.0).

The list is local to each process, so that no request waits for a store. It has a
generation number: a token that was looked at in this generation needs no second look.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator
from math import inf
from threading import Lock
from typing import Any, NamedTuple

from ..model.effects import Ask, Load, StateUnavailableError
from .entries import (
    PACKED,
    PACKED_IF_SHARED,
    REASONS,
    Entry,
    Key,
    Marks,
    bound,
    decoded,
    key_of,
    short,
)
from .watches import Watches

SWEEP = 1000
"""Entries at which all are looked at for the first time, to drop what has ended."""


class Found(NamedTuple):
    """What the list says of a token.

    ``reason`` is empty if nothing hits it for sure, and ``entry`` is what hits it, if
    that is known. ``unsure`` names the entries that may hit it, as they were packed, by
    kind and key in the shared state.
    """

    reason: str = ""
    unsure: tuple[tuple[str, str], ...] = ()
    entry: Entry | None = None


GOOD = Found()


class Revocations:
    """The revocations that this process knows; safe to use from several threads.

    At most *limit* entries of the kinds that grow with sign-ins are kept whole. Beyond,
    the oldest are packed: 29 bits each, of which one in a million answers wrongly.
    *shared*: other processes may know more, so a first read has to be waited for.
    """

    def __init__(self, limit: int, *, shared: bool = False) -> None:
        self.shared = shared
        self.generation = 0
        """Grows with each new entry; 0 for an empty list, and for a new token."""
        self.ready = True
        """Whether the first read of what others revoked is over."""
        self.watches = Watches()
        """Open connections, which end when their token is revoked."""
        self._limit = limit
        self._kinds = PACKED_IF_SHARED if shared else PACKED
        # A plain dict finds its oldest entry by walking over all that were deleted.
        self._recent: OrderedDict[Key, tuple[float, float]] = OrderedDict()
        """Entries that may be packed, the one that was added last at the end."""
        self._others: OrderedDict[Key, tuple[float, float]] = OrderedDict()
        self._packed: list[_Packed] = []
        self._sweep_at = SWEEP
        self.after_fork()

    def __len__(self) -> int:
        packed = sum(one.count for one in self._packed)
        return len(self._recent) + len(self._others) + packed

    def after_fork(self) -> None:
        """The parent may have held the lock; what it knew is still true."""
        self._lock = Lock()
        self.watches.after_fork()
        if self.shared:
            self.ready = False
            self.generation += 1

    def add(self, entry: Entry, now: float) -> Entry | None:
        """Take *entry*, and end the connections that it hits.

        Return the entry as it stands now, or None if it says nothing new.
        """
        key = (entry.kind, entry.issuer, short(entry.value))
        packable = entry.kind in self._kinds
        with self._lock:
            self._forget(now)
            entries = self._recent if packable else self._others
            known = entries.get(key)
            if entry.until <= now:
                return None
            if known is not None:
                if entry.before <= known[0] and entry.until <= known[1]:
                    return None
                later = max(known[0], entry.before), max(known[1], entry.until)
                entry = entry._replace(before=later[0], until=later[1])
            else:
                entry = self._widened(entry, key)
            entries[key] = entry.before, entry.until
            if packable:
                self._recent.move_to_end(key)
                self._pack(now)
            self.generation += 1
        self.watches.end(entry)
        return entry

    def find(self, marks: Marks) -> Found:
        """Say whether an entry hits the token that *marks* are of."""
        named = [(kind, short(value)) for kind, value in marks.named()]
        for kind, value in named:
            entries = self._recent if kind in self._kinds else self._others
            hit = entries.get((kind, marks.issuer, value))
            if hit is not None and bound(kind, marks.issued_at, hit[0]):
                return Found(REASONS[kind], (), Entry(kind, marks.issuer, value, *hit))
        # Nothing is packed in most deployments: then a look costs seven look-ups at
        # most.
        if not self._packed:
            return GOOD
        packed = [
            (kind, key_of(kind, marks.issuer, value))
            for kind, value in named
            if self._may_hold((kind, marks.issuer, value))
        ]
        return Found("", tuple(packed)) if packed else GOOD

    def make_sure(
        self, found: Found, issued_at: float | None
    ) -> Generator[Ask, Any, Found]:
        """Ask the shared state for entries that were packed; alone, believe them.

        While the state does not answer, the token counts as revoked; what is unsure is
        in the answer then.
        """
        for kind, key in found.unsure:
            reason = REASONS[kind]
            # One good token in a million is refused: a shared state can clear the
            # doubt, a process alone cannot.
            if not self.shared:
                return Found(reason)
            value = yield Load(key)
            if isinstance(value, StateUnavailableError):
                return Found(reason, found.unsure)
            if value is None and kind not in PACKED:
                continue  # it has ended, or was never there
            entry = decoded(value or b"")  # what the state has lost is believed
            if entry is None or entry.hits(issued_at):
                return Found(reason, (), entry)
        return GOOD

    def _may_hold(self, key: Key) -> bool:
        """Whether an entry of that name may have been packed."""
        return any(self._holding(key))

    def _holding(self, key: Key) -> Iterator[_Packed]:
        packed = self._packed
        if packed and key[0] in self._kinds:
            name = key_of(*key)
            yield from (one for one in packed if one.holds(name))

    def _widened(self, entry: Entry, key: Key) -> Entry:
        """Return *entry* with the bounds that one of its name had, if it was packed.

        They are not known, but no bound is later than the latest that was packed there.
        """
        for one in self._holding(key):
            bounds = max(entry.before, one.before), max(entry.until, one.until)
            entry = entry._replace(before=bounds[0], until=bounds[1])
        return entry

    def _forget(self, now: float) -> None:
        """Drop what can hit no good token any more: a few now, all from time to time.

        Entries of issuers whose tokens live longer may stand before others.
        """
        for entries in (self._recent, self._others):
            for key in [k for k, _ in zip(entries, range(2), strict=False)]:
                if entries[key][1] <= now:
                    del entries[key]
        if len(self._recent) + len(self._others) >= self._sweep_at:
            for entries in (self._recent, self._others):
                for key in [k for k, (_, until) in entries.items() if until <= now]:
                    del entries[key]
            left = len(self._recent) + len(self._others)
            self._sweep_at = max(SWEEP, 2 * left)
        if any(one.until <= now for one in self._packed):  # readers hold the old list
            self._packed = [one for one in self._packed if one.until > now]

    def _pack(self, now: float) -> None:
        """Keep the number of whole entries in bounds, losing none."""
        while len(self._recent) > self._limit:
            key, bounds = next(iter(self._recent.items()))
            if not self._packed or self._packed[-1].is_full(now):
                self._packed = [*self._packed, _Packed(now)]
            self._packed[-1].add(key_of(*key), *bounds)
            # In this order for readers without the lock: the filter holds the entry
            # before the dictionary loses it.
            del self._recent[key]


class _Packed:
    """A Bloom filter: it never denies what was added, and seldom affirms more."""

    SIZE = 100_000
    BITS = 29 * SIZE
    PROBES = 20
    LONGEST = 3600.0
    """Seconds. Entries of about one age share a filter, and are dropped together."""

    def __init__(self, now: float) -> None:
        self.count = 0
        self.before = self.until = -inf
        """The latest bounds of all entries in it."""
        self._made = now
        self._bits = bytearray(self.BITS // 8 + 1)

    def is_full(self, now: float) -> bool:
        return self.count >= self.SIZE or now - self._made > self.LONGEST

    def add(self, key: str, before: float, until: float) -> None:
        for bit in self._places(key):
            self._bits[bit >> 3] |= 1 << (bit & 7)
        self.count += 1
        self.before = max(self.before, before)
        self.until = max(self.until, until)

    def holds(self, key: str) -> bool:
        return all(self._bits[bit >> 3] & (1 << (bit & 7)) for bit in self._places(key))

    def _places(self, key: str) -> Iterator[int]:
        """Kirsch and Mitzenmacher: two hashes stand for as many as are needed."""
        digest = bytes.fromhex(key[-64:])
        first = int.from_bytes(digest[:8], "big")
        # Odd, so that the step shares no factor of two with the number of bits.
        step = int.from_bytes(digest[8:16], "big") | 1
        return ((first + i * step) % self.BITS for i in range(self.PROBES))
