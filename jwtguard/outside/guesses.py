"""One count of password guesses for the relays and the login forms of a guard."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from ..core.model.effects import ClaimGuess, ReturnGuess
from ..core.model.policy import Policy
from ..errors import ConfigurationError
from ..state import State


class GuessCounter:
    """Makes the limiter of a policy when it is first needed.

    That needs the package ``limits``, which guards without either can do without.
    """

    def __init__(
        self,
        policy: Policy,
        state: State,
        monotonic: Callable[[], float],
        emit: Callable[..., None],
    ) -> None:
        self._arguments = (
            policy.relay_limit,
            policy.relay_limit_storage,
            emit,
            monotonic,
            state,
            policy.state_prefix,
        )
        self._limiter: Any = None
        self._lock = Lock()

    def limiter(self) -> Any:
        """Return the limiter; raise ``ConfigurationError``."""
        try:
            from .rate_limit import RateLimiter  # noqa: PLC0415  # needs the package
        except ImportError as error:
            raise ConfigurationError(
                "sessions and the relay count password guesses with the package "
                "limits: install jwtguard-middleware[relay]"
            ) from error
        with self._lock:
            if self._limiter is None:
                self._limiter = RateLimiter(*self._arguments)
            return self._limiter

    def work(self, ask: ClaimGuess | ReturnGuess) -> Any:
        """Count a guess, or take one back."""
        if isinstance(ask, ClaimGuess):
            return self.limiter().claim(ask.name, ask.address)
        return self.limiter().give_back(ask.guess)

    def after_fork(self) -> None:
        """Open the locks that another thread of the parent process may have held."""
        self._lock = Lock()
        if self._limiter is not None:
            self._limiter.after_fork()
