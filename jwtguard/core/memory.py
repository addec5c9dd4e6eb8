"""Verified tokens, remembered: under their SHA-256, and never the token itself.

A token gets in here only after every check; its times and the key that verified it are
looked at again on each use.
"""

from __future__ import annotations

from hashlib import sha256
from threading import Lock

from cachetools import LRUCache

from .jwk import KeySet
from .keys import KeyCache
from .messages import Facts


class Remembered:
    """What one verified token said, and which key verified it."""

    __slots__ = ("cache", "facts", "issued_at", "keys", "not_before", "signed_with")

    def __init__(
        self,
        facts: Facts,
        not_before: float,
        issued_at: float,
        cache: KeyCache,
        keys: KeySet,
        signed_with: tuple[bytes, str],
    ) -> None:
        self.facts = facts
        self.not_before = not_before
        self.issued_at = issued_at
        self.cache = cache
        self.keys = keys
        """The set that last held the key: the same object needs no second look."""
        self.signed_with = signed_with
        """The key's material, and the algorithm of the signature."""


Seen = tuple[str, bytes, Remembered | None]
"""A token, the name that it goes by in the memory, and what is known of it."""


class Memory:
    """A bounded number of remembered tokens; the one used longest ago goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: a lock of the parent's may have been held."""
        self._lock = Lock()
        self._tokens: LRUCache[bytes, Remembered] = LRUCache(self._size)

    def get(self, token: str) -> Seen:
        """Return what is known of *token*.

        Its name is empty if nothing will be remembered under it.
        """
        if not self._size or not token.isascii():
            return token, b"", None
        digest = sha256(token.encode()).digest()
        with self._lock:
            try:
                return token, digest, self._tokens[digest]
            except KeyError:  # cheaper than ``get``, which looks twice
                return token, digest, None

    def put(self, digest: bytes, entry: Remembered) -> None:
        """Remember a token that has passed every check, under its name."""
        if digest:
            with self._lock:
                self._tokens[digest] = entry
