"""RFC 7519 section 7.2: from a string to a principal, and what is remembered of it.

Issuer, algorithm, key, signature, claims, in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from ...errors import InvalidTokenError, TokenTooLargeError
from ..extract.credentials import Credentials
from ..extract.wire import Wire
from ..model.effects import Ask
from ..model.jwk import Key, KeySet
from ..model.origins import claimed_origins
from ..model.policy import Policy
from .claim_login import standing_of
from .claims import checked_facts
from .dpop.binding import Binding
from .gates import Gates
from .issuer_states import IssuerState, issuer_states
from .jose import Compact, parse
from .keys import Emit, KeyCache
from .revocations import Revocations
from .signatures import matching_keys, verifying_key
from .tenants import Issuers, Tenants
from .token_cache import CachedToken, Signed, TokenCache
from .token_rules import TokenRules
from .unmatched import Unmatched

_new: Any = tuple.__new__
"""What a named tuple's own constructor calls, without the call in between."""


class LiveTokens(Protocol):
    """Asks issuers about tokens: see ``core.introspect``."""

    always: Collection[str]

    def owner_of(self, token: str, /) -> Any:
        """Return who is asked about an opaque *token*; None: it is not opaque."""

    def opaque(self, asked: Any, token: str, /) -> Generator[Ask, Any, CachedToken]:
        """Return what the issuer says of an opaque token."""

    def signed(
        self, new: Unverified, keys: Sequence[Key], token: str, /
    ) -> Generator[Ask, Any, CachedToken]:
        """Return what a JWT says that its issuer calls active."""

    def after_fork(self) -> None:
        """Forget what threads of the parent process were doing."""

    def demand(self, known: CachedToken, token: str, /) -> Generator[Ask, Any, None]:
        """Refuse a token that is not active."""


class Unverified(NamedTuple):
    """A token that is taken apart, and whose claims are not checked yet."""

    compact: Compact
    rules: TokenRules
    cache: KeyCache

    def matching_keys(self, held: KeySet) -> Sequence[Key]:
        """Return the keys of *held* that fit the header (RFC 7515 section 6)."""
        return matching_keys(self.compact, held, self.rules)

    def keys_at_hand(self) -> Sequence[Key]:
        """Return those of the keys at hand; none: there is more to do."""
        compact, rules, cache = self
        held = cache.at_hand()
        return () if held is None else matching_keys(compact, held, rules)


