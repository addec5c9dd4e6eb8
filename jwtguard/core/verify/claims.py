"""The checks of a token's claims, in order: RFC 7519 section 4, RFC 9068 section 4.

``principal_of`` runs the table for each new token, and ``jwtguard explain`` lists it: a
check that is added to ``CHECKS`` is done by both.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from ...errors import InvalidTokenError
from ..model.principal import Facts, Principal
from .jose import Compact
from .token_rules import TYPE_CLAIMS, TokenRules, audiences

_LATEST = 1e15
"""Seconds; a later time is a mistake, and would not fit where times are added."""
_EARLIEST = -_LATEST
_NUMBERS = frozenset({int, float})

_TYPE_CLAIMS = frozenset(TYPE_CLAIMS)
OTHER_TOKENS = {
    "id": "id_token", "id_token": "id_token", "idtoken": "id_token",
    "serialized-id": "id_token",
    "refresh": "refresh_token", "refresh_token": "refresh_token",
    "offline": "refresh_token", "offline_token": "refresh_token",
    "logout": "logout_token", "logout_token": "logout_token",
}  # fmt: skip

OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})
"""Claims that only ID tokens have, where nothing marks an access token."""


_NOT_HERE_NOW = frozenset({"expired", "wrong_audience"})
"""Why an access token is refused here that was good, or is good elsewhere."""


class Problem(NamedTuple):
    """Why a check fails; ``detail`` names claims and never holds a value of one."""

    reason: str
    detail: str = ""


class Check(NamedTuple):
    """One check of the claims.

    ``reads`` names what it looks at under the given rules: claims, or ``header typ``;
    nothing if the rules do not ask for the check. ``problem`` returns why the token
    fails, or None. Each check can be run without the others.
    """

    name: str
    reads: Callable[[TokenRules], tuple[str, ...]]
    problem: Callable[[TokenRules, Compact, float], Problem | None]


def principal_of(
    rules: TokenRules, token: str, compact: Compact, now: float
) -> Principal:
    """Check every claim and return who the token speaks for."""
    # The kind of token comes before its times: an expired ID token is the wrong token,
    # and signing in again would not help.
    for problem_of in _IN_ORDER:
        problem = problem_of(rules, compact, now)
        if problem is not None:
            raise InvalidTokenError(problem.reason, detail=problem.detail)
    return Principal.of(facts_of(rules, compact), token)


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
    return Facts(
        claims.get(rules.profile.subject_claim) or "",
        rules.issuer,
        rules.client(claims),
        rules.scopes(claims),
        rules.roles(claims),
        float(claims["exp"]),
        compact.payload,
        sub=_name(claims.get("sub")),
        sid=_name(claims.get("sid")),
        jti=_name(claims.get("jti")),
        issued_at=claims.get("iat"),
    )


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


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


def _binding(_: TokenRules, compact: Compact, __: float) -> Problem | None:
    """RFC 7800: a sender-constrained token is not a bearer token."""
    return Problem("bound_token") if compact.claims.get("cnf") is not None else None


def _kind(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 8725 section 3.11: no ID token, refresh token or logout token."""
    claims, typ = compact.claims, compact.header.typ
    present = claims.keys()
    # One set operation spares most tokens five look-ups; this runs for each new token.
    if not present.isdisjoint(_TYPE_CLAIMS):
        for name in TYPE_CLAIMS:
            value = claims.get(name)
            if isinstance(value, str) and value.lower() in OTHER_TOKENS:
                return Problem(OTHER_TOKENS[value.lower()])
    # RFC 8417: a security event token is signed with the same key, and may name the
    # same subject and audience.
    if "events" in claims or typ == "logout+jwt":
        return Problem("logout_token")
    # Some issuers copy `nonce` into access tokens, so these claims decide only where
    # nothing marks the access token.
    suspicious = not present.isdisjoint(OF_ID_TOKENS)
    if suspicious and not rules.is_marked(compact):
        return Problem("id_token")
    # OpenID Connect Core section 2: an ID token is meant for the client.
    for_a_client = rules.clients and not rules.clients.isdisjoint(
        audiences(claims) or ()
    )
    if for_a_client and rules.profile.needs_mark and not rules.is_hinted(compact):
        return Problem("id_token")
    return None


