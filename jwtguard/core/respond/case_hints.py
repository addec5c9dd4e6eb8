"""Hints that depend on the request, for ``JWTGUARD_DEBUG`` and ``jwtguard explain``."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import AuthError, InvalidTokenError
from ..extract.paths import Kind
from ..model.client import Client
from ..model.facts import Facts
from .near_misses import of_cookie_page, of_origin

NOT_READ = "no token is read on this path, so its handler refuses every request"
_EXPLAIN = "jwtguard explain reads a token from its input, and shows every check of it"
_LONGEST = 200


def hint_of(
    error: AuthError,
    kind: Kind | None,
    origin: str | None,
    facts: Facts | None,
    clients: Sequence[Client],
) -> str:
    """Return what helps against *error* on a path of this *kind*.

    *facts* are those of the verified token; None if the refusal came before it.
    """
    if error.reason == "no_credentials" and not reads_token(kind):
        return NOT_READ
    if error.reason == "foreign_origin" and origin:
        page = origin[:_LONGEST]
        if facts is None:  # a cookie is at stake, so no token was read
            return of_cookie_page(page, clients)
        return of_origin(page, facts.client_id, clients)
    return error.hint or (_EXPLAIN if isinstance(error, InvalidTokenError) else "")


def reads_token(kind: Kind | None) -> bool:
    """Whether a token is read on a path of this *kind*."""
    return kind in (Kind.PROTECTED, Kind.OPTIONAL)
