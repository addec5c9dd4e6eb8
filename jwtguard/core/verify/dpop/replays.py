"""RFC 9449 section 11.1: a proof is good once.

A hash of key and ``jti`` is remembered of it, in this process or in the shared state.
By ``jti`` alone, one client could use up the proofs of another.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator
from hashlib import sha256
from threading import Lock
from typing import Any

from ....errors import InvalidProofError, ReplaysUnavailableError
from ...model.effects import Ask, Claim, Load, StateUnavailableError, ask_state
from ...model.policy import Policy
from ..keys import Emit

PER_KEY = 5000
"""Proofs of one key in one generation, so that one client cannot fill the memory."""
QUIET = 60.0
"""Seconds between two events about proofs that were not compared."""


class Replays:
    """Refuses a proof that was seen before.

    *longest* is how many seconds a proof is good, at most; *shared*: other processes
    may see it, too.
    """

    def __init__(
        self,
        policy: Policy,
        monotonic: Callable[[], float],
        emit: Emit,
        *,
        longest: float,
        shared: bool,
    ) -> None:
        self._limit = policy.dpop_replays
        self._allow = policy.dpop_replay_outage == "allow"
        self._leeway = policy.leeway
        self.shared = shared
        self._monotonic = monotonic
        self._emit = emit
        self.memory = ReplayMemory(policy.dpop_replays, longest, monotonic)
        self._told: float | None = None

    def claim(
        self, jkt: str, jti: str, seconds: float
    ) -> Generator[Ask, Any, None] | None:
        """Note a good proof for *seconds*; refuse it if it was noted before."""
        if not self._limit:
            return None
        digest = _digest(jkt, jti)
        if self.shared:
            return self._claim_shared(digest, seconds)
        try:
            new = self.memory.claim(jkt, digest)
        except ReplaysUnavailableError as error:
            self._pass_over(error.detail)
        else:
            _check(new)
        return None

    def _claim_shared(self, digest: bytes, seconds: float) -> Generator[Ask, Any, None]:
        # By another process's clock, the proof may be good for a little longer.
        kept = max(seconds + self._leeway, 1.0)
        try:
            new = yield from ask_state(Claim(_key(digest), kept))
        except StateUnavailableError as error:
            self._pass_over(str(error))
        else:
            _check(new)

    def find(self, jkt: str, jti: str) -> Generator[Ask, Any, bool]:
        """Return whether the shared state holds a proof, which is not used up by that.

        Raises ``StateUnavailableError``.
        """
        found = yield from ask_state(Load(_key(_digest(jkt, jti))))
        return found is not None

    def _pass_over(self, problem: str) -> None:
        """Let a proof pass that cannot be compared, if the policy says so."""
        if not self._allow:
            raise ReplaysUnavailableError(problem)
        now = self._monotonic()
        if self._told is None or now - self._told >= QUIET:
            self._told = now
            self._emit("dpop_replays_unchecked", problem=problem)


def _digest(jkt: str, jti: str) -> bytes:
    # Of fixed length, whatever the client writes: 16 bytes for each proof.
    return sha256(f"{jkt}\0{jti}".encode()).digest()[:16]


def _key(digest: bytes) -> str:
    return "dpop:" + urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check(new: bool) -> None:
    if not new:
        raise InvalidProofError("dpop_replayed")


class ReplayMemory:
    """At most *limit* proofs of this process, in two generations of *period* seconds.

    A proof is looked for in both and written to the newer one, so that it is kept for
    one period at least, and nothing has to be swept.
    """

    def __init__(
        self, limit: int, period: float, monotonic: Callable[[], float]
    ) -> None:
        self._half = max(1, limit // 2)
        self._period = period
        self._monotonic = monotonic
        self.after_fork()

    def after_fork(self) -> None:
        """Start empty: another thread of the parent may have held the lock."""
        self._lock = Lock()
        self._begun = self._monotonic()
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()
        self._by_key: dict[str, int] = {}

    def take_over(self, other: ReplayMemory) -> None:
        """Know what *other* knows, which is used no more."""
        with other._lock:
            self._new, self._old = other._new, other._old
            self._by_key, self._begun = other._by_key, other._begun

    def __len__(self) -> int:
        """Return how many proofs are held."""
        return len(self._new) + len(self._old)

    def claim(self, jkt: str, digest: bytes) -> bool:
        """Add *digest*, of a proof of the key *jkt*; return whether it was absent.

        Raises ``ReplaysUnavailableError`` if there is no room.
        """
        with self._lock:
            self._turn()
            if digest in self._new or digest in self._old:
                return False
            count = self._by_key.get(jkt, 0)
            # Refused, not forgotten: a proof that is dropped here could be repeated.
            if count >= PER_KEY:
                raise ReplaysUnavailableError("too many proofs of one key")
            if len(self._new) >= self._half:
                raise ReplaysUnavailableError("too many proofs")
            self._new.add(digest)
            self._by_key[jkt] = count + 1
            return True

    def _turn(self) -> None:
        """Begin a new generation when it is time, and drop the one before the last."""
        now = self._monotonic()
        elapsed = now - self._begun
        if elapsed < self._period:
            return
        # After a quiet time the last generation is too old as well.
        self._old = self._new if elapsed < 2 * self._period else set()
        self._new, self._by_key, self._begun = set(), {}, now
