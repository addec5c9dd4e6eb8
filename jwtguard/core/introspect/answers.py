"""RFC 7662 section 2.2: what an introspection endpoint answers, and what it means.

What is not an answer about the token is a failure, and never a refusal of the token.
"""

from __future__ import annotations

from typing import Any

from ..model.effects import FetchFailedError, Incoming, UnusableAnswerError
from ..model.encoding import parse_json
from ..model.error_code import OF_CLIENT, error_code
from ..verify.discovery import status_problem
from .retry_after import seconds_of

_OF_TOKEN = frozenset({400, 413, 414, 422, 431})
"""Statuses that may be about one token, and say nothing about others."""
_JSON = frozenset({"", "application/json"})


class DeniedError(UnusableAnswerError):
    """The endpoint does not accept our own credentials (RFC 7662 section 2.3)."""


class BusyError(FetchFailedError):
    """The endpoint asks to come back after so many seconds."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class OneTokenError(UnusableAnswerError):
    """The endpoint could not answer about this token; it may about others."""


def media_type(got: Incoming) -> str:
    """Return the type of an answer in lower case, without parameters."""
    return got.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_status(got: Incoming, now: float) -> None:
    """Raise ``FetchFailedError`` unless *got* is an answer about the token."""
    if got.status == 200:
        return
    code = error_code(got.body)
    text = ", ".join((status_problem(got), code)) if code else status_problem(got)
    if got.status in (401, 403) or code in OF_CLIENT:
        raise DeniedError(text)
    wait = seconds_of(got.headers.get("retry-after"), now)
    if wait is not None:
        raise BusyError(text, wait)
    raise (OneTokenError if got.status in _OF_TOKEN else UnusableAnswerError)(text)


def claims_of(document: Any) -> dict[str, Any] | None:
    """Return what an answer says of an active token; None: it is not active."""
    if not isinstance(document, dict):
        raise UnusableAnswerError("not a JSON object")
    # The string "true" and the number 1 come from servers that are wrong in more.
    if document.get("active") is not True:
        return None
    return {name: value for name, value in document.items() if name != "active"}


def plain_document(got: Incoming) -> Any:
    """Return the JSON of an answer; raise ``FetchFailedError``."""
    if media_type(got) not in _JSON:
        raise UnusableAnswerError("the answer is not JSON by its Content-Type")
    try:
        return parse_json(got.body)
    except ValueError:
        raise UnusableAnswerError("the answer is not JSON") from None
