"""What a client may authenticate with (RFC 9110 section 11.6.1; RFC 6750 section 3)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

MISSING_TOKEN = "missing_token"  # noqa: S105
"""The code of a request without a token; it is not sent in the challenge."""


class Challenge(NamedTuple):
    """One challenge of ``WWW-Authenticate`` (RFC 9110 section 11.6.1).

    The ``realm`` is the policy's, and comes first.
    """

    scheme: str
    params: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=256)
def challenges_of(
    scheme: str, code: str, description: str, scope: str | None
) -> tuple[Challenge, ...]:
    """Return one challenge with code and sentence (RFC 6750 3, RFC 9449 7.1)."""
    params = []
    if code != MISSING_TOKEN:  # section 3.1: no error code before there is a token
        params += [("error", code), ("error_description", description)]
    if scope:
        params.append(("scope", scope))
    return (Challenge(scheme, tuple(params)),)
