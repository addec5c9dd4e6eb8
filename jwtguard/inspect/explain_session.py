"""The contents of a session cookie, without the tokens."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from ..core.extract.wire import TLS
from ..core.model.introspection import takes_opaque
from ..core.model.request import Request
from ..core.model.sealing import OVERHEAD, TAG, VERSION
from ..core.model.secret_keys import derive
from ..core.session.cookies import LOOPBACK_NAME, Shown
from ..core.session.record import Session
from ..core.session.sessions import Sessions
from ..core.verify.jose import parse
from ..errors import AuthError
from ..guard import Guard
from . import hints
from .explain_token import token_in
from .shown import Check, failed

_TOKEN_INPUT = re.compile(
    r"authorization:|(bearer|dpop)\s|\{|logout_token=", re.IGNORECASE
)
"""How input begins that says of itself that it is a token."""
_AROUND = " \t\r\n\"'"
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_SHORTEST = OVERHEAD * 4 // 3
_TAGGED = 8
"""Characters that hold the version and the tag of the secret."""


class Given(NamedTuple):
    """What the input of ``explain`` is."""

    checks: list[Check]
    """Those of a session cookie."""
    token: str | None
    """The token to go on with."""
    session: bool
    """Whether the token was in a session cookie."""

    def __repr__(self) -> str:
        """Leave out the token."""
        return f"Given(session={self.session})"


def read_input(guards: Sequence[Guard], text: str) -> Given:
    """Return the token in *text*, also if it is in a session cookie of one of *guards*.

    Without any guard that has sessions, *text* is a token.
    """
    for guard in guards:
        shown = session_in(guard, text)
        if shown is not None:
            return _given(guard, shown, text.strip(_AROUND))
    return Given([], token_in(text), session=False)


def _given(guard: Guard, shown: Shown, word: str) -> Given:
    checks, token = explain_session(guard, shown)
    if token is None and _may_be_a_token(guard, word):
        found = "no session cookie of this site: read as an opaque token"
        checks = [replace(checks[0], passed=True, found=found, hint="")]
        return Given(checks, word, session=False)
    return Given(checks, token, session=token is not None)


def session_in(guard: Guard, text: str) -> Shown | None:
    """Return the session's cookies in *text*: a value alone, or a ``Cookie`` field.

    None: *text* is something else, or *guard* has no sessions.
    """
    sessions = guard._flow.sessions  # noqa: SLF001  # it reads them as requests do
    text = text.strip(_AROUND)
    if sessions is None or _is_jwt(text) or _TOKEN_INPUT.match(text):
        return None
    field = re.sub(r"^(set-)?cookie:\s*", "", text, flags=re.IGNORECASE)
    name = guard.policy.session_cookie
    for one in (name, LOOPBACK_NAME):
        if f"{one}=" in field or f"{one}.0=" in field:
            loopback = one != name
            host = "localhost" if loopback else "www.example"
            headers = {"host": (host,), "cookie": (field,)}
            peer = "127.0.0.1" if loopback else ""
            wire = TLS._replace(scheme="http") if loopback else TLS
            return sessions.find(Request("GET", "/", headers, peer=peer), wire)
    if not looks_sealed(field):
        return None
    # The value alone does not say which name it had, and it opens for that only.
    usual, local = (
        Shown(one, one == name, (field,), frozenset((one,)), False)
        for one in (name, LOOPBACK_NAME)
    )
    return local if _is_sealed_for(guard, sessions, local) else usual


def looks_sealed(text: str) -> bool:
    """Whether *text* begins like the value of a session cookie, perhaps a cut one.

    One opaque token in 256 does so by chance.
    """
    if not _BASE64URL.fullmatch(text) or len(text) < _SHORTEST:
        return False
    return urlsafe_b64decode(text[:4])[0] == VERSION


def _may_be_a_token(guard: Guard, text: str) -> bool:
    """Whether *text*, which no session opens with, may be an opaque token."""
    if not looks_sealed(text) or not any(map(takes_opaque, guard.policy.issuers)):
        return False
    # What was sealed with our secret is shown to nobody.
    tag = urlsafe_b64decode(text[:_TAGGED])[1 : 1 + TAG]
    return tag not in derive(guard.policy.secrets, "session tag", TAG)


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
