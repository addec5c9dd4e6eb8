"""RFC 6749 section 4.3.2: passwords are not to be tried out; guesses are counted here.

Counted by user name and address, and by address: by name alone, anyone could lock
anyone out. A guess is counted before it is made, and taken back if the password was
right. A shared store that is out of reach opens nothing and locks nobody out: until it
is back, each process counts for itself.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address, ip_network
from math import ceil
from threading import Lock
from typing import Any, Protocol

from ..core.model.effects import CountedGuess
from ..errors import ConfigurationError

try:
    from limits import RateLimitItem, parse_many
    from limits.errors import ConfigurationError as NoStorageError
    from limits.storage import storage_from_string
except ImportError as error:
    raise ImportError(
        "jwtguard.relay needs the package limits: install jwtguard-middleware[relay]"
    ) from error

ADDRESS_SHARE = 10
"""One address may guess this many times as often as one user name from it."""
MOST_KEPT = 20_000
"""So many names, and so many addresses, are held in memory; then the oldest go."""
RETRY_STORE = 10.0
"""Seconds that a store which failed is left alone."""
STORE_TIMEOUT = 1.0
"""Seconds that a store in the network has for its answer."""
_NETWORK_STORES = ("redis", "valkey")


class _Clock(Protocol):
    def monotonic(self) -> float: ...


class RateLimiter:
    """Counts password guesses in a moving window, in memory or in Redis.

    *storage* None means *state*, if that can run a script, as Redis can; else memory.
    *emit* is told when the store fails. Raises ``ConfigurationError``.
    """

    def __init__(
        self,
        limit: str,
        storage: str | None,
        emit: Callable[..., None],
        clock: _Clock,
        state: object = None,
        prefix: str = "jwtguard",
    ) -> None:
        item = _limit(limit)
        span = float(item.get_expiry())
        amounts = (item.amount * ADDRESS_SHARE, item.amount)
        script = (
            getattr(state, "script", None) if storage is None else _script_of(storage)
        )
        self._shared = RedisStore(script, span, amounts) if script else None
        self._own = MemoryStore(span, amounts, clock.monotonic)
        self._prefix = prefix
        self._emit = emit
        self._clock = clock
        self._retry_at = clock.monotonic()

    def claim(self, name: str, address: str) -> CountedGuess:
        """Count one guess, unless it is one too many: then ``wait`` says how long."""
        network = network_of(address)
        key = f"{self._prefix}:{{{network}}}"
        keys = (key, f"{key}:{_folded(name)}")
        if self._shared is not None and self._clock.monotonic() >= self._retry_at:
            try:
                return self._shared.claim(keys)
            except Exception as error:  # noqa: BLE001  # each store has its own errors
                self._failed(error)
        return self._own.claim(keys)

    def give_back(self, guess: CountedGuess) -> None:
        """Take a guess back where it was counted."""
        if not guess.shared:
            self._own.give_back(guess)
        elif self._shared is not None and self._clock.monotonic() >= self._retry_at:
            try:
                self._shared.give_back(guess)
            except Exception as error:  # noqa: BLE001  # as above
                self._failed(error)

    def after_fork(self) -> None:
        """Open the lock that another thread of the parent process may have held."""
        self._own.after_fork()

    def _failed(self, error: Exception) -> None:
        self._retry_at = self._clock.monotonic() + RETRY_STORE
        problem = type(error.__cause__ or error).__name__
        self._emit("limit_store_failed", problem=problem)


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
                if len(times) >= amount:
                    return CountedGuess(max(1, ceil(times[0] + self._span - now)))
            for table, key in zip(self._tables, hashed, strict=True):
                self._drop_old(table, now)
                table.setdefault(key, array("d")).append(now)
                table.move_to_end(key)
        return CountedGuess(0, tuple(keys), repr(now))

    def _drop_old(self, table: OrderedDict[bytes, array[float]], now: float) -> None:
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


def network_of(address: str) -> str:
    """What one caller has to himself: an IPv4 address, or an IPv6 network of 64 bits.

    Counted by single addresses, anyone with IPv6 could guess for ever.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    if found.version == 4:
        return str(found)
    return str(ip_network(f"{found}/64", strict=False))


_LOOK_ALIKE = str.maketrans("ıøłđħŧ", "ioldht")
_INVISIBLE = dict.fromkeys((0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0))


def _folded(name: str) -> str:
    """One key for all spellings that a token server may take for one user name.

    Letters alone count: no case, width, accent, blank, soft hyphen or control
    character. Hashed: a store that others can read need not know who signs in.
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = unicodedata.normalize("NFKD", plain).translate(_LOOK_ALIKE)
    letters = "".join(
        letter
        for letter in plain.translate(_INVISIBLE)
        if unicodedata.category(letter)[0] not in "CMZ"
    )
    return hashlib.sha256(letters.encode()).hexdigest()


def _hashed(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).digest()


def _limit(text: str) -> RateLimitItem:
    try:
        (limit,) = parse_many(text)
        if limit.amount < 1 or limit.multiples < 1:
            raise ValueError
    except ValueError:
        raise ConfigurationError(
            f"relay_limit: {text!r}: write a number and a span of time, as in 5/minute"
        ) from None
    return limit


def _script_of(storage: str) -> Callable[[str], Any] | None:
    """Return what makes a script of its text; None for memory.

    Connects to nothing yet. No message repeats *storage*: it may hold a password.
    """
    scheme = storage.partition(":")[0]
    if scheme == "memory":
        return None
    problem = "no store of this kind"
    if scheme.startswith(_NETWORK_STORES):
        timeouts = {"socket_timeout": STORE_TIMEOUT}
        timeouts["socket_connect_timeout"] = STORE_TIMEOUT
        try:
            found: Any = storage_from_string(storage, **timeouts)
            script: Callable[[str], Any] = found.storage.register_script
            return script
        except NoStorageError as error:
            if not str(error).startswith("unknown"):
                problem = f"{scheme}:// needs a package that is missing"
                if scheme.startswith("redis"):
                    problem += ": install jwtguard-middleware[relay]"
        except Exception as error:  # noqa: BLE001  # a cluster connects here
            problem = f"this store cannot be used ({type(error).__name__})"
    raise ConfigurationError(
        f"relay_limit_storage: {problem}; write memory:// or redis://host:6379"
    )
