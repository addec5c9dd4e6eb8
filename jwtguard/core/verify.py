"""RFC 7519 section 7.2: from a string to a principal, and what is remembered of it.

Issuer, algorithm, key, signature, claims, in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from math import inf
from typing import Any, NamedTuple

from ..errors import InvalidTokenError, TokenTooLargeError
from .claims import principal_of, time_error
from .issuers import TrustedIssuer
from .jose import Compact, parse
from .jwk import Key, KeySet
from .keys import Emit, KeyCache
from .memory import Memory, Remembered, Seen
from .messages import Ask, Principal
from .policy import Policy
from .tokens import TokenRules


class Trusted(NamedTuple):
    """One issuer: its rules and its keys."""

    rules: TokenRules
    keys: KeyCache


class New(NamedTuple):
    """A token that is not known yet, taken apart."""

    token: str
    digest: bytes
    compact: Compact
    trusted: Trusted

    def candidates(self, held: KeySet) -> Sequence[Key]:
        """Return the keys of *held* that fit the header (RFC 7515 section 6)."""
        return candidates(self.compact, held, self.trusted.rules)


class Verifier:
    """Verifies tokens of the issuers that a policy trusts."""

    def __init__(
        self,
        policy: Policy,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        emit: Emit,
    ) -> None:
        self.memory = Memory(policy.token_cache)
        self.trusted = {
            issuer.url: Trusted(
                rules_of(issuer, policy), keys_of(issuer, policy, monotonic, emit)
            )
            for issuer in policy.issuers
        }
        self._nameless = next(
            (t for t in self.trusted.values() if "iss" not in t.rules.profile.require),
            None,
        )
        self._leeway = policy.leeway
        self._longest = policy.max_token_bytes
        self._now = now

    def verify(self, token: str) -> Generator[Ask, Any, Principal]:
        """Return who *token* speaks for, or raise ``AuthError``."""
        found = self.begin(token)
        return found if isinstance(found, Principal) else (yield from found)

    def begin(
        self, token: str, seen: Seen | None = None
    ) -> Principal | Generator[Ask, Any, Principal]:
        """Return who *token* speaks for, or the rest of the work if keys are due.

        *seen* saves a look into the memory, if it is of this very token. Raises
        ``AuthError`` as soon as the token is known to be no good.
        """
        if len(token) > self._longest:
            raise TokenTooLargeError("token_too_long")
        if seen is None or seen[0] != token:
            seen = self.memory.get(token)
        _, digest, known = seen
        if known is not None:
            if reason := self.untimely(known):
                raise InvalidTokenError(reason)
            if known.cache.is_fresh(known.keys):
                return Principal.of(known.facts, token)
            return self._still(known, token)
        compact = parse(token)
        trusted = self.issuer_of(compact)
        rules = trusted.rules
        if compact.header.alg not in rules.algorithms:
            raise InvalidTokenError("wrong_algorithm")
        new = New(token, digest, compact, trusted)
        keys = trusted.keys.at_hand(new.candidates)
        return self._checked(new, keys) if keys else self._fetching(new)

    def _fetching(self, new: New) -> Generator[Ask, Any, Principal]:
        keys = yield from new.trusted.keys.find(new.candidates)
        return self._checked(new, keys)

    def _checked(self, new: New, keys: Sequence[Key]) -> Principal:
        """Check signature and claims; only what has passed both is remembered."""
        token, digest, compact, (rules, cache) = new
        key = verifying_key(compact, keys)
        principal = principal_of(rules, token, compact, self._now())
        held, signed_with = cache.snapshot.keys, (key.material, compact.header.alg)
        if held is not None and signed_with in held.published:
            claims, facts = compact.claims, principal.facts
            nbf, iat = claims.get("nbf", -inf), claims.get("iat", -inf)
            entry = Remembered(facts, nbf, iat, cache, held, signed_with)
            self.memory.put(digest, entry)
        return principal

    def _still(self, known: Remembered, token: str) -> Generator[Ask, Any, Principal]:
        """A remembered token whose keys are due: is its own still published?"""
        yield from known.cache.find(lambda held: publishing(known.signed_with, held))
        held = known.cache.snapshot.keys
        if held is not None and known.signed_with in held.published:
            known.keys = held
        return Principal.of(known.facts, token)

    def untimely(self, known: Remembered) -> str:
        """Say what is wrong with the times of a remembered token, if anything."""
        ends, begins = known.facts.expires_at, known.not_before
        return time_error(ends, begins, known.issued_at, self._now(), self._leeway)

    def issuer_of(self, compact: Compact) -> Trusted:
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


def keys_of(
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


def candidates(compact: Compact, held: KeySet, rules: TokenRules) -> Sequence[Key]:
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
