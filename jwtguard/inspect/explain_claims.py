"""The checks of a token's claims in words: the table of ``core.claims``, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..core.verify.claim_check import Problem
from ..core.verify.claims import CHECKS
from ..core.verify.jose import Compact
from ..core.verify.token_kind import CERTIFICATE
from ..core.verify.token_rules import Claims, TokenRules
from . import hints_audience, hints_times
from . import hints_claims as hints
from .shown import Check, failed, moment, value_text

TIMES = ("exp", "nbf", "iat")
_OTHER_KIND = "the row `kind` says why: this is another kind of token"
"""In place of hints that would make the settings fit a token of the wrong kind."""


def claim_checks(
    rules: TokenRules, compact: Compact, now: float, ahead: float | None
) -> Iterator[Check]:
    """Yield what each check of the table says of the token, also after a failure.

    *ahead* is how far the issuer's clock is ahead of ours, in seconds, if known.
    """
    claims = compact.claims
    other_kind = False
    for check in CHECKS:
        reads = check.reads(rules)
        if not reads:
            continue  # the rules do not ask for it
        expected = EXPECTED[check.name](rules, now)
        found = _found(check.name, reads, compact, now)
        problem = check.problem(rules, compact, now)
        if problem is None:
            hint = (
                hints_times.of_milliseconds(claims, now)
                if check.name == "times"
                else ""
            )
            yield Check(
                name=check.name, passed=True, expected=expected, found=found, hint=hint
            )
            continue
        hint = _hint(check.name, problem, rules, claims, now, ahead)
        if other_kind and check.name != "times":
            hint = _OTHER_KIND
        other_kind = other_kind or check.name == "kind"
        if problem.detail and found != f"no {problem.detail}":
            found = f"{found} ({problem.detail})"
        yield failed(check.name, problem.reason, expected, found, hint)
    scopes = " ".join(sorted(rules.scopes(claims))) or "none"
    roles = " ".join(sorted(rules.roles(claims))) or "none"
    yield Check(name="grants", passed=True, found=f"scopes {scopes}; roles {roles}")


def _period(rules: TokenRules, now: float) -> str:
    oldest, latest = moment(now - rules.leeway), moment(now + rules.leeway)
    return (
        f"exp after {oldest}, nbf and iat up to {latest} "
        f"(now {moment(now)} UTC, leeway {rules.leeway:g} s)"
    )


def _types(rules: TokenRules, _: float) -> str:
    named = (typ or "absent" for typ in sorted(rules.profile.header_types))
    return f"typ {', '.join(named)}"


def _values(rules: TokenRules, _: float) -> str:
    bound = rules.profile.expect_bound
    return ", ".join(
        f"{name} {value}"
        + (f" ({bound[name]} if it is bound to a DPoP key)" if name in bound else "")
        for name, value in rules.profile.expect.items()
    )


def _mark(rules: TokenRules, _: float) -> str:
    own = rules.own_mark.items()
    if own:
        return ", ".join(f"{name} {value_text(value)}" for name, value in own)
    return f"typ at+jwt, or one of {' '.join(rules.marking)}"


EXPECTED: Mapping[str, Callable[[TokenRules, float], str]] = {
    "binding": lambda *_: f"no cnf, or one with jkt, {CERTIFICATE} or both",
    "kind": lambda *_: "neither an ID token nor a refresh or logout token",
    "type": _types,
    "expected": _values,
    "mark": _mark,
    "required": lambda rules, _: " ".join(rules.required),
    "strings": lambda *_: "strings",
    "times": _period,
    "lifetime": lambda rules, _: f"at most {rules.max_lifetime:g} s from iat to exp",
    "audience": lambda rules, _: " or ".join(sorted(rules.audience)),
    "subject": lambda rules, _: f"a string in {rules.profile.subject_claim}",
    "client": lambda rules, _: f"one client in {' '.join(rules.profile.client_claims)}",
}
"""What each check of the table expects, for people."""


def _hint(
    check: str,
    problem: Problem,
    rules: TokenRules,
    claims: Claims,
    now: float,
    ahead: float | None,
) -> str:
    reason, detail = problem
    if reason == "wrong_audience":
        return hints_audience.of_audience(rules, claims)
    if check == "required":
        own = ("aud", rules.profile.subject_claim)  # they have checks of their own
        missing = (name for name in detail.split() if name not in own)
        return "; ".join(hints.of_missing(rules, claims, name) for name in missing)
    if reason == "missing_claim":
        return hints.of_missing(rules, claims, detail)
    if reason in ("expired", "not_yet_valid", "issued_in_future"):
        return hints_times.of_times(reason, claims, now, ahead)
    return hints.of_reason(reason, rules, claims)


def _found(check: str, reads: tuple[str, ...], compact: Compact, now: float) -> str:
    if check == "required":
        return " ".join(n for n in reads if compact.claims.get(n) is not None)
    return found_in(reads, compact, now)


def found_in(reads: tuple[str, ...], compact: Compact, now: float) -> str:
    """Say what the token has where a check looks."""
    found = []
    for name in reads:
        value = compact.claims.get(name)
        if name == "header typ":
            found.append(f"typ {value_text(compact.header.typ or 'absent')}")
        elif name in compact.claims:
            text = time_text(value, now) if name in TIMES else value_text(value)
            found.append(f"{name} {text}")
    return ", ".join(found) or f"no {' '.join(reads)}"


def time_text(value: object, now: float) -> str:
    """Say when *value* is, beside *now*; what is not a time is shown as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value_text(value)} (not a number)"
    date = moment(value)
    if date:
        return f"{date} ({value - now:+.0f} s)"
    if hints_times.is_milliseconds(value, now):
        return f"{value} (milliseconds?)"
    return f"{value_text(value)} (no date)"
