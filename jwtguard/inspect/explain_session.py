"""The contents of a session cookie, without the tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ..core.extract.wire import TLS
from ..core.model.request import Request
from ..core.session.cookies import LOOPBACK_NAME, Shown
from ..core.session.record import Session
from ..core.session.sessions import Sessions
from ..core.verify.jose import parse
from ..errors import AuthError
from ..guard import Guard
from . import hints
from .shown import Check, failed


def session_in(guard: Guard, text: str) -> Shown | None:
    """Return the session's cookies in *text*: a value alone, or a ``Cookie`` field.

    None: *text* is something else, or *guard* has no sessions.
    """
    sessions = guard._flow.sessions  # noqa: SLF001  # it reads them as requests do
    if sessions is None or _is_jwt(text):
        return None
    field = text.removeprefix("Cookie:").removeprefix("cookie:").strip()
    name = guard.policy.session_cookie
    for one in (name, LOOPBACK_NAME):
        if f"{one}=" in field or f"{one}.0=" in field:
            loopback = one != name
            host = "localhost" if loopback else "www.example"
            headers = {"host": (host,), "cookie": (field,)}
            peer = "127.0.0.1" if loopback else ""
            wire = TLS._replace(scheme="http") if loopback else TLS
            return sessions.find(Request("GET", "/", headers, peer=peer), wire)
    if "=" in field.rstrip("=") or not field:
        return None
    # The value alone does not say which name it had, and it opens for that only.
    usual, local = (
        Shown(one, one == name, (field,), frozenset((one,)), False)
        for one in (name, LOOPBACK_NAME)
    )
    return local if _is_sealed_for(guard, sessions, local) else usual


def _is_sealed_for(guard: Guard, sessions: Sessions, shown: Shown) -> bool:
    try:
        guard.run(sessions.opened(shown))
    except AuthError as error:
        return error.reason != "session_invalid"
    return True


def explain_session(guard: Guard, shown: Shown) -> tuple[list[Check], str | None]:
    """Return the checks of a session's cookies, and the access token in them."""
    sessions = guard._flow.sessions  # noqa: SLF001  # as above
    if sessions is None:
        return [], None
    try:
        session = guard.run(sessions.opened(shown)).session
    except AuthError as error:
        hint = hints.hint_of(error.reason)
        expected = f"sealed for {shown.name} with one of JWTGUARD_SECRETS"
        return [failed("session", error.reason, expected, error.detail, hint)], None
    return list(_told(session)), session.access


def _told(session: Session) -> Iterator[Check]:
    yield Check(name="session", passed=True, found=f"opened; of {session.issuer}")
    text = f"{_at(session.started_at)}, refreshed {session.generation} times"
    yield Check(name="signed in", passed=True, found=text)
    yield Check(name="ends", passed=True, found=_at(session.ends_at))
    text = f"{len(session.access)} characters, since {_at(session.obtained_at)}"
    yield Check(name="access", passed=True, found=text)
    held = f"{len(session.refresh)} characters" if session.refresh else "none"
    yield Check(name="refresh", passed=True, found=held)


def _is_jwt(text: str) -> bool:
    try:
        parse(text)
    except AuthError:
        return text.count(".") in (2, 4) and "=" not in text
    return True


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
