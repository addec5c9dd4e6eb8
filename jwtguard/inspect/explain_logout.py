"""What a logout path would do with a logout token.

The checks are those of the table in ``core.verify.logout``, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from ..core.logout_flow import unverified
from ..core.verify.entries import Entry
from ..core.verify.jose import Compact
from ..core.verify.logout import CHECKS, EVENT, WINDOW, logout_token_of
from ..core.verify.token_rules import TYPE_CLAIMS, TokenRules
from ..guard import Guard
from .explain_claims import found_in
from .hints import hint_of
from .shown import Check, failed, moment, value_text


def is_logout_token(compact: Compact, rules: TokenRules | None) -> bool:
    """Whether a token looks like a logout token, valid or not."""
    typ = compact.header.typ.lower().removeprefix("application/")
    if typ == "logout+jwt":
        return True
    access = rules is not None and rules.is_hinted(compact)
    return "events" in compact.claims and not access


def for_logout(check: Check) -> Check:
    """Return *check* with the reason for which a logout path refuses."""
    return replace(check, reason=unverified(check.reason)) if check.reason else check


def logout_checks(
    guard: Guard, rules: TokenRules, compact: Compact, now: float
) -> Iterator[Check]:
    """Yield the result of each check of a logout token, and then what would end."""
    paths = " ".join(guard.policy.logout_paths)
    if paths:
        found = f"a logout token, accepted only at {paths}"
        yield Check(name="logout", passed=True, found=found)
    else:
        hint = "a logout token is not an access token, and no logout path is set"
        yield failed("logout", "", "JWTGUARD_LOGOUT_PATHS", "not set", hint)
    good = True
    for check in CHECKS:
        row = ROWS[check.name]
        expected, found = row.expected(rules, now), found_in(row.reads, compact, now)
        problem = check.problem(rules, compact, now)
        if problem is None:
            yield Check(name=check.name, passed=True, expected=expected, found=found)
            continue
        good = False
        if problem.detail:
            found = f"{found} ({problem.detail})"
        hint = hint_of(problem.reason)
        yield failed(check.name, problem.reason, expected, found, hint)
    if good:
        yield _ends(guard, rules, compact, now)


def _ends(guard: Guard, rules: TokenRules, compact: Compact, now: float) -> Check:
    """Say what the logout token ends, by ``logout`` of its issuer."""
    token = logout_token_of(rules, compact, now)
    mode = rules.profile.logout
    entry = token.entry(mode, guard.policy.leeway, now)
    hint = ""
    if entry.kind == "sid" and mode == "session":
        hint = (
            "access tokens without this sid stay valid: jwtguard explain shows whether "
            "yours have one; otherwise set `logout` of the issuer to subject"
        )
    elif token.sid is not None and entry.kind == "sub":
        hint = f"`logout` of the issuer is {mode}: session would end only this session"
    return Check(name="ends", passed=True, found=_words_of(entry), hint=hint)


def _words_of(entry: Entry) -> str:
    """Say which tokens *entry* ends."""
    value = value_text(entry.value)
    what = {"sid": f"the session {value}", "sub": f"all tokens of sub {value}"}
    when = moment(entry.before) or f"{entry.before:g}"
    return f"{what[entry.kind]} of {entry.issuer}, for tokens issued until {when}"


class Row(NamedTuple):
    """What a check looks at, and what it expects, for people."""

    reads: tuple[str, ...]
    expected: Callable[[TokenRules, float], str]


def _period(rules: TokenRules, now: float) -> str:
    oldest, latest = moment(now - WINDOW - rules.leeway), moment(now + rules.leeway)
    return f"iat from {oldest} to {latest}, exp not passed (leeway {rules.leeway:g} s)"


def _clients(rules: TokenRules, _: float) -> str:
    return " or ".join(sorted(rules.clients)) or "a client in JWTGUARD_CLIENTS"


ROWS: Mapping[str, Row] = {
    "kind": Row(TYPE_CLAIMS, lambda *_: "not an access, ID or refresh token"),
    "type": Row(("header typ",), lambda *_: "typ logout+jwt, JWT or absent"),
    "events": Row(("events",), lambda *_: f"an object with {EVENT}"),
    "nonce": Row(("nonce",), lambda *_: "no nonce"),
    "audience": Row(("aud",), _clients),
    "times": Row(("iat", "exp"), _period),
    "names": Row(("iss", "jti", "sid", "sub"), lambda *_: "jti, and sid or sub"),
}
"""Each check of the table."""
