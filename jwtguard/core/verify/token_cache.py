"""Cached facts of verified tokens, keyed by SHA-256; the token is never stored.

A token gets in here only after every check; its times and the key that verified it are
looked at again on each use.
"""

from __future__ import annotations

import json
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

from ..model.facts import Facts
from ..model.jwk import KeySet
from .entries import Entry
from .keys import KeyCache


class Signed:
    """The key and the algorithm of a signature, for all tokens that they signed."""

    __slots__ = ("cache", "key_set", "signed_with")

    def __init__(
        self, cache: KeyCache, key_set: KeySet | None, signed_with: tuple[bytes, str]
    ) -> None:
        self.cache = cache
        self.key_set = key_set
        """The set that last held the key: the same object needs no second look.

        None: the key was withdrawn while the token was verified.
        """
        self.signed_with = signed_with
        """The key's material, and the algorithm of the signature."""


class Live(NamedTuple):
    """When the issuer is asked about a token again (RFC 7662)."""

    until: float
    """So long its last answer is believed, in monotonic seconds."""
    everywhere: bool = True
    """False: only on the paths where it is asked about all tokens."""


class CachedToken:
    """The facts of one verified token, and the key that verified it."""

    __slots__ = (
        "bound", "facts", "generation", "live", "revoked", "signed", "used",
    )  # fmt: skip

    def __init__(
        self,
        facts: Facts,
        signed: Signed,
        *,
        bearer: bool = True,
    ) -> None:
        self.facts = facts
        self.signed = signed
        self.bound = None if bearer else b""
        """None: whoever holds the token may use it; no key or certificate is needed.

        Else its SHA-256, once it is cached by that.
        """
        self.generation = 0
        """That of the list of revocations when the token was last looked for in it."""
        self.revoked = ""
        """Why the token is refused, once it was found there."""
        self.live: Live | None = None
        """When the issuer is asked about it again; None: it is not asked."""
        self.used = False
        """Whether it was looked up since it was cached, or was last spared."""

    def take(self, other: CachedToken) -> None:
        """Take over what the issuer has said of the same token since."""
        for name in ("facts", "bound", "live"):
            setattr(self, name, getattr(other, name))
        self.generation = 0  # it may name another session now


class TokenCache:
    """A bounded cache of verified tokens; those that are used again stay longest."""

    def __init__(self, size: int) -> None:
        self._size = size
        # A dict finds its oldest entry by walking over all that were deleted before it,
        # so a few are evicted at once.
        self._spare = 1 + size // 64
        self.after_fork()

    def after_fork(self) -> None:
        """Start empty: another thread of the parent may have held the lock."""
        self._lock = Lock()
        self._tokens: dict[bytes, CachedToken] = {}

    @property
    def never_used(self) -> bool:
        """Whether no token was verified in this process, as far as that is kept."""
        return bool(self._size) and not self._tokens

    def get(self, token: str) -> tuple[bytes, CachedToken | None]:
        """Return the key of *token* and its entry, if it is cached.

        The key is empty if the token cannot be cached.
        """
        if not self._size or not token.isascii():
            return b"", None
        # 32 bytes in place of a KB, and no token can be read out of the cache.
        digest = sha256(token.encode()).digest()
        known = self._tokens.get(digest)
        if known is not None:
            known.used = True
        return digest, known

    def holds(self, entry: Entry) -> bool:
        """Whether *entry* hits a token that is cached."""
        with self._lock:
            tokens = list(self._tokens.values())
        for token in tokens:
            facts = token.facts
            value = facts.sid if entry.kind == "sid" else facts.sub
            if value == entry.value and facts.issuer == entry.issuer:
                issued_at = json.loads(facts.payload).get("iat")
                if entry.hits(issued_at):
                    return True
        return False

    def put(self, digest: bytes, entry: CachedToken) -> None:
        """Store a token that has passed every check, unless its key is withdrawn."""
        if digest and entry.signed.key_set is not None:
            if entry.bound is not None:
                entry.bound = digest
            with self._lock:
                if len(self._tokens) >= self._size and digest not in self._tokens:
                    self._evict()
                self._tokens[digest] = entry

    def _evict(self) -> None:
        """Make room: the oldest tokens go, but those used since are spared once."""
        tokens, most = self._tokens, self._size - self._spare
        while len(tokens) > most:
            oldest = [one for one, _ in zip(tokens, range(self._spare), strict=False)]
            for digest in oldest:
                known = tokens.pop(digest)
                if known.used:
                    known.used = False
                    tokens[digest] = known
