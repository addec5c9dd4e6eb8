"""A session cookie for tests, created without a token server."""

from __future__ import annotations

from math import floor
from secrets import token_bytes

from ..core.model.principal import Principal
from ..core.session.record import ID_LENGTH, Session
from ..core.session.signing import LATEST
from ..errors import AuthError, ConfigurationError
from ..guard import Guard

_OF_ANOTHER = {"unknown_issuer", "unknown_key", "bad_signature"}


def session_headers(guard: Guard, token: str) -> dict[str, str]:
    """Return the request header with a session that holds *token*.

    It cannot be refreshed, and ends with the token. Raises ``ConfigurationError`` if
    *guard* has no sessions, or does not trust the issuer of the token.
    """
    sessions = guard._flow.sessions  # noqa: SLF001  # as the guard itself would do it
    if sessions is None:
        raise ConfigurationError("sessions are off: set session_client and secrets")
    known = _verified(guard, token)
    now = floor(guard.clock.time())
    ends = min(known.expires_at, LATEST)
    made = Session(
        id=token_bytes(ID_LENGTH),
        generation=0,
        issuer=known.issuer,
        access=token,
        refresh=None,
        obtained_at=now,
        access_ends=ends,
        started_at=now,
        ends_at=max(now, ends),
    )
    name = guard.policy.session_cookie
    text = guard.run(sessions.store.create(name, made)).text
    cookies = sessions.cookies.written((name, True), text, 1)
    return {"Cookie": "; ".join(one.partition(";")[0] for one in cookies)}


def _verified(guard: Guard, token: str) -> Principal:
    try:
        return guard.verify(token)
    except AuthError as error:
        if error.reason not in _OF_ANOTHER:
            raise
        raise ConfigurationError(
            f"the guard does not trust the issuer of this session ({error.reason}): "
            "make the guard with guard() of the same issuer, or call session() of the "
            "issuer that the guard trusts"
        ) from None
