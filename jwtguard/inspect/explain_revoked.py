"""Whether a token was revoked, according to the guard's list of revocations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.verify.entries import TIMED, Entry, Marks, digest_of
from ..core.verify.jose import Compact
from ..core.verify.token_rules import TokenRules
from ..guard import Guard
from .check_state import shown as place_of
from .hints import hint_of
from .shown import Check, failed, moment, value_text

LATEST = 1e15
"""Latest valid time, in seconds since the epoch."""
PATIENCE = 2.0
"""Longest time to read the shared state, in seconds."""
_ALONE = (
    "not revoked in this process; with memory:// each process has its own list, and "
    "those of the others cannot be read"
)
_PACKED = "a packed entry, which matches this token and one in a million others"


def revoked_check(
    guard: Guard, rules: TokenRules, compact: Compact, token: str
) -> Check:
    """Look up a token, which may be invalid, in the list of revocations."""
    marks = claimed_marks(rules, compact, token)
    problem = guard.read_revocations(PATIENCE)
    found = guard.look_up(marks)
    expected = "no revocation that names it"
    if found.reason:
        hit = _PACKED if found.entry is None else words_of(found.entry, marks)
        hint = _too_soon(found.entry, marks, guard.policy.leeway)
        hint = hint or hint_of(found.reason)
        return failed("revoked", found.reason, expected, hit, hint)
    if problem:
        return _unread(guard, expected, problem)
    text = _ALONE
    if guard.state.shared:
        text = f"not revoked; all revocations in {_place(guard)} were read"
    hint = "; ".join(_hints(guard, rules, compact, marks))
    return Check(name="revoked", passed=True, expected=expected, found=text, hint=hint)


def _too_soon(entry: Entry | None, marks: Marks, leeway: float) -> str:
    """Say whether the user has signed in again shortly after a logout."""
    # Only logout tokens make entries of this kind, and add the leeway to their time.
    if entry is None or entry.kind != "sub" or marks.issued_at is None:
        return ""
    after = marks.issued_at - (entry.before - leeway)
    if after <= 0:
        return ""
    end = moment(entry.before) or f"{entry.before:g}"
    return (
        f"it was issued {after:.0f} s after a back-channel logout, within "
        f"JWTGUARD_LEEWAY ({leeway:g} s), which is added because the issuer's clock "
        f"may be ahead: sign in again, or refresh, after {end}"
    )


def _place(guard: Guard) -> str:
    return place_of(guard.policy, guard.state.state)


def _unread(guard: Guard, expected: str, problem: str) -> Check:
    """Say what the guard does while revocations are not known."""
    policy = guard.policy
    outage = policy.revocation_outage
    text = f"not known: {_place(guard)} cannot be read ({problem})"
    setting = f"JWTGUARD_REVOCATION_OUTAGE={outage}"
    if outage == "refuse":
        return failed("revoked", "revocations_stale", expected, text, setting)
    wait = f"after {policy.revocation_max_stale:g} s"
    then = {"allow": "the token is accepted", "writes": f"{wait} writes get 503"}
    hint = f"{setting}: {then[outage]}"
    return Check(name="revoked", passed=True, expected=expected, found=text, hint=hint)


def claimed_marks(rules: TokenRules, compact: Compact, token: str) -> Marks:
    """Return the marks by which a token, valid or not, can be revoked."""
    claims = compact.claims
    return Marks(
        rules.issuer,
        digest_of(token),
        jti=_text(claims.get("jti")),
        sid=_text(claims.get("sid")),
        subject=_text(claims.get(rules.profile.subject_claim)) or "",
        sub=_text(claims.get("sub")),
        client=_text(rules.client(claims)),
        issued_at=_time(claims.get("iat")),
    )


def _time(value: Any) -> float | None:
    return value if type(value) in (int, float) and abs(value) < LATEST else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def words_of(entry: Entry, marks: Marks) -> str:
    """Say what was revoked, since when, and why that includes the token."""
    value = dict(marks.named()).get(entry.kind, "")
    what = _WHAT[entry.kind].format(value_text(value))
    when = moment(entry.before) or f"{entry.before:g}"
    of = f"of {entry.issuer}"
    if entry.kind not in TIMED:
        return f"{what} {of} was revoked {when}"
    issued = "has no iat"
    if marks.issued_at is not None:
        issued = f"was issued {moment(marks.issued_at) or marks.issued_at}"
    return f"{what} {of}, issued until {when}: this one {issued}"


_WHAT = {
    "token": "this token",
    "jti": "the token with jti {}",
    "sid": "all tokens with sid {}",
    "subject": "all tokens of subject {}",
    "sub": "all tokens with sub {}",
    "client": "all tokens of client {}",
    "issuer": "all tokens",
}
"""What an entry of each kind names."""


def _hints(
    guard: Guard, rules: TokenRules, compact: Compact, marks: Marks
) -> Iterator[str]:
    """Yield why a logout or a revocation might not end this token for long enough."""
    policy = guard.policy
    if policy.logout_paths and rules.profile.logout == "session" and not marks.sid:
        yield (
            "it has no sid, and `logout` of its issuer is session: a logout token that "
            "names a session does not end it; subject would"
        )
    exp, iat = _time(compact.claims.get("exp")), marks.issued_at
    if rules.max_lifetime is None and iat is not None and exp is not None:
        lives = exp - iat
        if lives > policy.revocation_for:
            yield (
                f"it lives {lives:.0f} s, and a revocation is kept for "
                f"{policy.revocation_for:g} s (JWTGUARD_REVOCATION_FOR)"
            )
