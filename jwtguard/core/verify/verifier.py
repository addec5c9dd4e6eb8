"""RFC 7519 section 7.2: from a string to a principal, and what is remembered of it.

Issuer, algorithm, key, signature, claims, in this order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from math import inf
from typing import Any, NamedTuple

from ...errors import InvalidTokenError, TokenTooLargeError
from ..extract.credentials import Credentials
from ..extract.wire import Wire
from ..model.effects import Ask, CatchUp, Load, StateUnavailableError
from ..model.issuers import TrustedIssuer
from ..model.jwk import Key, KeySet
from ..model.origins import claimed_origins
from ..model.policy import Policy
from .claims import principal_of, time_error
from .entries import REASONS as REVOKED
from .entries import decoded, marks_of
from .jose import Compact, parse
from .keys import Emit, KeyCache
from .revocations import Found, Revocations
from .token_cache import CachedToken, Lookup, TokenCache
from .token_rules import TokenRules


class IssuerState(NamedTuple):
    """One issuer: its rules and its keys."""

    rules: TokenRules
    key_cache: KeyCache


class Unverified(NamedTuple):
    """A token that is taken apart, and whose claims are not checked yet."""

    compact: Compact
    rules: TokenRules
    cache: KeyCache

    def matching_keys(self, held: KeySet) -> Sequence[Key]:
        """Return the keys of *held* that fit the header (RFC 7515 section 6)."""
        return matching_keys(self.compact, held, self.rules)


Gate = Callable[
    [CachedToken, Credentials, Wire | None], Generator[Ask, Any, None] | None
]
"""What a token passes each time it is used, new or known.

