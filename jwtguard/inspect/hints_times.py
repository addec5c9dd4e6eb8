"""Hints of ``jwtguard explain`` about times: wrong clocks, old tokens, milliseconds."""

from __future__ import annotations

from typing import TypeGuard

from ..core.verify.token_rules import Claims
from .hints import clock_words

_YEARS = 30 * 365 * 86400


def of_times(reason: str, claims: Claims, now: float, ahead: float | None) -> str:
    """Tell a wrong clock from an old token; *ahead* is how far the issuer's clock is.

    It is None where it could not be measured.
    """
    if milliseconds := of_milliseconds(claims, now):
        return milliseconds
    if ahead is not None and abs(ahead) >= 5:
        return f"{clock_words(ahead)}: correct the wrong one"
    if reason != "expired":
        later = max(_number(claims, "iat", now), _number(claims, "nbf", now)) - now
        if ahead is not None:
            return (
                "the clocks agree: the token was deliberately issued for a later time"
            )
        return f"the issuer's clock is {later:.0f} s or more ahead of this one"
    over = now - _number(claims, "exp", now)
    text = f"it expired {over:.0f} s ago"
    if "iat" in claims:
        lived = _number(claims, "exp", now) - _number(claims, "iat", now)
        text = f"it was valid for {lived:.0f} s and expired {over:.0f} s ago"
    if ahead is None:
        return f"{text}; if it was issued just now, compare the clocks of both machines"
    return f"{text}; the clocks agree, so the client has to refresh or sign in again"


def of_milliseconds(claims: Claims, now: float) -> str:
    """Name the times that somebody wrote in milliseconds."""
    named = [n for n in ("exp", "nbf", "iat") if is_milliseconds(claims.get(n), now)]
    if not named:
        return ""
    effect = "the token never ends" if "exp" in named else "it lies in the future"
    verb = "look" if len(named) > 1 else "looks"
    return (
        f"{' and '.join(named)} {verb} like milliseconds, but RFC 7519 uses seconds: "
        f"{effect}"
    )


def is_milliseconds(value: object, now: float) -> TypeGuard[float]:
    """Whether *value* is a time near ours, if it is read as milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e15 and abs(value / 1000 - now) < _YEARS


def _number(claims: Claims, name: str, default: float) -> float:
    value = claims.get(name)
    return value if isinstance(value, int | float) else default
