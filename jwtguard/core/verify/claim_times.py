"""When a token is good: RFC 7519 section 2 and sections 4.1.4 to 4.1.6.

All times are in seconds since the epoch.
"""

from __future__ import annotations

from math import inf
from typing import Any

from .claim_check import Problem
from .jose import Compact
from .token_rules import TokenRules

_LATEST = 10**15  # an integer: times mostly are, and such a comparison is quicker
"""Seconds; a later time is a mistake, and would not fit where times are added."""
_EARLIEST = -_LATEST
_NUMBERS = frozenset({int, float})
_EVER = -inf


def time_error(
    expires_at: float, not_before: float, issued_at: float, now: float, leeway: float
) -> str:
    """Return why a token is outside its validity period, or an empty string.

    RFC 7519 sections 4.1.4 to 4.1.6. New and remembered tokens are both checked here;
    all times are in seconds since the epoch.
    """
    if expires_at <= now - leeway:
        return "expired"
    latest = now + leeway
    if not_before > latest:
        return "not_yet_valid"
    return "issued_in_future" if issued_at > latest else ""


def check_times(rules: TokenRules, compact: Compact, now: float) -> Problem | None:
    """RFC 7519 section 2 and sections 4.1.4 to 4.1.6: numbers, and within leeway."""
    claims = compact.claims
    # A missing `exp` was refused as a required claim; explain runs each check alone, so
    # this one must not fail for it.
    exp, nbf, iat = (
        claims.get("exp"),
        claims.get("nbf", _EVER),
        claims.get("iat", _EVER),
    )
    if exp is None:
        exp = inf
    elif not is_time(exp):
        return Problem("malformed_claim", "exp")
    # Without the claim there is nothing to check.
    if nbf is not _EVER and not is_time(nbf):
        return Problem("malformed_claim", "nbf")
    if iat is not _EVER and not is_time(iat):
        return Problem("malformed_claim", "iat")
    reason = time_error(exp, nbf, iat, now, rules.leeway)
    return Problem(reason) if reason else None


def check_lifetime(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """The policy may accept short lifetimes only."""
    if rules.max_lifetime is None:
        return None
    exp, iat = compact.claims.get("exp"), compact.claims.get("iat")
    if iat is None:
        return Problem("missing_claim", "iat")
    if exp is None:
        # A JWT was refused for that before. An opaque token without an end is longer.
        return None if rules.ends else Problem("missing_claim", "exp")
    # Each check stands alone: `check_times` may not have run.
    known = is_time(exp) and is_time(iat)
    if known and exp <= iat + rules.max_lifetime:
        return None
    return Problem("lifetime_too_long")


def is_time(value: Any) -> bool:
    """Whether a claim is a moment: a number, and not one that would overflow."""
    return type(value) in _NUMBERS and _EARLIEST < value < _LATEST
