"""What an issuer says of a token, for ``jwtguard explain`` (RFC 7662)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from hashlib import sha256

from ..core.introspect.answer_rules import (
    check_answer,
    merged_compact,
    opaque_compact,
    opaque_rules,
)
from ..core.introspect.introspector import Introspector
from ..core.introspect.lookups import Outcome
from ..core.model.introspection import takes_opaque
from ..core.model.issuers import TrustedIssuer
from ..core.verify.jose import Compact, is_opaque
from ..core.verify.token_rules import Claims
from ..errors import AuthError
from ..guard import Guard
from .explain_claims import claim_checks
from .hints import hint_of
from .shown import Check, failed


def opaque_checks(guard: Guard, token: str) -> Iterator[Check]:
    """Yield the checks of an opaque *token*; nothing if it is none, or nobody knows."""
    asked = [issuer for issuer in guard.policy.issuers if takes_opaque(issuer)]
    if not asked or not is_opaque(token):
        return
    expected = "header.claims.signature, or an opaque token"
    names = " or ".join(p for issuer in asked for p in issuer.opaque_prefix)
    fits = (i for i in asked if token.startswith(tuple(i.opaque_prefix or ("",))))
    issuer = next(fits, None)
    if issuer is None:
        hint = f"opaque tokens begin with {names}: its issuer is not known here"
        yield failed("form", "malformed", expected, "opaque", hint)
        return
    yield Check(name="form", passed=True, expected=expected, found="opaque")
    introspector = _introspector(guard, issuer)
    yield (answer := _answer(guard, introspector, token))[0]
    if answer[1] is not None:
        rules = opaque_rules(introspector.state.rules, issuer.require or ())
        compact = opaque_compact(rules, answer[1].claims or {})
        yield from _said(introspector, compact.claims, {})
        yield from claim_checks(rules, compact, guard.clock.time(), None)


def live_checks(
    guard: Guard, url: str, compact: Compact, token: str
) -> tuple[list[Check], Compact]:
    """Return what the issuer says of a JWT, if it is asked about JWTs.

    Also the claims that are checked then: with those that only the answer has.
    """
    issuer = guard.issuers[url].key_cache.issuer
    if issuer.introspect != "always" and not issuer.introspect_paths:
        return [], compact
    introspector = _introspector(guard, issuer)
    check, outcome = _answer(guard, introspector, token)
    if outcome is None:
        return [check], compact
    claims = outcome.claims or {}
    said = _said(introspector, claims, compact.claims)
    always = issuer.introspect == "always"
    return [check, *said], merged_compact(compact, claims) if always else compact


def _introspector(guard: Guard, issuer: TrustedIssuer) -> Introspector:
    clock = guard.clock
    return Introspector(
        guard.policy, issuer, guard.issuers[issuer.url], clock.time, clock.monotonic,
        guard.emit,        secrets.token_bytes,
    )  # fmt: skip


def _answer(
    guard: Guard, introspector: Introspector, token: str
) -> tuple[Check, Outcome | None]:
    name, expected = "introspection", f"active at {introspector.issuer.url}"
    digest = sha256(token.encode()).digest()
    try:
        outcome = guard.run(introspector.ask(token, digest, known=False))
    except AuthError as error:
        found = "not active" if error.reason == "inactive" else "no usable answer"
        hint = hint_of(error.reason)
        return failed(name, error.reason, expected, found, hint), None
    said = " ".join(sorted(outcome.claims or {})) or "nothing else"
    found = f"active; the answer has {said}"
    return Check(name=name, passed=True, expected=expected, found=found), outcome


def _said(introspector: Introspector, claims: Claims, local: Claims) -> Iterator[Check]:
    """Yield a check of what no check of claims sees, if it fails."""
    try:
        check_answer(introspector.state.rules, claims, local)
    except AuthError as error:
        hint = hint_of(error.reason)
        yield failed("answer", error.reason, "about this token", error.detail, hint)