class Verifier:
    """Verifies tokens of the issuers that a policy trusts."""

    def __init__(
        self,
        policy: Policy,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        revocations: Revocations,
        before: Verifier | None = None,
        *,
        shared: bool = False,
    ) -> None:
        self.revocations = revocations
        self.token_cache = TokenCache(policy.token_cache)
        held = before.trusted if before is not None else {}
        self.trusted: dict[str, IssuerState] = issuer_states(
            policy, monotonic, emit, held
        )
        kept = before.tenants if before is not None else None
        self.tenants: Tenants = Tenants(policy, monotonic, emit, kept)
        self.issuers = Issuers(self.trusted, self.tenants)
        self._nameless = next(
            (t for t in self.trusted.values() if "iss" not in t.rules.profile.require),
            None,
        )
        self.unmatched = Unmatched(now, emit)
        self.binding = Binding(policy, now, monotonic, emit, shared=shared)
        if before is not None:  # a proof that was used is not new under this policy
            self.binding.replays.memory.take_over(before.binding.replays.memory)
        self.gates = Gates(
            now, monotonic, policy.leeway, revocations, self.unmatched, self.binding
        )
        self.live: LiveTokens | None = None
        """Asks issuers about tokens, where the policy does."""
        self._signed = lru_cache(maxsize=256)(Signed)
        """One object for all tokens of a key: a new key set is searched once for it."""
        self._origins_claim = policy.origins_claim
        self._standing = standing_of(policy)
        self._longest = policy.max_token_bytes
        self._now = now

    def verify(
        self, shown: Credentials, wire: Wire | None = None, *, live: bool = False
    ) -> Generator[Ask, Any, CachedToken]:
        """Return what a token says, or raise ``AuthError``.

        New and known tokens pass the same gates. *live*: the issuer has to call the
        token active here, if it is asked at all.
        """
        token = shown.token
        digest, found = self._look_up(token)
        known = found or (yield from self._new(token))
        if live and self.live is not None:
            yield from self.live.demand(known, token)
        yield from self.gates.check(known, shown, wire)
        if found is None:
            self.token_cache.put(digest, known)
        return known

    def _new(self, token: str) -> Generator[Ask, Any, CachedToken]:
        """Return what a token says that is not known yet."""
        live = self.live
        if live is not None and (asked := live.owner_of(token)) is not None:
            return (yield from live.opaque(asked, token))
        new = self._unverified(token)
        # Without a generator where the keys are at hand, which they mostly are.
        keys = new.keys_at_hand() or (yield from new.cache.find(new.matching_keys))
        if live is not None and new.rules.issuer in live.always:
            return (yield from live.signed(new, keys, token))
        return self._verified(new, keys)

    def verify_at_once(self, shown: Credentials) -> CachedToken | None:
        """Do what ``verify`` does, or return None if that needs the outside."""
        digest, known = self._look_up(shown.token)
        if known is None:
            return self.verify_new_at_once(shown, None, digest)
        return self.gates.check_at_once(known, shown, None)

    def _look_up(self, token: str) -> tuple[bytes, CachedToken | None]:
        """Return the key of a token in the cache, and what is known of it."""
        # Before anything is decoded: parsing takes time in proportion to the length.
        if len(token) > self._longest:
            raise TokenTooLargeError("token_too_long")
        return self.token_cache.get(token)

    def verify_new_at_once(
        self, shown: Credentials, wire: Wire | None, digest: bytes
    ) -> CachedToken | None:
        """Do the same with a token that is not known, or return None.

        None: it needs the outside. *digest* is its key in the cache.
        """
        live = self.live
        if live is not None and live.owner_of(shown.token) is not None:
            return None
        new = self._unverified(shown.token)
        if live is not None and new.rules.issuer in live.always:
            return None
        keys = new.keys_at_hand()
        if not keys:
            return None
        known = self._verified(new, keys)
        if self.gates.check_at_once(known, shown, wire) is None:
            return None
        self.token_cache.put(digest, known)
        return known

    def signed(self, token: str) -> Generator[Ask, Any, Unverified]:
        """Return a token that its issuer has signed; its claims are not checked.

        Raises ``InvalidTokenError`` and ``KeysUnavailableError``.
        """
        new = self._unverified(token)
        verifying_key(new.compact, (yield from new.cache.find(new.matching_keys)))
        return new

    def _unverified(self, token: str) -> Unverified:
        """Take a token apart; refuse it before any key is looked for, if it is bad."""
        compact = parse(token)
        rules, cache = self.issuer_of(compact)
        # RFC 8725 section 3.1: `none` and HS256 end here, before a key is looked for.
        if compact.header.alg not in rules.algorithms:
            raise InvalidTokenError("wrong_algorithm")
        new: Unverified = _new(Unverified, (compact, rules, cache))
        return new

    def _verified(self, new: Unverified, keys: Sequence[Key]) -> CachedToken:
        """Check signature and claims."""
        signed = self.signed_by(new, verifying_key(new.compact, keys))
        return self.cached(new.rules, new.compact, signed)

    def signed_by(self, new: Unverified, key: Key) -> Signed:
        """Return what has signed a token, if its key is published still."""
        if new.rules.tenant is not None:
            self.tenants.prove(IssuerState(new.rules, new.cache))
        held = new.cache.snapshot.key_set
        signed_with = key.material, new.compact.header.alg
        # The key was withdrawn between the look-up and now: the token is not cached.
        if held is None or signed_with not in held.published:
            return Signed(new.cache, None, signed_with)
        return self._signed(new.cache, held, signed_with)

    def cached(
        self, rules: TokenRules, compact: Compact, signed: Signed
    ) -> CachedToken:
        """Check the claims of a token whose signature is good, or raise."""
        now = self._now()
        facts = checked_facts(rules, compact, now)
        self.gates.note_verified(now)
        claims = compact.claims
        if self._origins_claim is not None:
            listed = claimed_origins(claims, self._origins_claim)
            facts = facts.replace(origins=listed)
        if self._standing is not None:
            facts = facts.replace(standing=self._standing(claims, facts))
        return CachedToken(facts, signed, bearer=self.binding.is_bearer(facts))

    def after_fork(self) -> None:
        """Forget what threads of the parent process were doing."""
        self.token_cache.after_fork()
        self.unmatched.after_fork()
        self.tenants.after_fork()
        self.binding.replays.memory.after_fork()
        for trusted in self.trusted.values():
            trusted.key_cache.after_fork()
        if self.live is not None:
            self.live.after_fork()

    def issuer_of(self, compact: Compact) -> IssuerState:
        """Return the issuer that the token claims, if it is trusted; no I/O."""
        name = compact.claims.get("iss")
        # RFC 7519 does not require `iss`. Only one issuer may leave it out, so the
        # answer is never a guess.
        if name is None and self._nameless is not None:
            return self._nameless
        if name is None:
            raise InvalidTokenError("missing_claim", detail="iss")
        found = self.issuers.find(name) if isinstance(name, str) else None
        if found is None:
            raise InvalidTokenError("unknown_issuer")
        return found
