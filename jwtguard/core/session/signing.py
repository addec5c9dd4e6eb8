"""Signing in with the password grant, and signing out.

RFC 6749 section 4.3, RFC 7009, and OWASP's rule that each sign-in has a session of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from math import floor
from typing import Any, NamedTuple

from ...errors import (
    AuthError,
    InsecureTransportError,
    InvalidCredentialsError,
    IssuerUnavailableError,
    TooManyGuessesError,
)
from ..authorize.origin_rules import OriginRules
from ..extract.credentials import Credentials
from ..extract.forwarded import client_address
from ..extract.plain_http import plain_http
from ..extract.wire import Wire
from ..model.effects import (
    Ask,
    Await,
    ClaimGuess,
    CountedGuess,
    FetchFailedError,
    ReturnGuess,
    Start,
    StateUnavailableError,
)
from ..model.facts import Facts
from ..model.principal import Principal
from ..model.request import Request
from ..verify.token_cache import CachedToken
from .cookies import LONGEST, TooLongError
from .giving_back import giving_back
from .record import ID_LENGTH, Session
from .sessions import Sessions, unavailable
from .stores import Held
from .token_answers import BusyError, GrantDeniedError, Granted, RefusedError

LATEST = 1e12
"""Seconds since the epoch; a session stores no later time. An opaque token may have
no end."""
LONGEST_TEXT = 1024
"""Longest user name or password, in characters."""

Verify = Callable[
    [Credentials, Wire | None, Request | None], Generator[Ask, Any, CachedToken]
]


class SignedIn(NamedTuple):
    """Who signed in, and the ``Set-Cookie`` values for the browser."""

    principal: Principal
    cookies: tuple[str, ...]

    def __repr__(self) -> str:
        """Show who signed in, without the session."""
        return f"SignedIn({self.principal!r})"


class Signing:
    """Signs visitors in and out by one policy."""

    def __init__(
        self,
        sessions: Sessions,
        verify: Verify,
        wire_of: Callable[[Request], Wire],
        origin_rules: OriginRules,
    ) -> None:
        self._sessions = sessions
        self._policy = sessions.policy
        self._verify = verify
        self._wire_of = wire_of
        self._check_page = origin_rules.check_session

    def log_in(
        self, request: Request, username: str, password: str
    ) -> Generator[Ask, Any, SignedIn]:
        """Begin a session for *username*; raise ``AuthError``.

        A session that came with *request* ends.
        """
        wire = self._wire_of(request)
        where = self._where(request, wire)
        self._check_page(request, wire)
        if not (_is_usable(username) and _is_usable(password)):
            raise InvalidCredentialsError
        granted = yield from self._granted(request, username, password)
        shown = Credentials(granted.access, "session")
        try:
            known = yield from self._verify(shown, wire, None)
        except AuthError as error:
            detail = f"its token is refused here: {error.reason} {error.detail}".strip()
            raise IssuerUnavailableError(detail=detail) from None
        facts, sessions = known.facts, self._sessions
        session = self._session(granted, facts)
        held = yield from self._kept(where[0], session)
        before = sessions.find(request, wire)
        there = before.names if before else frozenset()
        left = session.ends_at - session.started_at
        cookies = sessions.cookies.written(where, held.text, left, there)
        old = yield from self._brought(request, wire)
        if old is not None:
            yield from self._end(old, wait=False)
        sessions.emit("signed_in", issuer=session.issuer)
        principal = Principal.of(facts, granted.access, session.mark)
        return SignedIn(principal, cookies)

    def log_out(self, request: Request) -> Generator[Ask, Any, tuple[str, ...]]:
        """End the session of *request*, if it has one; return ``Set-Cookie`` values."""
        wire, sessions = self._wire_of(request), self._sessions
        self._check_page(request, wire)
        held = yield from self._brought(request, wire)
        if held is not None:
            yield from self._end(held, wait=True)
            principal = self._principal(held.session)
            if principal is not None:
                yield from sessions.revoking.session(principal)
            sessions.emit("signed_out", issuer=held.session.issuer)
        named = sessions.cookies.name_for(request, wire)
        return sessions.cookies.cleared(named) if named else ()

    def is_signed_in(self, request: Request, wire: Wire) -> bool:
        """Whether *request* has a session cookie, valid or not."""
        return self._sessions.find(request, wire) is not None

    def _where(self, request: Request, wire: Wire) -> tuple[str, bool]:
        """Return the name of the cookie; raise for plain HTTP."""
        named = self._sessions.cookies.name_for(request, wire)
        if named is None or not wire.secure:
            raise InsecureTransportError(plain_http(request, self._policy.proxies))
        return named

    def _granted(
        self, request: Request, username: str, password: str
    ) -> Generator[Ask, Any, Granted]:
        """Exchange the password for tokens; only a wrong one counts as a guess."""
        caller = client_address(request, self._policy.proxies)
        guess: CountedGuess = yield ClaimGuess(username, caller)
        if guess.wait:
            raise TooManyGuessesError(guess.wait)
        form = {"grant_type": "password", "username": username, "password": password}
        if self._policy.session_scope:
            form["scope"] = " ".join(self._policy.session_scope)
        timeout = self._policy.relay_timeout
        try:
            granted = yield from self._sessions.server.grant(
                form, timeout, caller=caller
            )
        except GrantDeniedError:
            raise InvalidCredentialsError from None
        except BusyError as error:
            raise TooManyGuessesError(error.retry_after or 60) from None
        except FetchFailedError as error:
            if not isinstance(error, RefusedError):
                yield ReturnGuess(guess)
            raise IssuerUnavailableError(detail=str(error)) from None
        yield ReturnGuess(guess)
        return granted

    def _session(self, granted: Granted, facts: Facts) -> Session:
        sessions = self._sessions
        now = sessions.now()
        began = float(floor(now))
        ends_at = began + self._policy.session_max_age
        if granted.refresh is None:
            ends_at = min(ends_at, facts.expires_at)
        if facts.issuer != sessions.server.issuer.url:
            raise IssuerUnavailableError(detail="its token is of another issuer")
        return Session(
            id=sessions.random(ID_LENGTH),
            generation=0,
            issuer=facts.issuer,
            access=granted.access,
            refresh=granted.refresh,
            obtained_at=now,
            access_ends=min(facts.expires_at, LATEST),
            started_at=began,
            ends_at=max(ends_at, began),
        )

    def _kept(self, name: str, session: Session) -> Generator[Ask, Any, Held]:
        try:
            return (yield from self._sessions.store.create(name, session))
        except TooLongError as error:
            text = (
                f"{error} characters, of which {len(session.access)} are for the "
                f"access token and {len(session.refresh or '')} for the refresh token "
                f"before sealing; two cookies hold {LONGEST}: set "
                "JWTGUARD_SESSION_STORE=state, or request fewer scopes"
            )
            raise IssuerUnavailableError("session_does_not_fit", detail=text) from None
        except StateUnavailableError as error:
            raise unavailable(f"the shared state: {error}") from None

    # Ending.

    def _brought(
        self, request: Request, wire: Wire
    ) -> Generator[Ask, Any, Held | None]:
        """Return the newest generation of the request's session, if it can be read."""
        sessions = self._sessions
        shown = sessions.find(request, wire)
        if shown is None or not wire.secure:
            return None
        try:
            held = yield from sessions.opened(shown)
        except IssuerUnavailableError:  # no record can be read: the cookie names it
            yield from sessions.end_unread(shown)
            return None
        except AuthError:
            return None
        return (yield from sessions.newest(shown.name, held))

    def _end(self, held: Held, *, wait: bool) -> Generator[Ask, Any, None]:
        """End a session here at once, and try once to end it at its issuer."""
        sessions = self._sessions
        yield from sessions.end(held.session)
        with suppress(StateUnavailableError):  # then it opens no more: it has ended
            yield from sessions.store.forget(held)
        if held.session.refresh is not None:
            flight = giving_back(sessions.server, held.session.refresh)
            yield Start(flight)
            if wait:
                yield Await(flight)

    def _principal(self, session: Session) -> Principal | None:
        try:
            return Principal.of(self._sessions.facts_of(session), session.access)
        except AuthError:
            return None


def _is_usable(text: object) -> bool:
    """Whether a user name or a password may be sent to the issuer."""
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
