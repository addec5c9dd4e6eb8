"""Revoking a refresh token at its issuer when it is no longer needed (RFC 7009)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ..model.effects import Ask, Flight
from .token_server import TokenServer

PATIENCE = 2.0
"""Seconds that signing out waits for the issuer."""


class Giving:
    """Revokes one refresh token at the issuer, and ignores a failure."""

    def __init__(self, server: TokenServer, token: str) -> None:
        self._server = server
        self._token = token

    def refresh(self, _flight: Flight) -> Generator[Ask, Any, None]:
        return self._server.revoke(self._token)

    def fail(self, _flight: Flight, problem: str) -> None:
        """Do nothing: this revocation is best effort."""


def giving_back(server: TokenServer, token: str) -> Flight:
    """Return the flight that revokes *token*."""
    return Flight(Giving(server, token), 0.0, patience=PATIENCE, limit=60)
