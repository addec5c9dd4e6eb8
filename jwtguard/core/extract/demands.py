"""What the rules that name a path ask for together: RFC 6749 section 3.3, RFC 9470."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..model.claim_rule import ClaimRule
from ..model.scope_rule import ScopeRule


class Demands(NamedTuple):
    """What a token needs on a path. Several rules may name it: all of them count."""

    scopes: tuple[str, ...] | None = ()
    """All that are needed; None: there are scope rules, and none names the path."""
    acr: tuple[str, ...] | None = None
    """One of them is needed; empty: the rules exclude each other."""
    max_age: int | None = None
    """Seconds since the user has signed in."""
    rules: tuple[ClaimRule, ...] = ()

    @property
    def any(self) -> bool:
        """Whether more than any token is needed."""
        login = self.acr is not None or self.max_age is not None
        return bool(self.scopes or login or self.rules)


NOTHING = Demands()


def demands_of(
    scopes: Sequence[ScopeRule] | None, rules: Iterable[ClaimRule]
) -> Demands:
    """Put the rules that name a path together; *scopes* None: it needs no scope rule.

    `/*` and `/admin/*` both name a path: it needs the scopes and claims of both, an
    ``acr`` that both accept, and the shorter ``max_age``.
    """
    if scopes is None:
        return Demands(rules=tuple(rules))
    if not scopes:
        return Demands(None, rules=tuple(rules))
    # Each rule was written for a reason of its own, so that the strictest counts.
    ages = [rule.max_age for rule in scopes if rule.max_age is not None]
    return Demands(
        tuple(dict.fromkeys(s for rule in scopes for s in rule.require)),
        _common(rule.acr for rule in scopes if rule.acr),
        min(ages, default=None),
        tuple(rules),
    )


def _common(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return what stands in all *lists*, in the order of the first; None without."""
    # A token has one acr, so what does not stand in all lists cannot satisfy all.
    found: tuple[str, ...] | None = None
    for names in lists:
        found = names if found is None else tuple(n for n in found if n in names)
    return found
