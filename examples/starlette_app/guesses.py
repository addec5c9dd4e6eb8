"""RFC 6749 section 4.3.2: nobody may try out passwords on this form either.

Counted by name and address, and by address: by name alone, anyone could lock anyone
out. One process counts for itself, in bounded memory.
"""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from cachetools import TTLCache

SECONDS = 60
PER_NAME = 5
PER_ADDRESS = 50
MOST = 20_000
"""Counters kept at once; beyond that, the oldest are forgotten."""

Key = tuple[str, str, int]


class TooManyGuessesError(Exception):
    """No more guesses for now; ``seconds`` says for how long."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many guesses; wait {seconds} s")
        self.seconds = seconds


class Guesses:
    """Counts wrong passwords in spans of a minute."""

    def __init__(
        self, timer: Callable[[], float] = time.monotonic, most: int = MOST
    ) -> None:
        self._timer = timer
        self._counts: TTLCache[Key, int] = TTLCache(most, SECONDS, timer)

    @property
    def kept(self) -> int:
        """How many counters there are."""
        return len(self._counts)

    def claim(self, name: str, address: str) -> tuple[Key, ...]:
        """Count one guess before it is made; raise ``TooManyGuessesError``.

        Counted afterwards, any number of guesses made at the same time would pass.
        """
        span, passed = divmod(self._timer(), SECONDS)
        caller = network_of(address)
        limits = {
            (folded(name), caller, int(span)): PER_NAME,
            ("", caller, int(span)): PER_ADDRESS,
        }
        if any(self._counts.get(key, 0) >= most for key, most in limits.items()):
            raise TooManyGuessesError(max(1, round(SECONDS - passed)))
        for key in limits:
            self._counts[key] = self._counts.get(key, 0) + 1
        return tuple(limits)

    def give_back(self, claimed: tuple[Key, ...]) -> None:
        """Forget a guess that was none: the password was right, or nobody looked."""
        for key in claimed:
            left = self._counts.pop(key, 1) - 1
            if left > 0:
                self._counts[key] = left


def folded(name: str) -> str:
    """One key for all spellings that a token server may take for one name.

    Accents, case, white space and invisible characters do not count. Hashed, so that a
    long name takes no more room than a short one.
    """
    plain = unicodedata.normalize(
        "NFKD", unicodedata.normalize("NFKC", name).casefold()
    )
    kept = (one for one in plain if unicodedata.category(one)[0] not in "CMZ")
    return hashlib.sha256("".join(kept).encode(errors="surrogatepass")).hexdigest()


def network_of(address: str) -> str:
    """Return an IPv4 address, or the 64 bits of IPv6 that one subscriber has."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""  # a Unix socket: all that come through it count as one
    found = getattr(found, "ipv4_mapped", None) or found
    if found.version == 4:
        return str(found)
    return str(ip_network(f"{found}/64", strict=False))
