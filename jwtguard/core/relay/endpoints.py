"""Where an issuer's token and revocation endpoints are (RFC 8414 section 2).

Looked up once and shared by all who wait. A failure is remembered too: until the
back-off is over, nobody asks the issuer again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Generator
from math import inf
from threading import Lock
from typing import Any

from ..model.effects import (
    Ask,
    Await,
    Exchange,
    FetchFailedError,
    Flight,
    Start,
)
from ..model.issuers import TrustedIssuer
from ..verify.back_off import LONGEST, pause_after
from ..verify.discovery import find_endpoint
from ..verify.keys import DEADLINE, Emit


class EndpointCache:
    """One endpoint of one issuer, by its name in the metadata.

    Ages and pauses are in seconds. After *max_age* the metadata are read again behind
    a request's back; the old endpoint serves until that succeeds.
    """

    def __init__(
        self,
        issuer: TrustedIssuer,
        name: str,
        monotonic: Callable[[], float],
        *,
        max_age: float = 600,
        cooldown: float = 10,
        longest: float = LONGEST,
        http_hosts: Collection[str] = (),
        emit: Emit = lambda *_, **__: None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.issuer = issuer
        self.name = name
        self.url: str | None = None
        self.failure = ""
        """Why it is not known; for logs."""
        self._monotonic = monotonic
        self._max_age = max_age
        self._cooldown = cooldown
        self._longest = longest
        self._http_hosts = http_hosts
        self._emit = emit
        self._jitter = jitter
        self._failures = 0
        self._due = -inf
        """When the metadata are asked for next."""
        self._flight: Flight | None = None
        self._lock = Lock()

    def find(self) -> Generator[Ask, Any, str]:
        """Return the URL; raise ``FetchFailedError`` if it cannot be known now."""
        flight, own = self._claim()
        if flight is not None and own:
            yield Start(flight)
        # A URL that was found once keeps serving: only the very first request waits.
        if self.url is None and flight is not None:
            yield Await(flight)
        if self.url is not None:
            return self.url
        if flight is not None and not flight.done.done():
            text = f"{self.name}: the metadata took too long"
            raise FetchFailedError(text, timed_out=True)
        raise FetchFailedError(self.failure)

    def after_fork(self) -> None:
        """Forget what another thread of the parent process was about to do."""
        self._lock, self._flight = Lock(), None

    def _claim(self) -> tuple[Flight | None, bool]:
        """Join the look-up under way, or take the right to begin one (then True)."""
        now = self._monotonic()
        with self._lock:
            flight = self._flight
            # An older one is lost, as in KeyCache: its thread may hang in a DNS lookup.
            if flight is not None and now - flight.claimed_at < 2 * DEADLINE:
                return flight, False
            if now < self._due:
                return None, False
            self._flight = Flight(self, now)
            return self._flight, True

    # What follows runs in the fetching thread.

    def refresh(self, flight: Flight) -> Generator[Exchange, Any, None]:
        """Ask for the metadata, and store what they say."""
        try:
            url = yield from find_endpoint(self.issuer, self.name, self._http_hosts)
        except (FetchFailedError, ValueError) as error:
            self.fail(flight, str(error))
            return
        with self._lock:
            if self._flight is flight:
                self.url, self._failures, self.failure = url, 0, ""
                self._due, self._flight = self._monotonic() + self._max_age, None

    def fail(self, flight: Flight, problem: str) -> None:
        """Note that *flight* brought nothing; wait longer after each failure."""
        with self._lock:
            if self._flight is not flight:
                return
            pause = pause_after(
                self._failures, self._cooldown, self._jitter, self._longest
            )
            self._due, self._flight = self._monotonic() + pause, None
            self._failures += 1
            self.failure = f"{self.name}: {problem}"
        self._emit("discovery_failed", issuer=self.issuer.url, problem=self.failure)
