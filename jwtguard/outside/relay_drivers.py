"""The drivers of a relay: they send forms to the issuer, and count password guesses."""

from __future__ import annotations

from typing import Any

from ..core.model.effects import ClaimGuess, Flight, ReturnGuess
from ..core.relay.shared_refresh import Refresh
from .drivers import Drivers
from .fetcher import Fetcher, Send
from .rate_limit import RateLimiter


class RelayFetcher(Fetcher):
    """Sends forms as the relay does; fetches of keys and metadata are the guard's."""

    def __init__(self, send: Send, guard: Fetcher) -> None:
        super().__init__(send, guard.obey)
        self._guard = guard

    def start(self, flight: Flight) -> None:
        """Begin in the background."""
        if isinstance(flight.work, Refresh):
            super().start(flight)
        else:
            self._guard.start(flight)


class RelayDrivers(Drivers):
    """Drives a relay's flows with the fetches and the shared state of *guard*.

    *send* sends the forms: tests replace it, and leave the guard's transport alone.
    """

    def __init__(self, guard: Drivers, send: Send, limiter: RateLimiter) -> None:
        super().__init__(send, guard.state)
        self.fetcher = RelayFetcher(send, guard.fetcher)
        self.link = guard.link
        self._limiter = limiter

    def work(self, ask: Any) -> Any:
        """Count a guess, take one back, or send a form."""
        if isinstance(ask, ClaimGuess):
            return self._limiter.claim(ask.name, ask.address)
        if isinstance(ask, ReturnGuess):
            return self._limiter.give_back(ask.guess)
        return super().work(ask)

    def after_fork(self) -> None:
        """Open the lock that another thread of the parent process may have held."""
        self._limiter.after_fork()