It raises ``InvalidTokenError``, or returns what is left to do if it needs the outside.
"""


class Verifier:
    """Verifies tokens of the issuers that a policy trusts."""

    def __init__(
        self,
        policy: Policy,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
        revocations: Revocations,
    ) -> None:
        self.revocations = revocations
        self.token_cache = TokenCache(policy.token_cache)
        self.trusted = {
            issuer.url: IssuerState(
                rules_of(issuer, policy), key_cache_for(issuer, policy, monotonic, emit)
            )
            for issuer in policy.issuers
        }
        self._nameless = next(
            (t for t in self.trusted.values() if "iss" not in t.rules.profile.require),
            None,
        )
        self.gates: list[Gate] = [
            self.check_times,
            self.check_key,
            self.check_revoked,
        ]
        self._origins_claim = policy.origins_claim
        self._leeway = policy.leeway
        self._longest = policy.max_token_bytes
        self._now = now
        self._monotonic = monotonic

    def verify(
        self, shown: Credentials, wire: Wire | None = None
    ) -> Generator[Ask, Any, CachedToken]:
        """Return what a token says, or raise ``AuthError``.

        New and known tokens pass the same gates.
        """
        token = shown.token
        if len(token) > self._longest:
            raise TokenTooLargeError("token_too_long")
        digest, found = self.token_cache.get(token)
        known = found or self._verified(
            new := self._unverified(token),
            (yield from new.cache.find(new.matching_keys)),
        )
        for gate in self.gates:
            rest = gate(known, shown, wire)
            if rest is not None:
                yield from rest
        if found is None:
            self.token_cache.put(digest, known)
        return known

    def verify_at_once(
        self, shown: Credentials, wire: Wire, lookup: Lookup
    ) -> CachedToken | None:
        """Do the same, or return None if it needs the outside."""
        digest, found = lookup
        known = found
        if known is None:
            new = self._unverified(shown.token)
            keys = new.cache.at_hand(new.matching_keys)
            if not keys:
                return None
            known = self._verified(new, keys)
        for gate in self.gates:
            if gate(known, shown, wire) is not None:
                return None
        if found is None:
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
        if compact.header.alg not in rules.algorithms:
            raise InvalidTokenError("wrong_algorithm")
        return Unverified(compact, rules, cache)

    def _verified(self, new: Unverified, keys: Sequence[Key]) -> CachedToken:
        """Check signature and claims."""
        compact, rules, cache = new
        key = verifying_key(compact, keys)
        facts = principal_of(rules, "", compact, self._now()).facts
        claims = compact.claims
        if self._origins_claim is not None:
            listed = claimed_origins(claims, self._origins_claim)
            facts = facts._replace(origins=listed)
        signed_with, held = (key.material, compact.header.alg), cache.snapshot.key_set
        if held is not None and signed_with not in held.published:
            held = None
        starts = max(claims.get("nbf", -inf), claims.get("iat", -inf))
        validity = starts - self._leeway, facts.expires_at + self._leeway
        return CachedToken(facts, validity, cache, held, signed_with)

    def check_times(
        self, known: CachedToken, _shown: Credentials, _wire: Wire | None
    ) -> None:
        """Refuse a token outside its validity period (RFC 7519 section 4.1)."""
        now = self._now()
        if not known.valid_from <= now < known.valid_until:
            claims = json.loads(known.facts.payload)
            nbf, iat = claims.get("nbf", -inf), claims.get("iat", -inf)
            ends = known.facts.expires_at
            if reason := time_error(ends, nbf, iat, now, self._leeway):
                raise InvalidTokenError(reason)

    def check_key(
        self, known: CachedToken, _shown: Credentials, _wire: Wire | None
    ) -> Generator[Ask, Any, None] | None:
        """Refuse a token whose key is no longer published."""
        snapshot = known.cache.snapshot
        if (
            snapshot.key_set is known.key_set
            and self._monotonic() < snapshot.refresh_at
        ):
            return None
        return self._recheck_key(known)

    def _recheck_key(self, known: CachedToken) -> Generator[Ask, Any, None]:
        yield from known.cache.find(lambda held: publishing(known.signed_with, held))
        held = known.cache.snapshot.key_set
        if held is not None and known.signed_with in held.published:
            known.key_set = held

    def check_revoked(
        self, known: CachedToken, shown: Credentials, _wire: Wire | None
    ) -> Generator[Ask, Any, None] | None:
        """Refuse a token that was revoked; each new entry costs one more look."""
        revoked = self.revocations
        if known.generation == revoked.generation:
            return None
        return (
            self._look_up(known, shown) if revoked.ready else self._read(known, shown)
        )

    def _read(
        self, known: CachedToken, shown: Credentials
    ) -> Generator[Ask, Any, None]:
        """Look at a token when what others revoked has been read, or cannot be now."""
        yield CatchUp()
        rest = self._look_up(known, shown)
        if rest is not None:
            yield from rest

    def _look_up(
        self, known: CachedToken, shown: Credentials
    ) -> Generator[Ask, Any, None] | None:
        if known.revoked:
            raise InvalidTokenError(known.revoked)
        generation = self.revocations.generation  # before the look: more may come
        found = self.revocations.find(marks_of(known.facts, shown.token))
        if found.reason:
            known.revoked = found.reason
            raise InvalidTokenError(found.reason)
        if found.unsure:
            return self._make_sure(known, found, generation)
        known.generation = generation
        return None

    def _make_sure(
        self, known: CachedToken, found: Found, generation: int
    ) -> Generator[Ask, Any, None]:
        """Ask the shared state for entries that were packed; alone, believe them."""
        for kind, key in found.unsure:
            reason = REVOKED[kind]
            if not self.revocations.shared:
                known.revoked = reason
                raise InvalidTokenError(reason)
            value = yield Load(key)
            if isinstance(value, StateUnavailableError):
                raise InvalidTokenError(reason)  # for now
            entry = decoded(value) if value is not None else None
            issued_at = known.facts.issued_at
            if value is not None and (entry is None or entry.hits(issued_at)):
                known.revoked = reason
                raise InvalidTokenError(reason)
        known.generation = generation

    def issuer_of(self, compact: Compact) -> IssuerState:
        """Return the issuer that the token claims, if it is trusted; no I/O."""
        name = compact.claims.get("iss")
        if name is None and self._nameless is not None:
            return self._nameless
        if name is None:
            raise InvalidTokenError("missing_claim", detail="iss")
        found = self.trusted.get(name) if isinstance(name, str) else None
        if found is None:
            raise InvalidTokenError("unknown_issuer")
        return found


def rules_of(issuer: TrustedIssuer, policy: Policy) -> TokenRules:
    """Put together what *issuer* and *policy* say about its tokens."""
    audience: Any = policy.audience if issuer.audience is None else issuer.audience
    return TokenRules(
        issuer=issuer.url,
        profile=issuer.rules,
        audience=audience,
        algorithms=issuer.algorithms or policy.algorithms,
        leeway=policy.leeway,
        max_lifetime=issuer.max_lifetime,
        clients=frozenset(
            client.id
            for client in policy.clients
            if client.issuer in (None, issuer.url)
        ),
    )


def key_cache_for(
    issuer: TrustedIssuer, policy: Policy, monotonic: Callable[[], float], emit: Emit
) -> KeyCache:
    """Return the key cache of *issuer*, empty as yet unless its keys were given."""
    return KeyCache(
        issuer,
        monotonic,
        max_age=policy.keys_max_age,
        stale_for=policy.keys_stale_for,
        cooldown=policy.keys_cooldown,
        http_hosts=policy.http_hosts,
        emit=emit,
    )


def matching_keys(compact: Compact, held: KeySet, rules: TokenRules) -> Sequence[Key]:
    """Return the keys that fit the token's header (RFC 7515 section 6)."""
    alg, kid, _ = compact.header
    found = held.select(alg, kid, rules.profile.kidless)
    if not found and kid is not None and kid in held.by_kid:
        raise InvalidTokenError("wrong_algorithm")
    return found


def publishing(signed_with: tuple[bytes, str], held: KeySet) -> Sequence[Key]:
    """Return the keys with this material and algorithm, whatever their names."""
    material, alg = signed_with
    found = [key for key in held.keys if key.material == material]
    fitting = [key for key in found if alg in key.algorithms]
    if found and not fitting:
        raise InvalidTokenError("wrong_algorithm")
    return fitting


def verifying_key(compact: Compact, keys: Sequence[Key]) -> Key:
    """Return the key that made the signature (RFC 7515 section 5.2)."""
    alg = compact.header.alg
    for key in keys:
        if key.verifies(alg, compact.signing_input, compact.signature):
            return key
    raise InvalidTokenError("bad_signature")
