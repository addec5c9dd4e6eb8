"""How and when the user signed in (RFC 9068 section 2.2.1), and the claim rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from ..model.claim_rule import ClaimRule, same
from ..model.facts import Facts, Standing
from ..model.policy import Policy
from .claim_times import is_time
from .token_rules import Claims, values_at


def acr_of(claims: Claims) -> str | None:
    """Return the authentication context: one string; anything else says nothing."""
    # Keycloak had numbers once; several values would leave open which one counts.
    acr = claims.get("acr")
    return _shared(acr) if isinstance(acr, str) and acr else None


def authenticated_at(claims: Claims) -> float | None:
    """Return when the user signed in; never ``iat``, which is new after a refresh."""
    at = claims.get("auth_time")
    return float(at) if is_time(at) else None  # type: ignore[arg-type]


@lru_cache(maxsize=256)
def _shared(acr: str) -> str:
    """Few values go round, in many tokens: one string serves them all."""
    return acr


def standing_of(policy: Policy) -> Callable[[Claims, Facts], Standing] | None:
    """Return what reads the standing of a token, or None if no rule asks for it.

    Without such rules nothing is added to the key of what is remembered.
    """
    # A policy that asks for scopes alone remembers as if there were no such rules.
    # A second policy is judged by the same facts, so they hold what its rules ask, too.
    both = [one for one in (policy, policy.shadow) if one is not None]
    rules = tuple(dict.fromkeys(rule for one in both for rule in one.rules))
    by_acr = any(rule.acr for one in both for rule in one.scopes)
    if not rules and not by_acr:
        return None
    return lambda claims, facts: Standing(
        facts.acr if by_acr else None, _unmet(rules, claims)
    )


def _unmet(rules: Iterable[ClaimRule], claims: Claims) -> frozenset[ClaimRule]:
    return frozenset(rule for rule in rules if not meets(claims, rule))


def meets(claims: Claims, rule: ClaimRule) -> bool:
    """Whether *claims* have what *rule* asks for: one value of each claim's list."""
    return all(
        any(same(found, value) for found in values_at(claims, name) for value in wanted)
        for name, wanted in rule.claims
    )
