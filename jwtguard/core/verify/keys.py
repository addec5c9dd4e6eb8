"""Which key, and when to ask for new ones (RFC 7517; OpenID Connect Core 10.1.1).

The state is one frozen snapshot, replaced whole: readers take it once and need no
lock. A request whose key is known never waits for a fetch, unless the keys are so old
that a withdrawal may have been missed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Generator, Sequence
from math import inf
from threading import Lock
from typing import Any, NamedTuple

from ...errors import AuthError, InvalidTokenError, KeysUnavailableError
from ..model.effects import (
    FETCH_TIMEOUT,
    Ask,
    Await,
    Exchange,
    FetchFailedError,
    Flight,
    Start,
)
from ..model.issuers import TrustedIssuer
from ..model.jwk import Key, KeySet
from ..model.jwk_set import parse_given
from .key_fetch import KeyFetch, Snapshot

DEADLINE = FETCH_TIMEOUT

Emit = Callable[..., None]
Wanted = Callable[[KeySet], Sequence[Key]]


class _Wait(NamedTuple):
    """The fetch that a request has waited for, if any."""

    flight: Flight | None
    own: bool
    """It began after the request had looked at the keys."""
    since: float


_NO_WAIT = _Wait(None, own=False, since=-inf)


class KeyCache:
    """The keys of one issuer.

    Ages and pauses are in seconds. ``emit`` is told what happens; ``jitter`` returns
    numbers from 0 to 1, so that a fleet does not fetch in step.
    """

    def __init__(
        self,
        issuer: TrustedIssuer,
        monotonic: Callable[[], float],
        *,
        max_age: float = 600,
        stale_for: float = 86400,
        cooldown: float = 10,
        http_hosts: Collection[str] = (),
        emit: Emit = lambda *_, **__: None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.issuer = issuer
        self.snapshot = Snapshot()
        self._monotonic = monotonic
        self._max_age = max_age
        self._cooldown = cooldown
        self._emit = emit
        self.fetch = KeyFetch(
            issuer=issuer,
            monotonic=monotonic,
            max_age=max_age,
            stale_for=stale_for,
            cooldown=cooldown,
            http_hosts=http_hosts,
            jitter=jitter,
        )
        self.after_fork()
        if issuer.keys is not None:
            self.snapshot = Snapshot(
                parse_given(issuer.keys), refresh_at=inf, stale_until=inf, retry_at=inf
            )

    def after_fork(self) -> None:
        """Reset the fetch state: the parent's threads do not exist after a fork."""
        self._lock = Lock()
        self._flight: Flight | None = None
        self._cooled_at = -inf

    def at_hand(self) -> KeySet | None:
        """Return the keys, if they are not due; None: there is more to do, ``find``."""
        snapshot = self.snapshot
        # Due keys are left to the full flow, which also starts the refresh.
        return snapshot.key_set if self._monotonic() < snapshot.refresh_at else None

    def find(self, wanted: Wanted) -> Generator[Ask, None, Sequence[Key]]:
        """Return the keys that *wanted* picks; raise if there are none.

        Raises ``InvalidTokenError`` if the issuer does not publish such a key, and
        ``KeysUnavailableError`` if that cannot be known now.
        """
        snapshot, now = self.snapshot, self._monotonic()
        keys = snapshot.held(now)
        found = wanted(keys) if keys is not None else ()
        if not found:
            return (yield from self._ask_for(wanted))
        if now < snapshot.refresh_at:
            return found
        wait = yield from self._renew(snapshot, now)
        if self.snapshot.key_set is snapshot.key_set:
            return found
        return (yield from self._ask_for(wanted, wait))

    def _renew(self, snapshot: Snapshot, now: float) -> Generator[Ask, None, _Wait]:
        """Refresh in the background, or first if the worker was idle for long."""
        flight, new = self._claim(snapshot, now)
        if flight is None:
            return _NO_WAIT
        if new:
            self._emit_stale(snapshot, now)
            yield Start(flight)
        # A laptop or pod that slept missed what happened: the fetch comes first.
        if now - snapshot.fetched_at <= 2 * self._max_age or snapshot.failures:
            return _NO_WAIT
        yield Await(flight)
        return _Wait(flight, own=new, since=now)

    def _emit_stale(self, snapshot: Snapshot, now: float) -> None:
        if snapshot.failures:
            age = now - snapshot.fetched_at
            self._emit("serving_stale", issuer=self.issuer.url, age=age)

    def _ask_for(
        self, wanted: Wanted, wait: _Wait = _NO_WAIT
    ) -> Generator[Ask, None, Sequence[Key]]:
        """Fetch, or join the fetch under way, and look again; wait once at most."""
        while True:
            snapshot, now = self.snapshot, self._monotonic()
            keys = snapshot.held(now)
            found = wanted(keys) if keys is not None else ()
            if found:
                return found
            if wait.flight is not None:
                break
            unknown = keys is not None
            flight, own = self._claim(snapshot, now, unknown=unknown, joinable=unknown)
            if flight is not None:
                wait = _Wait(flight, own=own, since=now)
                yield from self._join(flight, own=own, unknown=unknown)
            elif self.snapshot is snapshot:  # else one ended meanwhile
                break
        if wait.flight is not None and not wait.own and not snapshot.failures:
            return (yield from self._ask_once_more(wanted, wait, snapshot))
        self._spend_cooldown(wait.since)
        raise self._not_found(wait)

    def _join(
        self, flight: Flight, *, own: bool, unknown: bool
    ) -> Generator[Ask, None, None]:
        if own and unknown:
            self._emit("unknown_kid", issuer=self.issuer.url)
        if own:
            yield Start(flight)
        yield Await(flight)

    def _ask_once_more(
        self, wanted: Wanted, wait: _Wait, snapshot: Snapshot
    ) -> Generator[Ask, None, Sequence[Key]]:
        """Fetch in the background: the joined fetch may have begun before a rotation.

        No request waits for it, so a token blocks a thread once per cooldown at most.
        """
        now = self._monotonic()
        flight, new = self._claim(snapshot, now, unknown=True)
        self._spend_cooldown(wait.since)
        if flight is not None and new:
            self._emit("unknown_kid", issuer=self.issuer.url)
            yield Start(flight)
        keys = self.snapshot.held(now)
        found = wanted(keys) if keys is not None else ()
        if found:
            return found
        raise self._not_found(_NO_WAIT)

    def _spend_cooldown(self, since: float) -> None:
        """A request that waited in vain has used the one fetch of this cooldown."""
        with self._lock:
            # Otherwise one made-up `kid` after the other could hold a thread for the
            # whole fetch.
            self._cooled_at = max(self._cooled_at, since + self._cooldown)

    def _not_found(self, wait: _Wait) -> AuthError:
        """Raise 401 if the key is known not to exist; 503 if that is not known yet."""
        snapshot, now = self.snapshot, self._monotonic()
        late = wait.flight is not None and not wait.flight.done.done()
        pending = not wait.own and self._flight is not None
        if snapshot.held(now) and not snapshot.failures and not late and not pending:
            return InvalidTokenError("unknown_key")
        # 503 and not 401: a client that is told its token is invalid signs in again,
        # and that would fail as well.
        return KeysUnavailableError(retry_after=max(1.0, snapshot.retry_at - now))

    def _claim(
        self,
        seen: Snapshot,
        now: float,
        *,
        unknown: bool = False,
        joinable: bool = False,
    ) -> tuple[Flight | None, bool]:
        """Join the fetch under way, or take the right to begin one (then True).

        *seen* is what the caller decided by: if it was replaced meanwhile, the caller
        had better look again. The cooldown is spent here, before the fetch and whatever
        its outcome; until it ends, an unknown key joins only the fetch that spent it.
        """
        self._give_up_lost(now)
        with self._lock:
            cooling = unknown and now < self._cooled_at
            if self._flight is not None:
                open_to_us = self._flight.joinable if cooling else True
                return (self._flight if open_to_us else None), False
            if self.snapshot is not seen or now < seen.retry_at or cooling:
                return None, False
            if unknown:
                # Before the outcome is known: made-up key ids must cost one fetch also
                # if the fetch fails.
                self._cooled_at = now + self._cooldown
            self._flight = Flight(self, now, joinable=joinable)
            return self._flight, True

    def _give_up_lost(self, now: float) -> None:
        """Count a fetch begun long ago as failed, even if its thread still runs."""
        flight = self._flight
        # A hung thread (a DNS lookup has no time limit) must not block all fetches for
        # ever.
        if flight is not None and now - flight.claimed_at >= 2 * DEADLINE:
            self.fail(flight, "timed out without a response", since=flight.claimed_at)

    # What follows runs in the fetching thread.

    def refresh(self, flight: Flight) -> Generator[Exchange, Any, None]:
        """Fetch and store; a failure is stored too, beside the keys we have."""
        before = self.snapshot
        try:
            event, keys, snapshot = yield from self.fetch.obtain(before)
        except (FetchFailedError, ValueError) as error:
            self.fail(flight, str(error))
            return
        if not self._settle(flight, snapshot):
            return
        self._emit(
            event,
            issuer=self.issuer.url,
            keys=len(keys.keys),
            skipped=keys.skipped,
        )

    def fail(self, flight: Flight, problem: str, *, since: float | None = None) -> None:
        """Note that *flight* failed; wait longer after each failure.

        The pause counts from *since*: now, unless something else is given.
        """
        failed = self.fetch.failed(self.snapshot, problem, since)
        if self._settle(flight, failed):
            self._emit("fetch_failed", issuer=self.issuer.url, problem=problem)

    def _settle(self, flight: Flight, snapshot: Snapshot) -> bool:
        with self._lock:
            if self._flight is not flight:  # it was given up as lost
                return False
            self.snapshot, self._flight = snapshot, None
            return True
