"""Which tokens were ended before their time (RFC 7009; OpenID Back-Channel Logout 1.0).

The list is local to each process, so that no request waits for a store. It has a
generation number: a token that was looked at in this generation needs no second look.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from math import isfinite
from threading import Lock
from typing import Any, Literal, NamedTuple, get_args

Kind = Literal["token", "jti", "sid", "subject", "client", "issuer"]
KINDS: tuple[str, ...] = get_args(Kind)
REASONS = {
    "token": "revoked_token",
    "jti": "revoked_token",
    "sid": "revoked_session",
    "subject": "revoked_subject",
    "client": "revoked_before",
    "issuer": "revoked_before",
}
"""Why a token is refused, by the kind of the entry that hits it."""
TIMED = frozenset({"sid", "subject", "client", "issuer"})
"""Kinds that hit only tokens issued at or before a time."""
PACKED = frozenset({"token", "jti", "sid"})
"""Kinds that may be packed: a new sign-in brings another value, so that an answer
without a time does no harm."""
LONGEST = 2048
"""Characters of a value. Longer ones are named by their hash."""


class Entry(NamedTuple):
    """One revocation. Times are in seconds since the epoch.

    ``value`` is a token's SHA-256 in hexadecimal, or its ``jti``, ``sid`` or ``sub``,
    a client's id, or empty for a whole issuer. ``before``: tokens issued at or before
    it are hit. ``until``: no token that is hit can be good any more.
    """

    kind: str
    issuer: str
    value: str
    before: float
    until: float

    def encoded(self) -> bytes:
        """Return the entry as it travels to the other processes: JSON."""
        return json.dumps([1, *self], separators=(",", ":")).encode()

    @property
    def name(self) -> str:
        """A key of its own in the shared state."""
        return key_of(self.kind, self.issuer, self.value)


def decoded(data: bytes) -> Entry | None:
    """Return the entry that *data* encodes, or None for anything else.

    The stream may hold what a later version wrote.
    """
    try:
        version, kind, issuer, value, before, until = json.loads(data)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = isinstance(issuer, str) and isinstance(value, str)
    if version != 1 or kind not in KINDS or not texts:
        return None
    if not _is_time(before) or not _is_time(until):
        return None
    return Entry(kind, issuer, value, float(before), float(until))


def _is_time(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < 1e15 and isfinite(value)


def key_of(kind: str, issuer: str, value: str) -> str:
    """Return the name of an entry in the shared state: bounded, and not readable."""
    said = json.dumps([kind, issuer, value])
    return "revoked:" + sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


class Marks(NamedTuple):
    """By what a token can be revoked: claims that its issuer signed, and its digest.

    ``issued_at`` is None for a token without ``iat``: every time bound hits it, since
    nothing shows that it is newer.
    """

    issuer: str
    token: str
    jti: str | None
    sid: str | None
    subject: str | None
    client: str | None
    issued_at: float | None

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield kind and value of each entry that would hit the token."""
        yield "token", self.token
        for kind, value in (
            ("jti", self.jti),
            ("sid", self.sid),
            ("subject", self.subject),
            ("client", self.client),
        ):
            if value is not None:
                yield kind, value
        yield "issuer", ""


class Found(NamedTuple):
    """What the list says of a token.

    ``reason`` is empty if nothing hits it. ``unsure`` is the key of an entry that was
    packed: the shared state knows whether it is there; without one it counts as there.
    """

    reason: str = ""
    unsure: str = ""


GOOD = Found()


