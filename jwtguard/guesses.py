"""RFC 6749 section 4.3.2: passwords are not to be tried out; guesses are counted here.

Counted by user name and address, and by address: by name alone, anyone could lock
anyone out. A shared store that is out of reach opens nothing and locks nobody out:
until it is back, each process counts for itself.
"""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any, Protocol

from .errors import ConfigurationError

try:
    from limits import RateLimitItem, parse_many
    from limits.errors import ConfigurationError as NoStorageError
    from limits.storage import MemoryStorage, storage_from_string
    from limits.strategies import MovingWindowRateLimiter
except ImportError as error:
    raise ImportError(
        "jwtguard.relay needs the package limits: install jwtguard-middleware[relay]"
    ) from error

ADDRESS_SHARE = 10
"""One address may guess this many times as often as one user name from it."""
RETRY_STORE = 10.0
"""Seconds that a store which failed is left alone."""
STORE_TIMEOUT = 1.0
"""Seconds that a store in the network has for its answer."""
_NETWORK_STORES = ("redis", "valkey")


class _Clock(Protocol):
    def monotonic(self) -> float: ...


class Guesses:
    """Counts guesses in a moving window, in memory or in Redis.

    *emit* is told when the store fails. Raises ``ConfigurationError``.
    """

    def __init__(
        self, limit: str, storage: str, emit: Callable[..., None], clock: _Clock
    ) -> None:
        self._limit, self._address_limit = _limits(limit)
        self._shared = _window(storage)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._emit = emit
        self._clock = clock
        self._retry_at = clock.monotonic()

    def count(self, name: str, address: str) -> int:
        """Count one guess; return the seconds to wait, 0 if it may go on."""
        if self._clock.monotonic() >= self._retry_at:
            try:
                return self._count(self._shared, name, address)
            except Exception as error:  # noqa: BLE001  # each store has its own errors
                self._retry_at = self._clock.monotonic() + RETRY_STORE
                problem = type(error.__cause__ or error).__name__
                self._emit("limit_store_failed", problem=problem)
        return self._count(self._own, name, address)

    def _count(self, window: MovingWindowRateLimiter, name: str, address: str) -> int:
        caller = network_of(address)
        counted = (
            (self._limit, ("jwtguard", "user", _folded(name), caller)),
            (self._address_limit, ("jwtguard", "address", caller)),
        )
        # Who is over the limit of his address leaves no trace of further names.
        open_still = window.test(self._address_limit, "jwtguard", "address", caller)
        for limit, key in counted if open_still else counted[1:]:
            if not window.hit(limit, *key):
                reset = window.get_window_stats(limit, *key).reset_time
                return max(1, int(reset - time.time()) + 1)
        return 0


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


def _folded(name: str) -> str:
    """One key for all spellings that a token server may take for one user name.

    Hashed: a store that others can read need not know who signs in.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    folded = "".join(unicodedata.normalize("NFKC", plain).split())
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()


def _limits(text: str) -> tuple[RateLimitItem, RateLimitItem]:
    try:
        (limit,) = parse_many(text)
        if limit.amount < 1 or limit.multiples < 1:
            raise ValueError
    except ValueError:
        raise ConfigurationError(
            f"relay_limit: {text!r}: write a number and a span of time, as in 5/minute"
        ) from None
    return limit, type(limit)(limit.amount * ADDRESS_SHARE, limit.multiples)


def _window(storage: str) -> MovingWindowRateLimiter:
    """Connect to nothing yet. No message repeats *storage*: it may hold a password."""
    scheme = storage.partition(":")[0]
    options: dict[str, Any] = {"wrap_exceptions": True}
    if scheme.startswith(_NETWORK_STORES):
        options["socket_timeout"] = options["socket_connect_timeout"] = STORE_TIMEOUT
    try:
        return MovingWindowRateLimiter(storage_from_string(storage, **options))
    except NoStorageError as error:
        problem = "no store of this kind"
        if not str(error).startswith("unknown"):
            problem = f"{scheme}:// needs a package that is missing"
            if scheme.startswith("redis"):
                problem += ": install jwtguard-middleware[relay]"
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        problem = f"this store cannot be used ({type(error).__name__})"
    raise ConfigurationError(
        f"relay_limit_storage: {problem}; write memory:// or redis://host:6379"
    )
