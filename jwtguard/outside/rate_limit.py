"""RFC 6749 section 4.3.2: passwords are not to be tried out; guesses are counted here.

Counted by user name and address, and by address: by name alone, anyone could lock
anyone out. A guess is counted before it is made, and taken back if the password was
right. A shared store that is out of reach opens nothing and locks nobody out: until it
is back, each process counts for itself.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from limits import RateLimitItem, parse_many
from limits.errors import ConfigurationError as NoStorageError
from limits.storage import storage_from_string

from ..core.model.effects import CountedGuess
from ..errors import ConfigurationError
from .guess_stores import MemoryStore, RedisStore

ADDRESS_SHARE = 10
"""One address may guess this many times as often as one user name from it."""
RETRY_STORE = 10.0
"""Seconds that a store which failed is left alone."""
STORE_TIMEOUT = 1.0
"""Seconds that a store in the network has for its answer."""
_NETWORK_STORES = ("redis", "valkey")


class RateLimiter:
    """Counts password guesses in a moving window, in memory or in Redis.

    *storage* None means *state*, if that can run a script, as Redis can; else memory.
    *emit* is told when the store fails; *monotonic* returns seconds. Raises
    ``ConfigurationError``.
    """

    def __init__(
        self,
        limit: str,
        storage: str | None,
        emit: Callable[..., None],
        monotonic: Callable[[], float],
        state: object = None,
        prefix: str = "jwtguard",
    ) -> None:
        item = _limit(limit)
        span = float(item.get_expiry())
        # Many people share an address behind NAT, so it gets ten times as much.
        amounts = (item.amount * ADDRESS_SHARE, item.amount)
        script = (
            getattr(state, "script", None) if storage is None else _script_of(storage)
        )
        self._shared = RedisStore(script, span, amounts) if script else None
        self._own = MemoryStore(span, amounts, monotonic)
        self._prefix = prefix
        self._emit = emit
        self._monotonic = monotonic
        self._retry_at = monotonic()

    def claim(self, name: str, address: str) -> CountedGuess:
        """Count one guess, unless it is one too many: then ``wait`` says how long."""
        network = network_of(address)
        # The braces put both keys of a caller into one slot: a script in a Redis
        # cluster needs that.
        key = f"{self._prefix}:{{{network}}}"
        keys = (key, f"{key}:{_folded(name)}")
        if self._shared is not None and self._monotonic() >= self._retry_at:
            try:
                return self._shared.claim(keys)
            except Exception as error:  # noqa: BLE001  # each store has its own errors
                self._failed(error)
        return self._own.claim(keys)

    def give_back(self, guess: CountedGuess) -> None:
        """Take a guess back where it was counted."""
        if not guess.shared:
            self._own.give_back(guess)
        elif self._shared is not None and self._monotonic() >= self._retry_at:
            try:
                self._shared.give_back(guess)
            except Exception as error:  # noqa: BLE001  # as above
                self._failed(error)

    def after_fork(self) -> None:
        """Open the lock that another thread of the parent process may have held."""
        self._own.after_fork()

    def _failed(self, error: Exception) -> None:
        # Otherwise each sign-in would wait for the timeout of a store that is down.
        self._retry_at = self._monotonic() + RETRY_STORE
        # The name of the class only: the message may hold the URL, password included.
        problem = type(error.__cause__ or error).__name__
        self._emit("limit_store_failed", problem=problem)


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
    # Twice, because casefold can make new letters that decompose again.
    plain = unicodedata.normalize("NFKD", plain).translate(_LOOK_ALIKE)
    letters = "".join(
        letter
        for letter in plain.translate(_INVISIBLE)
        if unicodedata.category(letter)[0] not in "CMZ"
    )
    return hashlib.sha256(letters.encode()).hexdigest()


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
