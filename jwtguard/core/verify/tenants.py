"""The issuers of tenants: made as their tokens arrive, and bounded.

Where any tenant is accepted, whoever sends a token chooses its name. So a tenant counts
only once a token of it was verified, and until then it may be asked for little.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from math import inf
from threading import Lock
from typing import Any, NamedTuple

from ...errors import InvalidTokenError, KeysUnavailableError
from ..model.effects import Ask, Exchange, FetchFailedError
from ..model.issuers import TrustedIssuer
from ..model.jwk import Key, KeySet
from ..model.policy import Policy
from ..model.tenants import ANY
from .budget import Budget
from .discovery import ABSENT
from .issuer_states import IssuerState, kept_or_new, key_cache_for, rules_of
from .key_fetch import KeyFetch, Snapshot
from .keys import Emit, KeyCache, Wanted

KEPT = 100
"""Tenants whose keys are held, for each issuer that accepts any of them."""
UNKNOWN_FOR = 60.0
"""Seconds for which the outcome of asking for a new tenant is remembered."""


class _Fetch:
    """Fetches as *fetch* does, and notes that the issuer does not exist."""

    def __init__(self, fetch: KeyFetch) -> None:
        self._fetch = fetch
        self.failed, self.source = fetch.failed, fetch.source
        self.absent = False

    def obtain(
        self, before: Snapshot
    ) -> Generator[Exchange, Any, tuple[str, KeySet, Snapshot]]:
        self.absent = False
        try:
            return (yield from self._fetch.obtain(before))
        except FetchFailedError as error:
            self.absent = error.kind == ABSENT
            raise


class NewTenantKeys(KeyCache):
    """The keys of a tenant whose name somebody has sent in a token.

    Until a token of it was verified, it is asked for once a minute at most, and only
    as far as the budget of all new tenants goes.
    """

    def __init__(self, *given: Any, budget: Budget, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.fetch: Any = _Fetch(self.fetch)
        self.budget = budget
        self._asked_until = -inf
        self.proved = False

    def find(self, wanted: Wanted) -> Generator[Ask, None, Sequence[Key]]:
        """Return the keys that *wanted* picks; raise if there are none."""
        # From then on it is an issuer like any other, with cooldown and back-off.
        if self.proved:
            return (yield from super().find(wanted))
        found = self._known(wanted)
        if found:
            return found
        self._begin()
        try:
            return (yield from super().find(wanted))
        except KeysUnavailableError:
            raise self._refusal() from None

    def _known(self, wanted: Wanted) -> Sequence[Key]:
        keys = self.snapshot.held(self._monotonic())
        return wanted(keys) if keys is not None else ()

    def _begin(self) -> None:
        """Take the right to ask; raise if this tenant or all of them were asked for."""
        with self._lock:
            if self._monotonic() < self._asked_until:
                # Without an outcome, somebody is asking just now.
                if self.snapshot.failures or self.snapshot.key_set is not None:
                    raise self._refusal()
                return
            # Before the outcome is known: invented names must cost the same whether or
            # not the server answers.
            wait = self.budget.take()
            if wait:
                raise KeysUnavailableError(retry_after=wait)
            self._asked_until = self._monotonic() + UNKNOWN_FOR

    def _refusal(self) -> InvalidTokenError | KeysUnavailableError:
        snapshot, now = self.snapshot, self._monotonic()
        if snapshot.held(now) is not None:
            return InvalidTokenError("unknown_key")
        # 401 only if the server says so: else every sign-in would fail in an outage.
        if snapshot.failures and self.fetch.absent:
            return InvalidTokenError("unknown_issuer", detail="no such tenant")
        return KeysUnavailableError(retry_after=max(1.0, self._asked_until - now))

    def prove(self) -> bool:
        """Note that a token of this tenant was verified; return whether that is new."""
        new, self.proved = not self.proved, True
        if new:
            self.budget.give_back()
        return new


class _Kept(NamedTuple):
    """The tenants of one issuer."""

    issuer: TrustedIssuer
    shared: KeyCache | None
    """The keys of all tenants, where they have the same."""
    proved: OrderedDict[str, IssuerState]
    new: OrderedDict[str, IssuerState]
    """Whoever sends tokens fills this one, and nothing in the other is lost by it."""


class Tenants:
    """The tenants of the issuers of one policy."""

    def __init__(
        self,
        policy: Policy,
        monotonic: Callable[[], float],
        emit: Emit,
        before: Tenants | None = None,
    ) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._emit = emit
        self.budget = Budget(monotonic)
        self._lock = Lock()
        self._kept = [
            _Kept(issuer, self._shared(issuer), OrderedDict(), OrderedDict())
            for issuer in policy.issuers
            if issuer.tenants is not None
        ]
        if before is not None:
            self.budget = before.budget
            for url, state in before.known().items():
                self._keep(url, state)

    def _keep(self, url: str, held: IssuerState) -> None:
        """Take over a tenant of another policy, if this one accepts it."""
        made = self.state_of(url)
        if made is not None:
            cache = kept_or_new(held, made.key_cache)
            self._hold(IssuerState(made.rules, cache))

    def _shared(self, issuer: TrustedIssuer) -> KeyCache | None:
        one = issuer.for_tenant("tenant")
        if one.keys is None and (
            one.jwks_url is None or one.jwks_url != issuer.jwks_url
        ):
            return None
        return key_cache_for(issuer, self._policy, self._monotonic, self._emit)

    def state_of(self, url: str) -> IssuerState | None:
        """Return the issuer that ``iss`` names, if it is an accepted tenant; no I/O."""
        for kept in self._kept:
            tenant = kept.issuer.tenant_of(url)
            if tenant is not None:
                return self._state(kept, tenant, url)
        return None

    def _state(self, kept: _Kept, tenant: str, url: str) -> IssuerState:
        with self._lock:
            known = kept.proved.get(url)
            if known is not None:
                kept.proved.move_to_end(url)
                return known
            known = kept.new.get(url)
            if known is None:
                known = kept.new[url] = self._made(kept, tenant)
                if len(kept.new) > self._size(kept):
                    kept.new.popitem(last=False)
            else:
                kept.new.move_to_end(url)
            return known

    def _made(self, kept: _Kept, tenant: str) -> IssuerState:
        # Only the name is a stranger's: everything else is the operator's.
        issuer = kept.issuer.for_tenant(tenant)
        rules = rules_of(issuer, self._policy, kept.issuer.url, tenant)
        if kept.shared is not None:
            return IssuerState(rules, kept.shared)
        given = (issuer, self._policy, self._monotonic, self._emit)
        # Listed names are as many as the operator wants, so no budget is needed.
        if kept.issuer.tenants != ANY:
            return IssuerState(rules, key_cache_for(*given))
        kind, budget = NewTenantKeys, self.budget
        return IssuerState(rules, key_cache_for(*given, kind=kind, budget=budget))

    @staticmethod
    def _size(kept: _Kept) -> int:
        # The operator has chosen the names of a list, so all of them may be held: an
        # attacker could otherwise make them evict each other, at a fetch each.
        tenants = kept.issuer.tenants
        return KEPT if tenants == ANY or tenants is None else max(KEPT, len(tenants))

    def prove(self, state: IssuerState) -> None:
        """Note that a token of this tenant was verified: it stays when others come."""
        cache = state.key_cache
        if not isinstance(cache, NewTenantKeys) or cache.prove():
            self._hold(state)

    def _hold(self, state: IssuerState) -> None:
        url = state.rules.issuer
        for kept in self._kept:
            with self._lock:
                if url in kept.proved or kept.issuer.tenant_of(url) is None:
                    continue
                kept.new.pop(url, None)
                kept.proved[url] = state
                if len(kept.proved) > self._size(kept):
                    kept.proved.popitem(last=False)

    def known(self) -> dict[str, IssuerState]:
        """Return the tenants whose tokens were verified lately, by URL."""
        with self._lock:
            return {url: one for kept in self._kept for url, one in kept.proved.items()}

    def after_fork(self) -> None:
        """Begin anew: threads and locks belong to the parent process."""
        self._lock = Lock()
        self.budget.after_fork()
        for cache in self._caches():
            cache.after_fork()

    def _caches(self) -> Iterator[KeyCache]:
        for kept in self._kept:
            for state in (*kept.proved.values(), *kept.new.values()):
                yield state.key_cache
            if kept.shared is not None:
                yield kept.shared


class Issuers(Mapping[str, IssuerState]):
    """Every trusted issuer by its URL; of tenants, it lists those known now."""

    def __init__(self, alone: Mapping[str, IssuerState], tenants: Tenants) -> None:
        self._alone = alone
        self._tenants = tenants

    def find(self, url: str) -> IssuerState | None:
        """Return the issuer of that URL, or None if it is not trusted."""
        return self._alone.get(url) or self._tenants.state_of(url)

    def __getitem__(self, url: str) -> IssuerState:
        found = self.find(url)
        if found is None:
            raise KeyError(url)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter((*self._alone, *self._tenants.known()))

    def __len__(self) -> int:
        return sum(1 for _ in self)
