"""RFC 9470: how the user signed in, and how long ago."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InsufficientUserAuthenticationError, InvalidTokenError


def check_acr(
    acr: str | None, accepted: Sequence[str], max_age: int | None = None
) -> None:
    """Raise unless *acr* is one of *accepted*.

    *max_age* is what else the client has to ask for, so that it asks once.
    """
    if acr is None:
        raise InsufficientUserAuthenticationError("acr_missing", accepted, max_age)
    if acr not in accepted:
        raise InsufficientUserAuthenticationError("acr_not_accepted", accepted, max_age)


def check_fresh(
    authenticated_at: float | None,
    max_age: int,
    now: float,
    leeway: float,
    accepted: Sequence[str] = (),
) -> None:
    """Raise unless the user signed in at most *max_age* seconds ago.

    Times are in seconds since the epoch. *accepted* is the ``acr`` that is needed, too.
    """
    if authenticated_at is None:
        raise InsufficientUserAuthenticationError(
            "auth_time_missing", accepted, max_age
        )
    if authenticated_at > now + leeway:
        raise InvalidTokenError("auth_time_in_future")
    # The leeway counts once, for the clocks of the issuer and this server.
    if now - authenticated_at > max_age + leeway:
        raise InsufficientUserAuthenticationError("login_too_old", accepted, max_age)
