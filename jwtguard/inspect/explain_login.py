"""What a token says of the login and in its claims, beside what a path asks for."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.authorize.freshness import check_acr, check_fresh
from ..core.extract.paths import PathAccess
from ..core.verify.claim_login import acr_of, authenticated_at, meets
from ..core.verify.jose import parse
from ..core.verify.token_rules import Claims, values_at
from ..errors import AuthError
from ..guard import Guard
from . import hints
from .demands import claims_of
from .explain_claims import time_text
from .shown import Check, failed, value_text


def login_checks(guard: Guard, access: PathAccess, token: str) -> Iterator[Check]:
    """Yield a check for each claim rule of the path, its ``acr`` and its ``max_age``.

    All of them, whatever else is wrong with the token; nothing if it cannot be read.
    """
    try:
        claims = parse(token).claims
    except AuthError:
        return
    # The values are the token's own, which whoever runs this has in hand.
    for rule in access.rules:
        found = ", ".join(f"{name} {_value(claims, name)}" for name in rule.names)
        yield _check("claims", meets(claims, rule), claims_of(rule), found)
    if access.acr is not None:
        yield _acr(access.acr, claims)
    if access.max_age is not None:
        yield _fresh(guard, access.max_age, claims)


def _value(claims: Claims, name: str) -> str:
    return next((value_text(value) for value in values_at(claims, name)), "absent")


def _check(name: str, passed: bool, expected: str, found: str) -> Check:
    if passed:
        return Check(name=name, passed=True, expected=expected, found=found)
    hint = hints.hint_of("claim_not_allowed")
    return failed(name, "claim_not_allowed", expected, found, hint)


def _acr(accepted: tuple[str, ...], claims: Claims) -> Check:
    expected, found = f"acr {' or '.join(accepted)}", f"acr {_value(claims, 'acr')}"
    try:
        check_acr(acr_of(claims), accepted)
    except AuthError as error:
        hint = hints.hint_of(error.reason)
        return failed("acr", error.reason, expected, found, hint)
    return Check(name="acr", passed=True, expected=expected, found=found)


def _fresh(guard: Guard, max_age: int, claims: Claims) -> Check:
    now, leeway = guard.clock.time(), guard.policy.leeway
    expected = f"auth_time at most {max_age} s ago (leeway {leeway:g} s)"
    found = "no auth_time"
    if "auth_time" in claims:
        found = f"auth_time {time_text(claims['auth_time'], now)}"
    try:
        check_fresh(authenticated_at(claims), max_age, now, leeway)
    except AuthError as error:
        hint = hints.hint_of(error.reason)
        return failed("login", error.reason, expected, found, hint)
    return Check(name="login", passed=True, expected=expected, found=found)
