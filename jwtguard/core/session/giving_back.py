"""A refresh token that is not needed any more goes back to its issuer (RFC 7009)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ..model.effects import Ask, Flight
from .token_server import TokenServer

PATIENCE = 2.0
"""Seconds that signing out waits for the issuer."""


class Giving:
    """Gives one refresh token back to the issuer; a failure changes nothing."""

    def __init__(self, server: TokenServer, token: str) -> None:
        self._server = server
        self._token = token

    def refresh(self, _flight: Flight) -> Generator[Ask, Any, None]:
        return self._server.revoke(self._token)

    def fail(self, _flight: Flight, problem: str) -> None:
        """There is nothing to note: the token was best effort."""


def giving_back(server: TokenServer, token: str) -> Flight:
    """Return the flight that does it."""
    return Flight(Giving(server, token), 0.0, patience=PATIENCE, limit=60)
