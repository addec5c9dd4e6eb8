"""One refresh for concurrent requests with one token (RFC 9700 section 4.14.2).

An issuer that rotates refresh tokens takes a second use for theft, and ends the
session. Two tabs that use one token at the same time get the same response here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
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
from .kept_answers import (
    Kept,
    KeptAnswers,
    decoded,
    encoded,
    end_everywhere,
    is_ended,
    mark_of,
    marks_in,
)
from .same_refresh import answer_or_raise, is_about_proof, name_of

MOST = 1024
"""Most responses that a process remembers, each of at most 64 KiB."""
MOST_AT_ONCE = 32
"""Refreshes in threads of their own. Above that, the request that comes first asks the
issuer itself: random refresh tokens must not take a thread each."""
ATTEMPTS = 3
"""How often a request may join a refresh whose proof is then refused."""

AskUpstream = Callable[[Save | None], Generator[Ask, Any, Respond]]
"""Forwards the form and renews the lease meanwhile; raises ``GrantError``."""


class Refresh:
    """One refresh, with its flight and its outcome."""

    def __init__(
        self,
        owner: SharedRefreshes,
        name: str,
        now: float,
        ask: AskUpstream,
        issuer: str = "",
        token: str = "",
    ) -> None:
        self.outcome: Respond | GrantError | None = None
        self.name = name
        self.issuer = issuer
        self.mark = mark_of(issuer, token)
        """By what a revocation names the refresh token that is spent."""
        self.keep = True
        """Whether this process may remember the answer."""
        patience = owner.patience
        self.flight = Flight(self, now, patience=patience, limit=2 * patience)
        self._owner = owner
        self._lease = f"relay-lease:{name}"
        self._next = f"relay-next:{name}"
        self._ask = ask

    def fail(self, _flight: Flight, problem: str) -> None:
        """Record that the flight failed, unless it has an outcome."""
        if self.outcome is None:
            error = GrantError("issuer_unreachable", detail=problem)
            self._owner.settle(self, error)

    def refresh(self, _flight: Flight) -> Generator[Ask, Any, None]:
        """Ask the issuer, unless another process does. Runs in the flight's thread."""
        try:
            answer = yield from self._shared()
        except GrantError as error:
            self._owner.settle(self, error)
            return
        self._owner.settle(self, answer)

    def _shared(self) -> Generator[Ask, Any, Respond]:
        sealer = self._owner.sealer
        if sealer is None:
            return (yield from self._ask(None))
        try:
            found = yield from found_or_leased(
                self._lease, self._left_by_others, self._owner.patience
            )
        except StateUnavailableError:  # refresh without the lease
            return (yield from self._ask(None))
        except FetchFailedError as error:
            raise GrantError("issuer_timeout", detail=str(error)) from None
        if found is None:
            found = yield from self._asked(sealer)
        else:  # its time began when the other process got it
            self.keep = False
        yield Remove(self._lease)
        return found

    def _asked(self, sealer: Sealer) -> Generator[Ask, Any, Respond]:
        """Return the issuer's response, and store new tokens for other processes."""
        try:
            answer = yield from self._ask(Save(self._lease, b"", LEASE))
        except GrantError:
            yield Remove(self._lease)
            raise
        if brings_token(answer):
            sealed = sealer.seal(encoded(answer), self._next)
            yield Save(self._next, sealed, self._owner.grace)
            return answer
        # The lease may have run out before the other process had its answer.
        found = yield from self._left_by_others(lost=True)
        self.keep = found is None
        return found or answer

    def _left_by_others(self, *, lost: bool = False) -> Generator[Ask, Any, Any]:
        sealer = self._owner.sealer
        try:
            value = yield from ask_state(Load(self._next))
            if value is None or sealer is None:
                return None
            found = decoded(sealer.open(value, self._next))
            marks = {self.mark} | marks_in(self.issuer, found)
            return None if (yield from is_ended(marks)) else found
        except StateUnavailableError:
            if lost:
                return None
            raise
        except ValueError:
            return None


