"""The sessions of one policy: opened, refreshed, and checked on each use."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from math import floor
from typing import Any, NamedTuple

from ...errors import (
    AuthError,
    InvalidTokenError,
    IssuerUnavailableError,
    TokenTooLargeError,
)
from ..extract.credentials import Credentials
from ..extract.wire import Wire
from ..model.decision import Outbox
from ..model.effects import Ask, Await, CatchUp, Start, StateUnavailableError
from ..model.facts import Facts
from ..model.policy import Policy
from ..model.request import Request
from ..model.sealing import Sealer
from ..verify.claims import facts_of_issued
from ..verify.entries import Entry, Marks, marks_of
from ..verify.jose import parse
from ..verify.keys import Emit
from ..verify.revoking import Revoking
from ..verify.verifier import Verifier
from .cookie_store import CookieStore
from .cookies import SessionCookies, Shown
from .latest import Latest
from .record import Session, mark_of
from .refresh import Ended, Renewals, Rules
from .state_store import StateStore
from .stores import Held, Store
from .token_server import RETRY, TokenServer

_CHAIN = 5
"""Most generations that a request may be behind."""
_NEVER = 1e12
"""A time in seconds that is later than any revocation."""


class Visit(NamedTuple):
    """A request of a visitor who is signed in."""

    shown: Shown
    held: Held
    outbox: Outbox


class Sessions:
    """Opens the session of a request, and refreshes it when it is due.

    *random* returns a given number of random bytes.
    """

    def __init__(
        self,
        policy: Policy,
        verifier: Verifier,
        revoking: Revoking,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        random: Callable[[int], bytes],
    ) -> None:
        self.policy = policy
        self.cookies = SessionCookies(policy)
        self.server = TokenServer(policy, monotonic, emit)
        self.random, self.now, self.emit = random, now, emit
        site = json.dumps([self.server.issuer.url, policy.session_client])
        sealer = Sealer(policy.secrets, random, site)
        in_state = policy.session_store == "state"
        self.store: Store = (
            StateStore(sealer, random, now)
            if in_state
            else CookieStore(sealer, policy.session_grace)
        )
        self.revoking = revoking
        self._verifier = verifier
        self._latest = Latest()
        rules = Rules(
            self.store, self.server, policy.session_grace, self._is_ended,
            self._problem_of, now, monotonic, emit,
        )  # fmt: skip
        self._renewals = Renewals(rules)

    def after_fork(self) -> None:
        """Forget locks and flights of the parent process."""
        self.server.after_fork()
        self._renewals.after_fork()
        self._latest.after_fork()

    def find(self, request: Request, wire: Wire) -> Shown | None:
        """Return the session's cookies in *request*, without opening them."""
        return self.cookies.find(request, wire)

    def visit(self, shown: Shown, outbox: Outbox) -> Generator[Ask, Any, Visit]:
        """Open the session of the cookies *shown*, and refresh it if it is due.

        Its new cookie goes into *outbox*. Raises ``AuthError``.
        """
        if shown.too_long:  # a browser that keeps such a cookie could never come back
            outbox.put(self.cookies.cleared((shown.name, shown.secure)))
        opened = yield from self.opened(shown)
        held = yield from self._refreshed(shown.name, opened)
        if held.session.generation > opened.session.generation:
            self._latest.note(held.session)
            if held.text:
                self._put(shown, held, outbox)
        return Visit(shown, held, outbox)

    def opened(self, shown: Shown) -> Generator[Ask, Any, Held]:
        """Return the session of *shown* without a refresh; raise ``AuthError``."""
        if shown.too_long:
            raise TokenTooLargeError("session_too_long")
        try:
            held = yield from self.store.open(shown)
        except StateUnavailableError as error:
            raise unavailable(f"the shared state: {error}") from None
        if self.now() >= held.session.ends_at:
            raise InvalidTokenError(
                "session_expired", detail="JWTGUARD_SESSION_MAX_AGE"
            )
        return held

    def newest(self, name: str, held: Held) -> Generator[Ask, Any, Held]:
        """Return the latest known generation of *held*."""
        for _ in range(_CHAIN):
            found = self._renewals.known(name, held)
            if found is None:
                try:
                    found = yield from self.store.newer(name, held)
                except StateUnavailableError:
                    break
            if found is None:
                break
            held = found
        return held

    def _put(self, shown: Shown, held: Held, outbox: Outbox) -> None:
        """Send the cookie of *held*, unless a later one has been sent by then."""
        session = held.session
        left = session.ends_at - self.now()
        where = shown.name, shown.secure
        fields = self.cookies.written(where, held.text, left, shown.names)
        outbox.put(
            fields,
            lambda: self._latest.is_latest(session) and not self._is_ended(session),
        )

    # Refreshing.

    def is_due(self, session: Session) -> bool:
        """Whether the access token expires soon, but never before half its life."""
        if session.refresh is None:
            return False
        now, life = self.now(), session.access_ends - session.obtained_at
        if life <= 0:  # the issuer's clock is behind: do not refresh on every request
            return now - session.obtained_at >= RETRY
        before = min(self.policy.session_refresh_before, life / 2)
        return session.access_ends - now <= before

    def _refreshed(self, name: str, held: Held) -> Generator[Ask, Any, Held]:
        """Return *held*, or a later generation whose token is not due for a refresh."""
        for _ in range(_CHAIN):
            if not self.is_due(held.session):
                break
            try:
                facts = self.facts_of(held.session)
            except InvalidTokenError:
                break  # opaque: it is used as it is, and judged as any token
            yield from self.check(held.session, facts)
            found = yield from self._renewed(name, held)
            if found is None:
                break
            held = found
        return held

    def _renewed(self, name: str, held: Held) -> Generator[Ask, Any, Held | None]:
        """Return the next generation, or None to use the old token for now."""
        renewal, own = self._renewals.join(name, held)
        if own:
            yield Start(renewal.flight)
        if renewal.outcome is None:
            yield Await(renewal.flight)
        outcome, left = renewal.outcome, held.session.access_ends - self.now()
        if isinstance(outcome, Held):
            if not outcome.saved and not own:
                outcome = yield from self.store.save(name, held, outcome)
                renewal.outcome = outcome
            return outcome
        if isinstance(outcome, Ended):
            if left > 0:
                return None
            raise InvalidTokenError("session_expired", detail=outcome.problem)
        if left + self.policy.leeway > 0:
            return None
        problem = "the refresh takes too long" if outcome is None else outcome.problem
        raise unavailable(problem)

    # What ends a session.

    def facts_of(self, session: Session) -> Facts:
        """Return what the access token says, unverified; raise ``InvalidTokenError``.

        The site received the token from its issuer and sealed it.
        """
        rules = self._verifier.trusted[session.issuer].rules
        return facts_of_issued(rules, parse(session.access), self.now())

    def check(self, session: Session, facts: Facts) -> Generator[Ask, Any, None]:
        """Raise ``InvalidTokenError`` if the session was revoked since it began.

        The time of a refreshed token is too late to compare with the revocation.
        """
        revocations = self._verifier.revocations
        if not revocations.ready:
            yield CatchUp()
        if not len(revocations):
            return
        began = floor(session.started_at)
        marks = marks_of(facts, session.access)._replace(issued_at=began)
        for one in (_marks(session), marks):
            found = revocations.find(one)
            if found.unsure:
                found = yield from revocations.make_sure(found, began)
            if found.reason:
                self._verifier.unmatched.note(found.entry)
                raise InvalidTokenError(found.reason)

    def _problem_of(self, session: Session) -> Generator[Ask, Any, str]:
        """Return why the access token is refused; empty if valid, or not known now.

        An invalid token from the issuer must not end a valid session.
        """
        try:
            yield from self._verifier.verify(Credentials(session.access, ""), None)
        except (InvalidTokenError, TokenTooLargeError) as error:
            return f"{error.reason} {error.detail}".strip()
        except AuthError:  # its keys cannot be fetched
            return ""
        return ""

    def _is_ended(self, session: Session) -> bool:
        """Whether the session itself was ended, as far as this process knows."""
        return bool(self._verifier.revocations.find(_marks(session)).reason)

    def end(self, session: Session) -> Generator[Ask, Any, None]:
        """Revoke all generations of the session, in all processes."""
        yield from self._end(session.mark, session.ends_at)

    def end_unread(self, shown: Shown) -> Generator[Ask, Any, None]:
        """End sessions whose records cannot be read now."""
        for identity in self.store.named(shown):
            until = self.now() + self.policy.session_max_age
            yield from self._end(mark_of(identity), until)

    def _end(self, mark: str, ends_at: float) -> Generator[Ask, Any, None]:
        now, issuer = float(floor(self.now())), self.server.issuer.url
        until = max(ends_at, now + 1) + self.policy.leeway
        yield from self.revoking.add(Entry("token", issuer, mark, now, until))


def unavailable(detail: str) -> IssuerUnavailableError:
    """Return the refusal of a session that cannot be checked now."""
    return IssuerUnavailableError(
        "session_unavailable", detail=detail, retry_after=RETRY
    )


def _marks(session: Session) -> Marks:
    """Return the marks by which a session itself is revoked."""
    return Marks(session.issuer, session.mark, None, None, "", None, None, _NEVER)
