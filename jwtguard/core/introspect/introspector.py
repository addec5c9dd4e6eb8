"""One issuer's introspection endpoint: its answers, remembered, and its failures.

A failure pauses all questions for some seconds, so that an endpoint that is down costs
no request more than one wait.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Generator
from math import inf
from threading import Lock
from typing import Any

from ...errors import IntrospectionUnavailableError, InvalidTokenError
from ..model.effects import Ask, Await, FetchFailedError, Start, exchange
from ..model.issuers import TrustedIssuer
from ..model.policy import Policy
from ..relay.endpoints import EndpointCache
from ..verify.back_off import pause_after
from ..verify.claim_times import is_time
from ..verify.issuer_states import IssuerState
from ..verify.keys import Emit
from .answers import (
    BusyError,
    DeniedError,
    OneTokenError,
    check_status,
    claims_of,
    media_type,
    plain_document,
)
from .client import SIGNED_TYPE, IntrospectionClient
from .lookups import Lookup, Lookups, Outcome
from .signed_answers import opened

INACTIVE_FOR = 10.0
"""Seconds that a token is remembered as not active."""
LONGEST_PAUSE = 5.0
"""Seconds after a failure, unless the endpoint itself asks for more."""
REMEMBERED = 4096
"""Answers kept; strangers can make up any number of tokens."""


class Introspector:
    """Asks one issuer about tokens.

    *state* may have the keys of an earlier policy, and is not asked for its issuer.
    """

    def __init__(
        self,
        policy: Policy,
        issuer: TrustedIssuer,
        state: IssuerState,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.state = state
        self.issuer = issuer
        self.client = IntrospectionClient(issuer, now, random_bytes)
        self.endpoint = EndpointCache(
            issuer, "introspection_endpoint", monotonic,
            max_age=policy.keys_max_age, cooldown=1, longest=LONGEST_PAUSE,
            http_hosts=policy.http_hosts, emit=emit,
        )  # fmt: skip
        self._now = now
        self._monotonic = monotonic
        self._emit = emit
        self._lookups = Lookups(
            self._look_up, self._settle, self._believed, monotonic,
            issuer.introspect_timeout,
        )  # fmt: skip
        self.after_fork()

    def after_fork(self) -> None:
        """Forget what threads of the parent process were doing."""
        self._lock = Lock()
        self._remembered: OrderedDict[bytes, Outcome] = OrderedDict()
        self._failures = 0
        self._retry_at = -inf
        self._lookups.after_fork()
        self.endpoint.after_fork()

    def find(self) -> Generator[Ask, Any, str]:
        """Return the URL of the endpoint; raise ``FetchFailedError``."""
        return self.issuer.introspect_url or (yield from self.endpoint.find())

    def ask(
        self, token: str, digest: bytes, *, known: bool
    ) -> Generator[Ask, Any, Outcome]:
        """Return what the issuer says of an active token.

        *known*: it was active before. Raises ``InvalidTokenError`` if it is not, and
        ``IntrospectionUnavailableError`` if that cannot be known now.
        """
        before = self._recall(digest)
        outcome: Outcome | None = before
        if before is None or before.until <= self._monotonic():
            outcome = yield from self._answer(token, digest, known=known)
        if outcome is None or outcome.failure is not None:
            # An outage makes no token good again that was refused before.
            if before is None or before.failure or before.claims is not None:
                raise IntrospectionUnavailableError(retry_after=self._wait())
            outcome = before
        if outcome.claims is None:
            raise InvalidTokenError("inactive")
        return outcome

    def _answer(
        self, token: str, digest: bytes, *, known: bool
    ) -> Generator[Ask, Any, Outcome | None]:
        """Wait for the endpoint's answer; None: it is not asked, or took too long."""
        if self._monotonic() < self._retry_at:
            return None
        lookup, flight = self._lookups.join(token, digest, known=known)
        if lookup is None:
            return None
        if flight is not None:
            yield Start(flight)
        yield Await(lookup.flight)
        return lookup.outcome

    def _recall(self, digest: bytes) -> Outcome | None:
        with self._lock:
            outcome = self._remembered.get(digest)
            if outcome is not None:
                self._remembered.move_to_end(digest)
            return outcome

    def _believed(self, digest: bytes) -> Outcome | None:
        outcome = self._recall(digest)
        if outcome is None or outcome.until <= self._monotonic():
            return None
        return outcome

    def _wait(self) -> float:
        return max(1.0, self._retry_at - self._monotonic())

    # What follows runs in the threads of the flights.

    def _look_up(self, lookup: Lookup) -> Generator[Ask, Any, Outcome]:
        if self._monotonic() < self._retry_at:
            return Outcome(failure=FetchFailedError("paused"), until=self._retry_at)
        try:
            url = yield from self.find()
            got = yield from exchange(self.client.outgoing(url, lookup.token))
            check_status(got, self._now())
            document: Any
            if media_type(got) == SIGNED_TYPE:
                now = self._now()
                document = yield from opened(got.body, self.state, self.client.id, now)
            else:
                document = plain_document(got)
            claims = claims_of(document)
        except (FetchFailedError, ValueError) as error:
            failed = error if isinstance(error, FetchFailedError) else None
            return Outcome(failure=failed or FetchFailedError(type(error).__name__))
        return Outcome(claims, until=self._monotonic() + self._lasts(claims))

    def _lasts(self, claims: dict[str, Any] | None) -> float:
        """Return for how many seconds an answer is believed."""
        if claims is None:
            return INACTIVE_FOR
        exp: Any = claims.get("exp")
        ttl = self.issuer.introspect_ttl
        # What is no time is remembered too: the checks of claims refuse it.
        left = exp - self._now() if is_time(exp) else ttl
        return max(0.0, min(ttl, left))

    def _settle(self, lookup: Lookup, outcome: Outcome) -> None:
        """Remember an answer; after a failure, pause."""
        failure = outcome.failure
        if failure is not None and not isinstance(failure, OneTokenError):
            self._pause(failure)
            return
        if failure is not None:
            self._tell(failure)
            outcome = outcome._replace(until=self._monotonic() + LONGEST_PAUSE)
        with self._lock:
            before = self._remembered.get(lookup.digest)
            if failure is None or before is None:
                self._remembered[lookup.digest] = outcome
            self._remembered.move_to_end(lookup.digest)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
            if failure is None:
                self._failures = 0

    def _pause(self, failure: FetchFailedError) -> None:
        now = self._monotonic()
        with self._lock:
            if now < self._retry_at:
                return  # it is one outage, whoever else was asking meanwhile
            pause = pause_after(self._failures, 1, random.random, LONGEST_PAUSE)
            if isinstance(failure, BusyError):
                pause = max(pause, failure.retry_after)
            self._failures += 1
            self._retry_at = now + pause
        self._tell(failure)

    def _tell(self, failure: FetchFailedError) -> None:
        denied = isinstance(failure, DeniedError)
        event = "introspection_denied" if denied else "introspection_failed"
        self._emit(event, issuer=self.issuer.url, problem=str(failure))
