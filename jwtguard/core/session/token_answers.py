"""Reading the responses of a token endpoint (RFC 6749 sections 5.1 and 5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

from ..model.effects import FetchFailedError, Incoming, UnusableAnswerError
from ..model.encoding import parse_json
from ..model.error_code import error_code

_OF_CLIENT = frozenset(
    {
        "invalid_client", "invalid_request", "invalid_scope", "server_error",
        "temporarily_unavailable", "unauthorized_client", "unsupported_grant_type",
    }
)  # fmt: skip
"""Error codes unrelated to the password (RFC 6749 sections 4.1.2.1 and 5.2)."""
_REFUSALS = frozenset({400, 401, 403, 422})


class Granted(NamedTuple):
    """The tokens of one response."""

    access: str
    refresh: str | None

    def __repr__(self) -> str:
        """Leave out the tokens."""
        return "Granted()"


class GrantDeniedError(Exception):
    """``invalid_grant``: the password is wrong, or the refresh token has ended."""


class RefusedError(UnusableAnswerError):
    """An error code outside of RFC 6749, which may mean a wrong password."""


class BusyError(FetchFailedError):
    """The issuer answers 429: too many requests."""

    def __init__(self, text: str, retry_after: int | None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


def granted(got: Incoming, host: str) -> Granted:
    """Return the tokens of a response (RFC 6749 sections 5.1 and 5.2).

    Raises ``GrantDeniedError`` and ``FetchFailedError``, without tokens in the text.
    """
    if got.status == 429:
        raise BusyError(f"{host}: status 429", _seconds(got.headers.get("retry-after")))
    try:
        document = parse_json(got.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        text = f"{host}: status {got.status}, not a JSON object"
        raise _kind(got.status, None)(text)
    access, refresh = document.get("access_token"), document.get("refresh_token")
    if got.status == 200 and isinstance(access, str) and access:
        kind = document.get("token_type", "Bearer")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise UnusableAnswerError(f"{host}: the token is not a bearer token")
        return Granted(
            access, refresh if isinstance(refresh, str) and refresh else None
        )
    code = document.get("error")
    # Some issuers answer a wrong password with 200 and an error in the body.
    if code == "invalid_grant" and (got.status == 200 or 400 <= got.status < 500):
        raise GrantDeniedError
    shown = error_code(got.body) or "no error code"
    raise _kind(got.status, code)(f"{host}: status {got.status}, {shown}")


def _kind(status: int, code: object) -> type[UnusableAnswerError]:
    """Return the error for a response without tokens."""
    said = isinstance(code, str)
    if said and code in _OF_CLIENT:
        return UnusableAnswerError
    refused = status in _REFUSALS or (said and status == 200)
    return RefusedError if refused else UnusableAnswerError


def _seconds(value: str | None) -> int | None:
    """Return the seconds of ``Retry-After``; None for dates and invalid values."""
    text = (value or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        return None
    return max(1, int(text))


def expiry(claims: Mapping[str, Any]) -> float | None:
    """Return ``exp``, or None if a session cannot store it."""
    value = claims.get("exp")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) and 0 <= value < 1e12 else None
