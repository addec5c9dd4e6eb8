"""The checks of a token's claims, in order: RFC 7519 section 4, RFC 9068 section 4.

``principal_of`` runs the table for each new token, and ``jwtguard explain`` lists it: a
check that is added to ``CHECKS`` is done by both.
"""

from __future__ import annotations

from math import inf

from ...errors import InvalidTokenError
from ..model.facts import Facts
from .claim_check import Check
from .claim_login import acr_of, authenticated_at
from .claim_names import (
    check_audience,
    check_client,
    check_required,
    check_strings,
    check_subject,
)
from .claim_times import check_lifetime, check_times
from .jose import Compact
from .token_kind import (
    CERTIFICATE,
    OF_ID_TOKENS,
    check_binding,
    check_expected,
    check_header_type,
    check_kind,
    check_mark,
)
from .token_rules import TYPE_CLAIMS, TokenRules

_NOT_HERE_NOW = frozenset({"expired", "wrong_audience"})
"""Why an access token is refused here that was good, or is good elsewhere."""


def checked_facts(rules: TokenRules, compact: Compact, now: float) -> Facts:
    """Check every claim and return what they say."""
    # The kind of token comes before its times: an expired ID token is the wrong token,
    # and signing in again would not help.
    for problem_of in _IN_ORDER:
        problem = problem_of(rules, compact, now)
        if problem is not None:
            raise InvalidTokenError(problem.reason, detail=problem.detail)
    return facts_of(rules, compact)


def facts_of_issued(rules: TokenRules, compact: Compact, now: float) -> Facts:
    """Check the claims of an access token that may have expired, or be meant for
    another API, and return what they say.
    """
    for problem_of in _IN_ORDER:
        problem = problem_of(rules, compact, now)
        if problem is not None and problem.reason not in _NOT_HERE_NOW:
            raise InvalidTokenError(problem.reason, detail=problem.detail)
    return facts_of(rules, compact)


def facts_of(rules: TokenRules, compact: Compact) -> Facts:
    """Return what claims say that have been checked."""
    claims = compact.claims
    found = claims.get
    cnf, exp = found("cnf") or _UNBOUND, found("exp")
    return Facts(
        found(rules.profile.subject_claim) or "",
        rules.issuer,
        rules.client(claims),
        rules.scopes(claims),
        rules.roles(claims),
        inf if exp is None else float(exp),  # only an answer about a token may lack it
        compact.payload,
        # Positions cost half of what names do, and this runs for each new token.
        _NO_ORIGINS,
        _name(found("sub")),
        _name(found("sid")),
        cnf.get("jkt"),
        cnf.get(CERTIFICATE),
        rules.tenant,
        acr_of(claims) if "acr" in claims else None,
        authenticated_at(claims) if "auth_time" in claims else None,
    )


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


_UNBOUND: dict[str, str] = {}
_NO_ORIGINS: frozenset[str] = frozenset()


CHECKS: tuple[Check, ...] = (
    Check("binding", lambda _: ("cnf",), check_binding),
    Check("kind", lambda _: (*TYPE_CLAIMS, *sorted(OF_ID_TOKENS)), check_kind),
    Check("type", lambda _: ("header typ",), check_header_type),
    Check("expected", lambda rules: tuple(rules.profile.expect), check_expected),
    Check("mark", lambda rules: rules.marking, check_mark),
    Check("required", lambda rules: rules.required, check_required),
    Check("strings", lambda _: ("iss", "jti"), check_strings),
    Check("times", lambda _: ("exp", "nbf", "iat"), check_times),
    Check(
        "lifetime",
        lambda rules: () if rules.max_lifetime is None else ("exp", "iat"),
        check_lifetime,
    ),
    Check(
        "audience",
        lambda rules: () if rules.audience == "unchecked" else ("aud",),
        check_audience,
    ),
    Check("subject", lambda rules: (rules.profile.subject_claim,), check_subject),
    Check("client", lambda rules: tuple(rules.profile.client_claims), check_client),
)
"""Every check of the claims. The first that fails gives the reason of the refusal."""
_IN_ORDER = tuple(check.problem for check in CHECKS)
"""The same, without what only ``explain`` needs: unpacking costs as much as a check."""
