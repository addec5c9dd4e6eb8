"""The calls that begin and end a session."""

from __future__ import annotations

from typing import Any

from .core.model.effects import ClaimGuess, ReturnGuess
from .core.model.request import Request
from .core.session.signing import SignedIn, Signing
from .errors import ConfigurationError
from .outside.guesses import GuessCounter
from .revoking import Revoker


class SessionKeeper(Revoker):
    """The methods of a guard for a site with a login form."""

    guesses: GuessCounter
    """Counts passwords that were tried."""

    def log_in(self, request: Request, username: str, password: str) -> SignedIn:
        """Begin a session; return the principal and the values of ``Set-Cookie``.

        Raises ``InvalidCredentialsError``, ``TooManyGuessesError`` and
        ``IssuerUnavailableError``; ``ConfigurationError`` if sessions are off.
        """
        flow = self._signing().log_in(request, username, password)
        return self.run(flow)

    async def alog_in(self, request: Request, username: str, password: str) -> SignedIn:
        """Do what ``log_in`` does, without blocking the event loop."""
        flow = self._signing().log_in(request, username, password)
        return await self.arun(flow)

    def log_out(self, request: Request) -> tuple[str, ...]:
        """End the session of *request*; return the values of ``Set-Cookie``.

        Its tokens end here, and at the issuer if that answers within two seconds.
        """
        return self.run(self._signing().log_out(request))

    async def alog_out(self, request: Request) -> tuple[str, ...]:
        """Do what ``log_out`` does, without blocking the event loop."""
        return await self.arun(self._signing().log_out(request))

    def _signing(self) -> Signing:
        found = self._flow.signing
        if found is None:
            raise ConfigurationError("sessions are off: set JWTGUARD_SESSION_CLIENT")
        return found

    def work(self, ask: Any) -> Any:
        """Count a guess, take one back, or send a request."""
        if isinstance(ask, ClaimGuess | ReturnGuess):
            return self.guesses.work(ask)
        return super().work(ask)
