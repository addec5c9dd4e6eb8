"""Logout tokens: OpenID Connect Back-Channel Logout 1.0 sections 2.4 to 2.6.

A logout token says that a session, or every session of a subject, has ended. The checks
are one ordered table, as those of access tokens are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...errors import GrantError
from .claim_check import Problem
from .entries import Entry
from .jose import Compact
from .token_kind import OF_ID_TOKENS, OTHER_TOKENS
from .token_rules import TYPE_CLAIMS, TokenRules, audiences

EVENT = "http://schemas.openid.net/event/backchannel-logout"
"""The member of ``events`` that makes a token a logout token."""
WINDOW = 300.0
"""Seconds that a logout token may be old, beside the leeway."""
_TYPES = frozenset({"", "jwt", "logout+jwt", "application/logout+jwt"})
_REFUSED_KINDS = {
    "id_token": "logout_id_token",
    "refresh_token": "logout_refresh_token",
}
_LATEST = 1e15
_LONGEST = 1024
"""Characters of an identifier."""

Claims = Mapping[str, Any]


class LogoutToken(NamedTuple):
    """What a logout token says, once every check has passed."""

    issuer: str
    jti: str
    issued_at: float
    sid: str | None
    subject: str | None

    def entry(self, mode: str, leeway: float, until: float) -> Entry:
        """Return the revocation that it asks for.

        *mode* is ``session`` where access tokens of the issuer hold ``sid``; with
        ``subject`` all tokens of the subject end, if the token names one. The clock of
        the issuer may be ahead of ours by *leeway* seconds.
        """
        # A token issued within the leeway after the sign-out ends too: signing in again
        # that fast is rare, and a session that survives is worse.
        before = self.issued_at + leeway
        if self.sid is not None and (mode == "session" or self.subject is None):
            return Entry("sid", self.issuer, self.sid, before, until)
        return Entry("sub", self.issuer, self.subject or "", before, until)


class Check(NamedTuple):
    """One check of a logout token; ``problem`` returns why it fails, or None."""

    name: str
    problem: Callable[[TokenRules, Compact, float], Problem | None]


def logout_token_of(rules: TokenRules, compact: Compact, now: float) -> LogoutToken:
    """Check every claim of a verified logout token and return what it says.

    Raises ``GrantError`` (400 ``invalid_request``) with the reason.
    """
    # The kind comes first: an access token that was posted by mistake is named as such,
    # not as a list of missing claims.
    for check in CHECKS:
        problem = check.problem(rules, compact, now)
        if problem is not None:
            raise GrantError(problem.reason, detail=problem.detail)
    claims = compact.claims
    return LogoutToken(
        rules.issuer,
        claims["jti"],
        float(claims["iat"]),
        claims.get("sid"),
        claims.get("sub"),
    )


def _kind(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """RFC 8725 section 3.11: no access token, ID token or refresh token."""
    claims = compact.claims
    for name in TYPE_CLAIMS:
        value = claims.get(name)
        kind = OTHER_TOKENS.get(value.lower()) if isinstance(value, str) else None
        if kind not in (None, "logout_token"):
            return Problem(_REFUSED_KINDS[kind or ""])
    if rules.is_marked(compact):
        return Problem("logout_access_token")
    if "events" in claims:
        return None
    if not claims.keys().isdisjoint(OF_ID_TOKENS):
        return Problem("logout_id_token")
    return Problem("logout_access_token") if rules.is_hinted(compact) else None


def _type(_: TokenRules, compact: Compact, __: float) -> Problem | None:
    """Section 2.4: ``logout+jwt`` is recommended; absent and ``JWT`` are common."""
    typ = compact.header.typ.lower()
    return None if typ in _TYPES else Problem("logout_wrong_type", f"typ {typ[:32]!r}")


def _events(_: TokenRules, compact: Compact, __: float) -> Problem | None:
    """Section 2.4: ``events`` holds the logout event, and its value is an object."""
    events = compact.claims.get("events")
    if isinstance(events, dict) and isinstance(events.get(EVENT), dict):
        return None
    return Problem("logout_without_event")


def _nonce(_: TokenRules, compact: Compact, __: float) -> Problem | None:
    """Section 2.4: prohibited, so that no ID token passes for a logout token."""
    return Problem("logout_with_nonce") if "nonce" in compact.claims else None


def _audience(rules: TokenRules, compact: Compact, _: float) -> Problem | None:
    """Section 2.6: meant for a client that is listed here."""
    named = audiences(compact.claims)
    if named is None:
        return Problem("logout_malformed", "aud")
    # Any client of the issuer can obtain logout tokens for itself; those of others end
    # nothing here.
    if rules.clients.isdisjoint(named):
        return Problem("logout_wrong_audience")
    return None


def _times(rules: TokenRules, compact: Compact, now: float) -> Problem | None:
    """Section 2.6: ``iat`` is recent, and ``exp`` has not passed where it is given."""
    issued: Any = compact.claims.get("iat")
    expires: Any = compact.claims.get("exp")
    if not _is_time(issued):
        return Problem("logout_malformed", "iat")
    if "exp" in compact.claims and not _is_time(expires):
        return Problem("logout_malformed", "exp")
    if issued > now + rules.leeway:
        return Problem("logout_issued_in_future")
    # `jti` is remembered for this long only, so an older token could be replayed.
    if issued < now - WINDOW - rules.leeway:
        return Problem("logout_too_old")
    if expires is not None and expires <= now - rules.leeway:
        return Problem("logout_expired")
    return None


def _names(_: TokenRules, compact: Compact, __: float) -> Problem | None:
    """Section 2.4: ``jti``, and ``sid`` or ``sub`` or both: non-empty strings."""
    claims = compact.claims
    if claims.get("iss") is None:
        return Problem("logout_malformed", "iss")
    for name in ("jti", "sid", "sub"):
        value = claims.get(name)
        if value is None and name != "jti":
            continue
        # Each entry stays in memory for hours: its size is bounded by us, not by the
        # issuer.
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
            return Problem("logout_malformed", name)
    if claims.get("sid") is None and claims.get("sub") is None:
        return Problem("logout_without_subject")
    return None


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and -_LATEST < value < _LATEST


CHECKS: tuple[Check, ...] = (
    Check("kind", _kind),
    Check("type", _type),
    Check("events", _events),
    Check("nonce", _nonce),
    Check("audience", _audience),
    Check("times", _times),
    Check("names", _names),
)
"""Every check of a logout token's claims; its signature is verified before."""
