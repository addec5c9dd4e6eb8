"""Scope rules that ask for a login which nobody can have (RFC 9470 section 3)."""

from __future__ import annotations

from .patterns import overlap
from .policy_fields import PolicyFields
from .scope_rule import ScopeRule
from .validation import Problems


def check_acr(policy: PolicyFields, problems: Problems) -> None:
    """Refuse rules for one path that have no ``acr`` in common: a token has one."""
    asking = [rule for rule in policy.scopes if rule.acr]
    for number, one in enumerate(asking):
        for other in asking[number + 1 :]:
            if _meet(one, other) and set(one.acr).isdisjoint(other.acr):
                text = f"no acr satisfies this rule and that of {other.path!r} too"
                problems.add(("scopes", one.path, "acr"), text)


def _meet(one: ScopeRule, other: ScopeRule) -> bool:
    """Whether both name some request."""
    return overlap(one.path, other.path) and (
        not one.methods
        or any(other.takes(method) for method in one.methods)
        or any(one.takes(method) for method in other.methods)
    )
