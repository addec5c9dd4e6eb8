"""The gates that a token passes on each use, whether it is new or known.

Its times (RFC 7519 section 4.1), its key, which has to be published still, the
revocations, and who brings it. A signature is checked once; what may change since then
is checked here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from math import inf
from typing import Any

from ...errors import InvalidTokenError
from ..extract.credentials import BEARER, Credentials
from ..extract.wire import Wire
from ..model.effects import Ask, CatchUp
from ..model.facts import Facts
from .claim_times import time_error
from .dpop.binding import Binding
from .entries import marks_of
from .revocations import Found, Revocations
from .signatures import publishing
from .token_cache import CachedToken, Signed
from .unmatched import Unmatched

Gate = Callable[
    [CachedToken, Credentials, Wire | None], Generator[Ask, Any, None] | None
]
"""What a token passes each time it is used, new or known.

It raises ``InvalidTokenError``, or returns what is left to do if it needs the outside.
"""


class Gates(list[Gate]):
    """The gates of one policy, in the order in which a token passes them."""

    def __init__(
        self,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        leeway: float,
        revocations: Revocations,
        unmatched: Unmatched,
        binding: Binding,
    ) -> None:
        # What a proof costs and leaves behind is for good tokens only: it comes last.
        super().__init__(
            (self.check_times, self.check_key, self.check_revoked, self.check_binding)
        )
        self._now = now
        self._monotonic = monotonic
        self._leeway = float(leeway)  # two floats are subtracted without a detour
        self._verified_at = -inf
        """The latest time at which a token was verified."""
        self._revocations = revocations
        self._unmatched = unmatched
        self._binding = binding

    def check(
        self, known: CachedToken, shown: Credentials, wire: Wire | None
    ) -> Generator[Ask, Any, None]:
        """Pass all gates, or raise ``InvalidTokenError``."""
        for gate in self:
            rest = gate(known, shown, wire)
            if rest is not None:
                yield from rest

    def check_at_once(
        self, known: CachedToken, shown: Credentials, wire: Wire | None
    ) -> CachedToken | None:
        """Return *known* if it passes all gates, or None if one needs the outside."""
        for gate in self:
            if gate(known, shown, wire) is not None:
                return None
        return known

    def check_times(
        self, known: CachedToken, _shown: Credentials, _wire: Wire | None
    ) -> None:
        """Refuse a token outside its validity period (RFC 7519 section 4.1)."""
        now = self._now()
        # It had begun when it was verified. Unless the clock was set back since, only
        # its end is left to check.
        if now < self._verified_at or known.facts.expires_at <= now - self._leeway:
            self._check_all_times(known.facts, now)

    def note_verified(self, now: float) -> None:
        """Note that a token was verified at *now*: all that are cached had begun."""
        self._verified_at = max(self._verified_at, now)

    def _check_all_times(self, facts: Facts, now: float) -> None:
        claims = json.loads(facts.payload)
        nbf, iat = claims.get("nbf", -inf), claims.get("iat", -inf)
        reason = time_error(facts.expires_at, nbf, iat, now, self._leeway)
        if reason:
            raise InvalidTokenError(reason)

    def check_key(
        self, known: CachedToken, _shown: Credentials, _wire: Wire | None
    ) -> Generator[Ask, Any, None] | None:
        """Refuse a token whose key is no longer published."""
        signed = known.signed
        snapshot = signed.cache.snapshot
        # Identity: this very set was looked at before, and a refresh without news keeps
        # it.
        if (
            snapshot.key_set is signed.key_set
            and self._monotonic() < snapshot.refresh_at
        ):
            return None
        return self._recheck_key(signed)

    def _recheck_key(self, signed: Signed) -> Generator[Ask, Any, None]:
        cache, signed_with = signed.cache, signed.signed_with
        yield from cache.find(lambda held: publishing(signed_with, held))
        held = cache.snapshot.key_set
        if held is not None and signed_with in held.published:
            signed.key_set = held

    def check_revoked(
        self, known: CachedToken, shown: Credentials, _wire: Wire | None
    ) -> Generator[Ask, Any, None] | None:
        """Refuse a token that was revoked; each new entry costs one more look."""
        revoked = self._revocations
        # Two numbers compared for each request; the list is searched once for each new
        # entry.
        if known.generation == revoked.generation:
            return None
        return (
            self._look_up(known, shown) if revoked.ready else self._read(known, shown)
        )

    def check_binding(
        self, known: CachedToken, shown: Credentials, wire: Wire | None
    ) -> Generator[Ask, Any, None] | None:
        """Refuse a bound token whose sender does not prove that it is theirs."""
        if known.bound is None and shown.scheme == BEARER:
            return None
        return self._binding.check(known.facts, shown, wire, known.bound or b"")

    def _read(
        self, known: CachedToken, shown: Credentials
    ) -> Generator[Ask, Any, None]:
        """Look at a token when what others revoked has been read, or cannot be now."""
        yield CatchUp()
        rest = self._look_up(known, shown)
        if rest is not None:
            yield from rest

    def _look_up(
        self, known: CachedToken, shown: Credentials
    ) -> Generator[Ask, Any, None] | None:
        if known.revoked:
            raise InvalidTokenError(known.revoked)
        generation = self._revocations.generation  # before the look: more may come
        marks = marks_of(known.facts, shown.token)
        found = self._revocations.find(marks)
        self._unmatched.tell()
        if found.reason:
            known.revoked = found.reason
            self._unmatched.note(found.entry)
            raise InvalidTokenError(found.reason)
        if found.unsure:
            return self._make_sure(known, found, marks.issued_at, generation)
        known.generation = generation
        return None

    def _make_sure(
        self,
        known: CachedToken,
        found: Found,
        issued_at: float | None,
        generation: int,
    ) -> Generator[Ask, Any, None]:
        """Ask the shared state for entries that were packed; alone, believe them."""
        sure = yield from self._revocations.make_sure(found, issued_at)
        if sure.reason:
            if not sure.unsure:  # else it is refused for now
                known.revoked = sure.reason
                self._unmatched.note(sure.entry)
            raise InvalidTokenError(sure.reason)
        known.generation = generation