def _header_type(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 9068 section 4: a header type that the profile accepts."""
    typ = compact.header.typ
    if typ in rules.profile.header_types:
        return None
    # The header is the caller's text until the signature is checked: the log gets the
    # beginning only.
    return Problem("wrong_type", f"typ {typ[:32]!r}")


def _expected(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """Claims that the profile compares with one value."""
    for name, value in rules.profile.expect.items():
        if compact.claims.get(name) != value:
            return Problem("not_access_token", name)
    return None


def _mark(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """Something has to tell an access token from an ID token."""
    if not rules.profile.needs_mark or rules.is_hinted(compact):
        return None
    return Problem("not_access_token")


def _required(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 9068 section 2.2: what must be there, and is not null."""
    claims = compact.claims
    for name in rules.required:
        if claims.get(name) is None:
            missing = (name for name in rules.required if claims.get(name) is None)
            return Problem("missing_claim", " ".join(missing))
    return None


def _strings(_: TokenRules, compact: Compact, __: float) -> Problem | None:
    """RFC 7519 sections 4.1.1 and 4.1.7."""
    for name in ("iss", "jti"):
        if not isinstance(compact.claims.get(name, ""), str):
            return Problem("malformed_claim", name)
    return None


def _times(rules: TokenRules, compact: Compact, now: float) -> Problem | None:
    """RFC 7519 section 2 and sections 4.1.4 to 4.1.6: numbers, and within leeway."""
    claims = compact.claims
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        # `type` and not isinstance: True is an int in Python, and would be second 1 of
        # 1970.
        if type(value) in _NUMBERS and _EARLIEST < value < _LATEST:  # type: ignore[operator]
            continue
        if value is not None or (name != "exp" and name in claims):
            return Problem("malformed_claim", name)
    # A missing `exp` was refused as a required claim; explain runs each check alone, so
    # this one must not fail for it.
    exp, nbf = claims.get("exp"), claims.get("nbf", -inf)
    exp, iat = inf if exp is None else exp, claims.get("iat", -inf)
    reason = time_error(exp, nbf, iat, now, rules.leeway)
    return Problem(reason) if reason else None


def _lifetime(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """The policy may accept short lifetimes only."""
    if rules.max_lifetime is None:
        return None
    exp, iat = compact.claims.get("exp"), compact.claims.get("iat")
    if iat is None:
        return Problem("missing_claim", "iat")
    if exp is None:
        return None  # it is always required
    # Also here each check stands alone: `_times` may not have run.
    known = type(exp) in _NUMBERS and type(iat) in _NUMBERS
    if known and exp <= iat + rules.max_lifetime:
        return None
    return Problem("lifetime_too_long")


def _audience(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 7519 section 4.1.3: one of the audiences is ours."""
    if rules.audience == "unchecked":
        return None
    # A token without `aud` is good for any API, so one that leaked elsewhere would open
    # this one.
    if compact.claims.get("aud") is None:
        return Problem("missing_claim", "aud")
    listed = audiences(compact.claims)
    if listed is None:
        return Problem("malformed_claim", "aud")
    return Problem("wrong_audience") if rules.audience.isdisjoint(listed) else None


def _subject(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 7519 section 4.1.2: a non-empty string; absent only where none is needed."""
    subject = compact.claims.get(rules.profile.subject_claim)
    if isinstance(subject, str) and subject:
        return None
    if subject is not None:
        return Problem("malformed_claim", "sub")
    needed = "sub" in rules.profile.require
    return Problem("missing_claim", "sub") if needed else None


def _client(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
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


CHECKS: tuple[Check, ...] = (
    Check("binding", lambda _: ("cnf",), _binding),
    Check("kind", lambda _: (*TYPE_CLAIMS, *sorted(OF_ID_TOKENS)), _kind),
    Check("type", lambda _: ("header typ",), _header_type),
    Check("expected", lambda rules: tuple(rules.profile.expect), _expected),
    Check("mark", lambda rules: rules.marking, _mark),
    Check("required", lambda rules: rules.required, _required),
    Check("strings", lambda _: ("iss", "jti"), _strings),
    Check("times", lambda _: ("exp", "nbf", "iat"), _times),
    Check(
        "lifetime",
        lambda rules: () if rules.max_lifetime is None else ("exp", "iat"),
        _lifetime,
    ),
    Check(
        "audience",
        lambda rules: () if rules.audience == "unchecked" else ("aud",),
        _audience,
    ),
    Check("subject", lambda rules: (rules.profile.subject_claim,), _subject),
    Check("client", lambda rules: tuple(rules.profile.client_claims), _client),
)
"""Every check of the claims. The first that fails gives the reason of the refusal."""
_IN_ORDER = tuple(check.problem for check in CHECKS)
"""The same, without what only ``explain`` needs: unpacking costs as much as a check."""
