"""RFC 7519 section 7.2: from a string to a principal, and what is remembered of it.

Issuer, algorithm, key, signature, claims, in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from math import inf
from typing import Any, NamedTuple

from ..errors import InvalidTokenError, TokenTooLargeError
from .issuers import TrustedIssuer
from .jose import Compact, parse
from .jwk import Key, KeySet
from .keys import Emit, KeyCache
from .memory import Memory, Remembered
from .messages import Ask, Principal
from .policy import Policy
from .tokens import TokenRules


class Trusted(NamedTuple):
    """One issuer: its rules and its keys."""

    rules: TokenRules
    keys: KeyCache


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

    def recall(self, token: str) -> Principal | None:
        """Return who *token* speaks for if that is known and nothing has changed since.

        Raises ``InvalidTokenError`` for a token that has ended; None means: ``verify``.
        """
        known = self.memory.get(token)
        if known is None or not known.cache.is_fresh(known.keys):
            return None
        self._check_times(known)
        return Principal.of(known.facts, token)

    def verify(self, token: str) -> Generator[Ask, Any, Principal]:
        """Return who *token* speaks for, or raise ``AuthError``."""
        if len(token) > self._longest:
            raise TokenTooLargeError("token_too_long")
        known = self.memory.get(token)
        if known is not None:
            return (yield from self._still(known, token))
        compact = parse(token)
        trusted = self.issuer_of(compact)
        rules = trusted.rules
        if compact.header.alg not in rules.algorithms:
            raise InvalidTokenError("wrong_algorithm")
        keys = yield from trusted.keys.find(
            lambda held: candidates(compact, held, rules)
        )
        key = verifying_key(compact, keys)
        principal = rules.principal(token, compact, self._now())
        held = trusted.keys.snapshot.keys
        if held is not None and key.material in held.materials:
            nbf = compact.claims.get("nbf", -inf)
            facts, material = principal.facts, key.material
            entry = Remembered(facts, nbf, trusted.keys, held, material)
            self.memory.put(token, entry)
        return principal

    def _still(self, known: Remembered, token: str) -> Generator[Ask, Any, Principal]:
        """A remembered token whose keys are due: is its own still published?"""
        self._check_times(known)
        yield from known.cache.find(lambda held: holding(known.material, held))
        held = known.cache.snapshot.keys
        if held is not None and known.material in held.materials:
            known.keys = held
        return Principal.of(known.facts, token)

    def _check_times(self, known: Remembered) -> None:
        now = self._now()
        if known.facts.expires_at <= now - self._leeway:
            raise InvalidTokenError("expired")
        if known.not_before > now + self._leeway:
            raise InvalidTokenError("not_yet_valid")

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
    audience = issuer.audience if issuer.audience is not None else policy.audience
    names = audience if isinstance(audience, str) else frozenset(audience or ())
    return TokenRules(
        issuer=issuer.url,
        profile=issuer.rules,
        audience=names,  # type: ignore[arg-type]  # a str is "unchecked" alone
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


def holding(material: bytes, held: KeySet) -> Sequence[Key]:
    """Return the keys that are the very one with *material*, whatever their names."""
    return [key for key in held.keys if key.material == material]


def verifying_key(compact: Compact, keys: Sequence[Key]) -> Key:
    """Return the key that made the signature (RFC 7515 section 5.2)."""
    alg = compact.header.alg
    for key in keys:
        if key.verifies(alg, compact.signing_input, compact.signature):
            return key
    raise InvalidTokenError("bad_signature")
