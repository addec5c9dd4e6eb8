"""Refreshing a session from several tabs and workers, with slow or failing issuers.

A refresh token is redeemed once, by one flight in a process and under one lease across
processes. Requests that still have the old cookie get the same new tokens.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple

from ...errors import AuthError
from ..model.effects import (
    Ask,
    FetchFailedError,
    Flight,
    Remove,
    Save,
    StateUnavailableError,
    UnusableAnswerError,
)
from ..model.lease import LEASE, found_or_leased
from ..verify.jose import parse
from ..verify.keys import Emit
from .cookies import TooLongError
from .record import Session
from .stores import Held, Store, generation_name
from .token_answers import GrantDeniedError, Granted, expiry
from .token_server import RETRY, TokenServer

TIMEOUT = 30.0
"""Seconds to wait for the issuer: giving up early would lose the issued tokens."""
PATIENCE = 35.0
"""Seconds that a request waits for a refresh."""
ENDED_FOR = 60.0
"""Seconds for which a session that the issuer has ended is not refreshed again."""
MOST = 4096
"""Refreshes that a process remembers."""


class Ended(NamedTuple):
    """The issuer does not refresh this session any more."""

    problem: str


class Failed(NamedTuple):
    """The refresh failed for now; the session continues."""

    problem: str


Outcome = Held | Ended | Failed


class Rules(NamedTuple):
    """What a refresh needs from the policy and the guard."""

    store: Store
    server: TokenServer
    grace: float
    is_ended: Callable[[Session], bool]
    """Whether the session was ended meanwhile."""
    problem_of: Callable[[Session], Generator[Ask, Any, str]]
    """Why its access token is refused here; empty if it is valid."""
    now: Callable[[], float]
    monotonic: Callable[[], float]
    emit: Emit


class Renewal:
    """One refresh of one generation, with its flight and its outcome."""

    def __init__(self, rules: Rules, name: str, held: Held) -> None:
        self.outcome: Outcome | None = None
        self.ended_at = 0.0
        self.flight = Flight(
            self, rules.monotonic(), patience=PATIENCE, limit=PATIENCE + TIMEOUT
        )
        self._rules = rules
        self._name = name
        self._held = held
        self._lease = "session-lease:" + generation_name(name, held.session)

    def is_current(self, now: float) -> bool:
        """Whether this refresh still counts, so that another one need not start."""
        if self.outcome is None:  # do not wait for a lost thread
            return now - self.flight.claimed_at < 2 * (PATIENCE + TIMEOUT)
        lasting = {Held: self._rules.grace, Ended: ENDED_FOR, Failed: RETRY}
        return now - self.ended_at < lasting[type(self.outcome)]

    def fail(self, _flight: Flight, problem: str) -> None:
        """Record that the flight failed, unless it has an outcome."""
        if self.outcome is None:
            self._settle(Failed(problem))

    def _settle(self, outcome: Outcome) -> None:
        rules = self._rules
        self.ended_at = rules.monotonic()
        self.outcome = outcome
        issuer = self._held.session.issuer
        if isinstance(outcome, Held):
            if outcome.session.access != self._held.session.access:
                rules.emit("session_refreshed", issuer=issuer)
        elif isinstance(outcome, Ended):
            rules.emit("session_ended", issuer=issuer, problem=outcome.problem)
        else:
            rules.emit("session_refresh_failed", issuer=issuer, problem=outcome.problem)

    # What follows runs in the flight's thread.

    def refresh(self, _flight: Flight) -> Generator[Ask, Any, None]:
        """Get the lease, redeem the refresh token, and store the new tokens."""
        alone = False
        try:
            found = yield from self._under_lease()
        except StateUnavailableError as error:
            if self._held.key:  # the record could not be replaced either
                self._settle(Failed(f"the shared state: {error}"))
                return
            found, alone = None, True
        except FetchFailedError as error:
            self._settle(Failed(str(error)))
            return
        self._settle(found or (yield from self._redeemed(alone)))
        if not alone:
            yield Remove(self._lease)

    def _under_lease(self) -> Generator[Ask, Any, Held | None]:
        """Return what another process has stored, or None with the lease."""
        return (yield from found_or_leased(self._lease, self._newer, PATIENCE))

    def _newer(self) -> Generator[Ask, Any, Held | None]:
        return (yield from self._rules.store.newer(self._name, self._held))

    def _redeemed(self, alone: bool) -> Generator[Ask, Any, Outcome]:
        rules, old = self._rules, self._held.session
        form = {"grant_type": "refresh_token", "refresh_token": old.refresh or ""}
        lease = None if alone else Save(self._lease, b"", LEASE)
        try:
            granted = yield from rules.server.grant(form, TIMEOUT, lease=lease)
            new = self._session_of(granted)
        except GrantDeniedError:
            return (yield from self._kept_by_others()) or Ended("invalid_grant")
        except FetchFailedError as error:
            return Failed(str(error))
        if rules.is_ended(old):  # somebody signed out while the issuer answered
            yield from rules.server.revoke(new.refresh or "")
            return Ended("revoked")
        problem = yield from rules.problem_of(new)
        if problem:  # keep the old access token; its refresh token is used
            said = f"its token is refused here: {problem}"
            rules.emit("session_refresh_failed", issuer=old.issuer, problem=said)
            new = replace(new, access=old.access, access_ends=old.access_ends)
        try:
            return (yield from rules.store.keep(self._name, self._held, new))
        except TooLongError as error:
            return Ended(f"too long for two cookies: {error} characters")

    def _kept_by_others(self) -> Generator[Ask, Any, Held | None]:
        """Look again: another process may have redeemed the token first."""
        try:
            return (yield from self._newer())
        except StateUnavailableError:
            return None

    def _session_of(self, granted: Granted) -> Session:
        """Return the next generation, with a token that is not verified yet.

        Raises ``UnusableAnswerError`` for a token of another user or issuer.
        """
        old, now = self._held.session, self._rules.now()
        try:
            claims, before = parse(granted.access).claims, parse(old.access).claims
        except AuthError as error:
            raise UnusableAnswerError(f"the access token is {error.reason}") from None
        ends = expiry(claims)
        same = all(claims.get(name) == before.get(name) for name in ("iss", "sub"))
        if ends is None or not same:
            raise UnusableAnswerError("the access token is for another session")
        return replace(
            old,
            generation=old.generation + 1,
            access=granted.access,
            refresh=granted.refresh or old.refresh,
            obtained_at=now,
            access_ends=ends,
        )


class Renewals:
    """The refreshes in one process, one for each generation of a session."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.after_fork()

    def after_fork(self) -> None:
        """Forget all refreshes, whose threads belong to the parent process."""
        self._lock = Lock()
        self._known: OrderedDict[str, Renewal] = OrderedDict()

    def join(self, name: str, held: Held) -> tuple[Renewal, bool]:
        """Return the refresh of *held*, and whether the caller has to start it."""
        key, now = generation_name(name, held.session), self._rules.monotonic()
        with self._lock:
            known = self._known.get(key)
            if known is not None and known.is_current(now):
                return known, False
            made = self._known[key] = Renewal(self._rules, name, held)
            self._known.move_to_end(key)
            self._drop_old(now)
            return made, True

    def known(self, name: str, held: Held) -> Held | None:
        """Return the session that *held* was recently refreshed to in this process."""
        with self._lock:
            found = self._known.get(generation_name(name, held.session))
        current = found is not None and found.is_current(self._rules.monotonic())
        outcome = found.outcome if found is not None and current else None
        return outcome if isinstance(outcome, Held) else None

    def _drop_old(self, now: float) -> None:
        """Drop outdated refreshes, and the oldest above ``MOST``."""
        for key in [k for k, _ in zip(self._known, range(2), strict=False)]:
            if not self._known[key].is_current(now):
                del self._known[key]
        while len(self._known) > MOST:
            self._known.popitem(last=False)
