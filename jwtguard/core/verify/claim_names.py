"""What must be there, and who is named: RFC 7519 sections 4.1.1 to 4.1.3, RFC 9068."""

from __future__ import annotations

from .claim_check import Problem
from .jose import Compact
from .token_rules import TokenRules, audiences


def check_required(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 9068 section 2.2: what must be there, and is not null."""
    claims = compact.claims
    for name in rules.required:
        if claims.get(name) is None:
            missing = (name for name in rules.required if claims.get(name) is None)
            return Problem("missing_claim", " ".join(missing))
    return None


def check_strings(_: TokenRules, compact: Compact, __: float) -> Problem | None:
    """RFC 7519 sections 4.1.1 and 4.1.7."""
    claims = compact.claims
    if not isinstance(claims.get("iss", ""), str):
        return Problem("malformed_claim", "iss")
    if not isinstance(claims.get("jti", ""), str):
        return Problem("malformed_claim", "jti")
    return None


def check_audience(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 7519 section 4.1.3: one of the audiences is ours."""
    if rules.audience == "unchecked":
        return None
    listed = audiences(compact.claims)
    if listed is None:
        # A token without `aud` is good for any API, so one that leaked elsewhere would
        # open this one.
        absent = compact.claims.get("aud") is None
        return Problem("missing_claim" if absent else "malformed_claim", "aud")
    return Problem("wrong_audience") if rules.audience.isdisjoint(listed) else None


def check_subject(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 7519 section 4.1.2: a non-empty string; absent only where none is needed."""
    subject = compact.claims.get(rules.profile.subject_claim)
    if isinstance(subject, str) and subject:
        return None
    if subject is not None:
        return Problem("malformed_claim", "sub")
    needed = "sub" in rules.profile.require
    return Problem("missing_claim", "sub") if needed else None


def check_client(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 9068 section 2.2: the one client that the token was made for."""
    found = None
    for name in rules.profile.client_claims:
        value = compact.claims.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value:
            return Problem("malformed_claim", name)
        # With two names, scope rules and CORS could be decided for one client and the
        # log could name the other.
        if found is not None and value != found:
            return Problem("client_ambiguous")
        found = value
    return None
