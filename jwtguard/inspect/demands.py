"""What path rules ask for, in words, and which of two asks for more."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.extract.paths import PathAccess
from ..core.model.claim_rule import ClaimRule
from .shown import value_text


def words_of(access: PathAccess) -> str:
    """Say what a token needs on a path: ``scope a and acr b``; empty: any will do."""
    return " and ".join(_words(access))


def _words(access: PathAccess) -> Iterator[str]:
    if access.scopes:
        yield "scope " + " and ".join(access.scopes)
    for rule in access.rules:
        yield claims_of(rule)
    if access.acr is not None:
        yield "acr " + (" or ".join(access.acr) or "that no token can have")
    if access.max_age is not None:
        yield login_of(access.max_age)


def claims_of(rule: ClaimRule) -> str:
    """Say which claims *rule* asks for: ``claim region eu and claim tenant a or b``."""
    return " and ".join(
        f"claim {name} {' or '.join(map(value_text, values))}"
        for name, values in rule.claims
    )


def login_of(max_age: int) -> str:
    """Say how recent a login must be, as the decorator does."""
    return f"a login at most {max_age} s ago"


def asks_more(strict: PathAccess, loose: PathAccess) -> bool:
    """Whether *strict* asks for something that *loose* does not ask for."""
    if not set(strict.scopes or ()) <= set(loose.scopes or ()):
        return True
    if not set(strict.rules) <= set(loose.rules):
        return True
    # Fewer accepted values ask for more, unlike scopes and claims.
    if strict.acr is not None:
        accepted = None if loose.acr is None else set(loose.acr)
        if accepted is None or not accepted <= set(strict.acr):
            return True
    if strict.max_age is None:
        return False
    return loose.max_age is None or loose.max_age > strict.max_age