class SharedRefreshes:
    """The refreshes of one relay, whose responses are kept for a while.

    With secrets and a shared state, processes share them too.
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
        """Forget all refreshes, whose threads belong to the parent process."""
        self._lock = Lock()
        self._kept = KeptAnswers(self.grace, MOST, self._monotonic)
        self._under_way: dict[str, Refresh] = {}
        self._in_threads: set[Refresh] = set()

    def answer(
        self, issuer: str, request: Request, grant: TokenRequest, ask: AskUpstream
    ) -> Generator[Ask, Any, Respond]:
        """Return the response to a refresh; raise ``GrantError``.

        Requests with the same form and client authentication get the same response
        while it is in progress, and for ``grace`` seconds if it has tokens.
        """
        name = name_of(issuer, request, grant)
        token = grant.form.get("refresh_token", [""])[0]
        for _ in range(ATTEMPTS):  # mostly once
            now = self._monotonic()
            made = Refresh(self, name, now, ask, issuer, token)
            found = yield from self._ended(made)
            if isinstance(found, Kept):
                return found.answer
            outcome = found.outcome
            # A proof of the same key was refused, which says nothing of this one.
            if found is made or outcome is None or not is_about_proof(request, outcome):
                break
        return answer_or_raise(outcome)

    def _ended(self, made: Refresh) -> Generator[Ask, Any, Refresh | Kept]:
        """Return what is kept, or the refresh under way, else *made*, when it ended."""
        found = self._join(made)
        while isinstance(found, Kept):
            if (yield from self._is_good(found)):
                return found
            self._drop(made.mark)  # that of *found*, too
            found = self._join(made)
        if found is made:
            yield from self._begin(found)
        if found.outcome is None:
            yield Await(found.flight)
        return found

    def revoked(self, issuer: str, token: str) -> Generator[Ask, Any, None]:
        """Keep no answer that *token* was sent for, or that brought it."""
        mark = mark_of(issuer, token)
        self._drop(mark)
        if self.sealer is not None:  # an answer may be under way, and kept afterwards
            yield from end_everywhere(mark, self.grace + 2 * self.patience)

    def settle(self, refresh: Refresh, outcome: Respond | GrantError) -> None:
        """Note what came of *refresh*; only new tokens are kept."""
        marks: set[str] = set()
        if isinstance(outcome, Respond) and brings_token(outcome):
            marks = {refresh.mark} | marks_in(refresh.issuer, outcome)
        with self._lock:
            refresh.outcome = outcome
            self._forget(refresh)
            if isinstance(outcome, Respond) and marks and refresh.keep:
                self._kept.add(refresh.name, outcome, frozenset(marks))

    def _join(self, made: Refresh) -> Refresh | Kept:
        """Return what there is already, or else *made*, for the caller to begin."""
        now = self._monotonic()
        with self._lock:
            known = self._under_way.get(made.name)
            if known is not None and not self._is_lost(known, now):
                return known
            kept = self._kept.get(made.name)
            if kept is not None:
                return kept
            for one in [one for one in self._in_threads if self._is_lost(one, now)]:
                self._forget(one)
            self._under_way[made.name] = made
            if len(self._in_threads) < MOST_AT_ONCE:
                self._in_threads.add(made)
            return made

    def _begin(self, made: Refresh) -> Generator[Ask, Any, None]:
        """Ask the issuer, in a thread while there are not too many."""
        if made in self._in_threads:
            yield Start(made.flight)
            return
        try:
            yield from made.refresh(made.flight)
        finally:  # whoever sent this request may have gone
            made.fail(made.flight, "the request that asked was cancelled")
            made.flight.done.set_result(None)

    def _is_good(self, kept: Kept) -> Generator[Ask, Any, bool]:
        """Whether no process knows that the tokens of *kept* were revoked."""
        if self.sealer is None:
            return True
        try:
            return not (yield from is_ended(kept.marks))
        except StateUnavailableError:  # the issuer knows
            return False

    def _drop(self, mark: str) -> None:
        with self._lock:
            self._kept.drop(mark)
            for one in self._under_way.values():
                one.keep = one.keep and one.mark != mark

    def _forget(self, refresh: Refresh) -> None:
        self._in_threads.discard(refresh)
        if self._under_way.get(refresh.name) is refresh:
            del self._under_way[refresh.name]

    def _is_lost(self, refresh: Refresh, now: float) -> bool:
        """Whether its thread does not come back: nobody waits for it any more."""
        return now - refresh.flight.claimed_at >= 4 * self.patience
