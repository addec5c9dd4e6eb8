"""One refresh for all who ask for the same one (RFC 9700 section 4.14.2).

An issuer that rotates refresh tokens takes a second use for theft, and ends the
session. Two tabs use one token at the same time: they get the same answer here.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Generator
from hashlib import sha256
from threading import Lock
from typing import Any

from ...errors import GrantError
from ..model.decision import Respond, TokenRequest
from ..model.effects import (
    Ask,
    Await,
    FetchFailedError,
    Flight,
    Load,
    Remove,
    Save,
    Start,
    StateUnavailableError,
    ask_state,
)
from ..model.lease import LEASE, found_or_leased
from ..model.policy import Policy
from ..model.request import Request
from ..model.sealing import Sealer
from .answers import brings_token

MOST = 1024
"""Answers that a process remembers; one has at most 64 KiB."""
MOST_AT_ONCE = 32
"""Refreshes under way. Above that each request asks for itself, as for passwords:
random refresh tokens must not take a thread each."""

AskUpstream = Callable[[Save | None], Generator[Ask, Any, Respond]]
"""Hands the form on, and keeps the lease meanwhile; raises ``GrantError``."""


class Refresh:
    """One refresh: what its flight does, and what came of it."""

    def __init__(
        self, owner: SharedRefreshes, name: str, now: float, ask: AskUpstream
    ) -> None:
        self.outcome: Respond | GrantError | None = None
        self.ended_at = 0.0
        patience = owner.patience
        self.flight = Flight(self, now, patience=patience, limit=2 * patience)
        self._owner = owner
        self._lease = f"relay-lease:{name}"
        self._next = f"relay-next:{name}"
        self._ask = ask

    def fail(self, _flight: Flight, problem: str) -> None:
        """Note that the flight broke, unless it has ended."""
        if self.outcome is None:
            self._settle(GrantError("issuer_unreachable", detail=problem))

    def refresh(self, _flight: Flight) -> Generator[Ask, Any, None]:
        """Ask the issuer, unless another process does; runs in the flight's thread."""
        try:
            answer = yield from self._shared()
        except GrantError as error:
            self._settle(error)
            return
        self._settle(answer)

    def _settle(self, outcome: Respond | GrantError) -> None:
        self._owner.settle(self, outcome)

    def _shared(self) -> Generator[Ask, Any, Respond]:
        sealer = self._owner.sealer
        if sealer is None:
            return (yield from self._ask(None))
        try:
            found = yield from found_or_leased(
                self._lease, self._left_by_others, self._owner.patience
            )
        except StateUnavailableError:  # better alone than not at all
            return (yield from self._ask(None))
        except FetchFailedError as error:
            raise GrantError("issuer_timeout", detail=str(error)) from None
        if found is None:
            found = yield from self._asked(sealer)
        yield Remove(self._lease)
        return found

    def _asked(self, sealer: Sealer) -> Generator[Ask, Any, Respond]:
        """Return the issuer's answer; new tokens are left for the other processes."""
        try:
            answer = yield from self._ask(Save(self._lease, b"", LEASE))
        except GrantError:
            yield Remove(self._lease)
            raise
        if brings_token(answer):
            sealed = sealer.seal(_encoded(answer), self._next)
            yield Save(self._next, sealed, self._owner.grace)
            return answer
        # The lease may have run out before the other process had its answer.
        return (yield from self._left_by_others(lost=True)) or answer

    def _left_by_others(self, *, lost: bool = False) -> Generator[Ask, Any, Any]:
        sealer = self._owner.sealer
        try:
            value = yield from ask_state(Load(self._next))
        except StateUnavailableError:
            if lost:
                return None
            raise
        if value is None or sealer is None:
            return None
        try:
            return _decoded(sealer.open(value, self._next))
        except ValueError:
            return None


class SharedRefreshes:
    """The refreshes of one relay, and for a while their answers.

    With secrets, the processes that have the same shared state share them too.
    """

    def __init__(
        self,
        policy: Policy,
        monotonic: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self.grace = policy.session_grace
        self.patience = policy.relay_timeout + 5  # the metadata may be asked for first
        secrets = policy.secrets
        self.sealer = Sealer(secrets, random, use="relay") if secrets else None
        self._monotonic = monotonic
        self.after_fork()

    def after_fork(self) -> None:
        """Forget them: the threads belong to the parent process."""
        self._lock = Lock()
        self._known: OrderedDict[str, Refresh] = OrderedDict()
        self._under_way = 0

    def answer(
        self, issuer: str, request: Request, grant: TokenRequest, ask: AskUpstream
    ) -> Generator[Ask, Any, Respond]:
        """Return the answer to a refresh; raise ``GrantError``.

        Whoever asks with the same form and client authentication while it is under way,
        or a while after it brought tokens, gets the same answer.
        """
        found, own = self._join(_name_of(issuer, request, grant), ask)
        if found is None:
            return (yield from ask(None))
        if own:
            yield Start(found.flight)
        if found.outcome is None:
            yield Await(found.flight)
        outcome = found.outcome
        if outcome is None:
            raise GrantError("issuer_timeout", detail="a shared refresh takes too long")
        if isinstance(outcome, GrantError):  # others may hold the same one
            reason, fields = outcome.reason, outcome.fields
            raise GrantError(reason, detail=outcome.detail, fields=fields)
        return outcome

    def settle(self, refresh: Refresh, outcome: Respond | GrantError) -> None:
        """Note what came of *refresh*."""
        with self._lock:
            refresh.ended_at = self._monotonic()
            refresh.outcome = outcome
            self._under_way -= 1

    def _join(self, name: str, ask: AskUpstream) -> tuple[Refresh | None, bool]:
        """Return the refresh, and whether the caller has to start it.

        None: there are too many at once.
        """
        now = self._monotonic()
        with self._lock:
            known = self._known.get(name)
            if known is not None and self._is_current(known, now):
                return known, False
            if self._under_way >= MOST_AT_ONCE:
                return None, False
            made = self._known[name] = Refresh(self, name, now, ask)
            self._known.move_to_end(name)
            self._under_way += 1
            while len(self._known) > MOST:
                self._known.popitem(last=False)
            return made, True

    def _is_current(self, known: Refresh, now: float) -> bool:
        """Whether it is under way, or has brought tokens lately."""
        if known.outcome is None:  # a thread that was lost is not waited for
            return now - known.flight.claimed_at < 4 * self.patience
        brought = isinstance(known.outcome, Respond) and brings_token(known.outcome)
        return brought and now - known.ended_at < self.grace


def _name_of(issuer: str, request: Request, grant: TokenRequest) -> str:
    """Return what is the same for two requests that must get the same answer."""
    form = sorted((name, list(values)) for name, values in grant.form.items())
    by = request.header("authorization") or ""
    return sha256(json.dumps([issuer, by, form]).encode()).hexdigest()


def _encoded(answer: Respond) -> bytes:
    body = b64encode(answer.body).decode()
    return json.dumps([answer.status, answer.headers, body]).encode()


def _decoded(data: bytes) -> Respond:
    status, headers, body = json.loads(data)
    fields = tuple((str(name), str(value)) for name, value in headers)
    return Respond(int(status), fields, b64decode(body))