class Revocations:
    """The revocations that this process knows; safe to use from several threads.

    At most *limit* entries of the kinds that grow with sign-ins are kept whole. Beyond,
    the oldest are packed: 29 bits each, of which one in a million answers wrongly.
    """

    def __init__(self, limit: int) -> None:
        self.generation = 0
        """Grows with each new entry."""
        self._limit = limit
        self._entries: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._order: dict[tuple[str, str, str], None] = {}
        self._packed: list[_Packed] = []
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries) + sum(packed.count for packed in self._packed)

    def after_fork(self) -> None:
        """The parent may have held the lock; what it knew is still true."""
        self._lock = Lock()

    def add(self, entry: Entry, now: float) -> bool:
        """Take *entry*; return whether it says something new."""
        key = (entry.kind, entry.issuer, _short(entry.value))
        with self._lock:
            self._forget(now)
            before, until = self._entries.get(key, (entry.before - 1, 0.0))
            if entry.until <= now or (entry.before <= before and entry.until <= until):
                return False
            kept = max(before, entry.before), max(until, entry.until)
            self._entries[key] = kept
            if entry.kind in PACKED:
                self._order.pop(key, None)
                self._order[key] = None
                self._pack(now)
            self.generation += 1
            return True

    def find(self, marks: Marks) -> Found:
        """Say whether an entry hits the token that *marks* are of."""
        entries, packed = self._entries, self._packed
        for kind, value in marks.named() if entries or packed else ():
            short = _short(value)
            hit = entries.get((kind, marks.issuer, short))
            if hit is not None and _bound(kind, marks, hit[0]):
                return Found(REASONS[kind])
            if packed and kind in PACKED:
                key = key_of(kind, marks.issuer, short)
                if any(one.holds(key) for one in packed):
                    return Found(REASONS[kind], key)
        return GOOD

    def _forget(self, now: float) -> None:
        """Drop what can hit no good token any more: the oldest entries come first."""
        for key in list(_first(self._entries, 2)):
            if self._entries[key][1] <= now:
                del self._entries[key]
                self._order.pop(key, None)
        if self._packed and self._packed[0].until <= now:
            self._packed = self._packed[1:]  # readers hold the list as it was

    def _pack(self, now: float) -> None:
        """Keep the number of whole entries in bounds, losing none."""
        while len(self._order) > self._limit:
            key = next(iter(self._order))
            if not self._packed or self._packed[-1].is_full(now):
                self._packed = [*self._packed, _Packed(now)]
            _, until = self._entries[key]
            self._packed[-1].add(key_of(*key), until)
            del self._order[key], self._entries[key]


def _first(entries: dict[Any, Any], count: int) -> Iterator[Any]:
    for key, _ in zip(entries, range(count), strict=False):
        yield key


def _bound(kind: str, marks: Marks, before: float) -> bool:
    """Whether the entry's time bound hits the token."""
    return kind not in TIMED or marks.issued_at is None or marks.issued_at <= before


def _short(value: str) -> str:
    if len(value) <= LONGEST:
        return value
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


class _Packed:
    """A Bloom filter: it never denies what was added, and seldom affirms more."""

    SIZE = 100_000
    BITS = 29 * SIZE
    PROBES = 20
    LONGEST = 3600.0
    """Seconds. Entries of about one age share a filter, and are dropped together."""

    def __init__(self, now: float) -> None:
        self.count = 0
        self.until = 0.0
        self._made = now
        self._bits = bytearray(self.BITS // 8 + 1)

    def is_full(self, now: float) -> bool:
        return self.count >= self.SIZE or now - self._made > self.LONGEST

    def add(self, key: str, until: float) -> None:
        for bit in self._places(key):
            self._bits[bit >> 3] |= 1 << (bit & 7)
        self.count += 1
        self.until = max(self.until, until)

    def holds(self, key: str) -> bool:
        return all(self._bits[bit >> 3] & (1 << (bit & 7)) for bit in self._places(key))

    def _places(self, key: str) -> Iterator[int]:
        """Kirsch and Mitzenmacher: two hashes stand for as many as are needed."""
        digest = bytes.fromhex(key[-64:])
        first = int.from_bytes(digest[:8], "big")
        step = int.from_bytes(digest[8:16], "big") | 1
        return ((first + i * step) % self.BITS for i in range(self.PROBES))
