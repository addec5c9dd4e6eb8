"""Why a token is taken or refused: every check of RFC 7519 section 7.2, in order.

The rules are those of the guard itself, run one by one; nothing is decided here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard

from . import hints
from .core.claims import CHECKS, Problem
from .core.jose import Compact, parse
from .core.jwk import Key
from .core.messages import Got
from .core.tokens import Claims, TokenRules
from .core.verify import Trusted, candidates, verifying_key
from .errors import AuthError
from .fetch import Transport
from .guard import Guard


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what was expected, what was found, and what may help."""

    name: str
    passed: bool
    expected: str = ""
    found: str = ""
    reason: str = ""
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the check for JSON."""
        return asdict(self)


def token_in(text: str) -> str:
    """Return the token in *text*: bare, with its header, or in a token response.

    RFC 6749 section 5.1: the member is ``access_token``.
    """
    text = text.strip()
    if text.startswith("{"):
        try:
            found = json.loads(text)["access_token"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return text
        return found if isinstance(found, str) else text
    text = re.sub(r"^authorization:\s*", "", text.strip("\"'"), flags=re.IGNORECASE)
    return re.sub(r"^bearer\s+", "", text, flags=re.IGNORECASE).strip("\"'")


class Dated:
    """A transport that reads the issuer's clock off its answers (RFC 9110 6.6.1).

    ``ahead`` is how many seconds that clock is ahead of *now*; None until it is known.
    """

    def __init__(self, transport: Transport, now: Callable[[], float]) -> None:
        self._transport = transport
        self._now = now
        self.ahead: float | None = None

    def __call__(self, url: str, headers: Mapping[str, str], timeout: float) -> Got:
        """GET *url*, and note the answer's Date."""
        asked = self._now()
        got = self._transport(url, headers, timeout)
        halfway = (asked + self._now()) / 2
        try:
            date = parsedate_to_datetime(got.headers.get("date", ""))
        except ValueError:
            return got
        # The field has whole seconds, cut off: half a second is the fair guess.
        self.ahead = date.replace(tzinfo=UTC).timestamp() + 0.5 - halfway
        return got


def explain(guard: Guard, token: str, clock: Dated | None = None) -> Iterator[Check]:
    """Yield each check of *token*, going on after a failure as far as makes sense.

    Asks the issuer for its keys if they are needed; *clock* is the guard's transport,
    if that tells the time. Never yields the token.
    """
    longest = guard.policy.max_token_bytes
    size = f"{len(token)} characters"
    if len(token) > longest:
        hint = "many roles or groups? JWTGUARD_MAX_TOKEN_BYTES may be raised"
        yield failed("size", "token_too_long", f"at most {longest}", size, hint)
        return
    yield Check(name="size", passed=True, expected=f"at most {longest}", found=size)
    try:
        compact = parse(token)
    except AuthError as error:
        hint = hints.of_form(token)
        yield failed("form", error.reason, "header.claims.signature", "", hint)
        return
    form = "header.claims.signature"
    found = "a signed token, strictly encoded"
    yield Check(name="form", passed=True, expected=form, found=found)
    known = sorted(guard.flow.verifier.trusted)
    try:
        trusted = guard.flow.verifier.issuer_of(compact)
    except AuthError as error:
        iss = str(compact.claims.get("iss"))
        hint = hints.of_issuer(iss, known)
        yield failed("issuer", error.reason, " or ".join(known), iss, hint)
        return
    name = trusted.rules.issuer
    yield Check(name="issuer", passed=True, expected=" or ".join(known), found=name)
    yield from _key_checks(guard, trusted, compact)
    ahead = clock.ahead if clock is not None else None
    if ahead is not None:
        yield _clock(ahead, trusted.rules.leeway)
    yield from _claim_checks(guard, trusted, compact, ahead)


def _clock(ahead: float, leeway: float) -> Check:
    """No rule refuses for this alone: it explains what the times say."""
    return Check(
        name="clock",
        passed=True,
        expected=f"the issuer's Date within {leeway:g} s of this machine's",
        found=hints.clock_words(ahead),
        hint="set the one that is wrong (NTP)" if abs(ahead) > leeway else "",
    )


def failed(name: str, reason: str, expected: str, found: str, hint: str = "") -> Check:
    """Return a check that did not pass."""
    return Check(
        name=name,
        passed=False,
        expected=expected,
        found=found,
        reason=reason,
        hint=hint,
    )


def _key_checks(guard: Guard, trusted: Trusted, compact: Compact) -> Iterator[Check]:
    alg, kid, _ = compact.header
    accepted = " ".join(sorted(trusted.rules.algorithms))
    if alg not in trusted.rules.algorithms:
        hint = hints.BY_REASON["wrong_algorithm"]
        yield failed("algorithm", "wrong_algorithm", accepted, alg, hint)
        return
    yield Check(name="algorithm", passed=True, expected=accepted, found=alg)
    keys: Sequence[Key] = ()
    try:
        keys = guard.run(
            trusted.keys.find(lambda held: candidates(compact, held, trusted.rules))
        )
    except AuthError as error:
        yield _key_failed(trusted, error, kid)
        return
    yield Check(name="key", passed=True, found=f"kid {kid}, {len(keys)} to try")
    try:
        verifying_key(compact, keys)
    except AuthError as error:
        expected, hint = f"made with kid {kid}", hints.BY_REASON["bad_signature"]
        yield failed("signature", error.reason, expected, "another", hint)
        return
    yield Check(name="signature", passed=True, found=alg)


def _key_failed(trusted: Trusted, error: AuthError, kid: str | None) -> Check:
    snapshot = trusted.keys.snapshot
    held = snapshot.keys.keys if snapshot.keys else ()
    named = " ".join(key.kid or "(no kid)" for key in held) or "a published key"
    hint = snapshot.failure or "the issuer may have rotated, or another realm signed"
    return failed("key", error.reason, named, f"kid {kid}", hint)


def _claim_checks(
    guard: Guard, trusted: Trusted, compact: Compact, ahead: float | None
) -> Iterator[Check]:
    rules, now = trusted.rules, guard.clock.time()
    for check in CHECKS:
        reads = check.reads(rules)
        if not reads:
            continue  # the rules do not ask for it
        problem = check.problem(rules, compact, now)
        expected = _EXPECTED[check.name](rules)
        found = _found(reads, compact, now)
        if problem is None:
            yield Check(name=check.name, passed=True, expected=expected, found=found)
            continue
        found = f"{found} ({problem.detail})" if problem.detail else found
        hint = _hint(problem, rules, compact.claims, now, ahead)
        yield failed(check.name, problem.reason, expected, found, hint)
    scopes = " ".join(sorted(rules.scopes(compact.claims))) or "none"
    roles = " ".join(sorted(rules.roles(compact.claims))) or "none"
    yield Check(name="grants", passed=True, found=f"scopes {scopes}; roles {roles}")


_EXPECTED: Mapping[str, Callable[[TokenRules], str]] = {
    "binding": lambda _: "no cnf: a plain bearer token",
    "kind": lambda _: "no ID token, refresh token or logout token",
    "type": lambda rules: f"one that profile {rules.profile.name} accepts",
    "expected": lambda rules: str(dict(rules.profile.expect)),
    "mark": lambda rules: f"a mark of an access token, profile {rules.profile.name}",
    "required": lambda rules: " ".join(rules.required),
    "strings": lambda _: "strings",
    "times": lambda rules: f"not over, leeway {rules.leeway:g} s",
    "lifetime": lambda rules: f"at most {rules.max_lifetime} s",
    "audience": lambda rules: " or ".join(sorted(rules.audience)),
    "subject": lambda rules: f"a non-empty string in {rules.profile.subject_claim}",
    "client": lambda rules: f"one client in {' '.join(rules.profile.client_claims)}",
}  # fmt: skip
"""What each check of the table expects, for people."""


def _hint(
    problem: Problem, rules: TokenRules, claims: Claims, now: float, ahead: float | None
) -> str:
    reason, detail = problem
    if reason == "wrong_audience":
        return hints.of_audience(rules, claims)
    if reason == "missing_claim":
        return hints.of_missing(rules, detail.split()[0])
    if reason in ("expired", "not_yet_valid", "issued_in_future"):
        return hints.of_times(reason, claims, now, ahead)
    return hints.BY_REASON.get(reason, "")


def _found(reads: Sequence[str], compact: Compact, now: float) -> str:
    """Say what the token has where a check looks."""
    said = []
    for name in reads:
        value = compact.claims.get(name)
        if name == "header typ":
            said.append(f"typ {compact.header.typ or 'absent'}")
        elif name in ("exp", "nbf", "iat") and _is_time(value):
            said.append(f"{name} {_moment(value, now)}")
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            said.append(f"{name} {text}")
    return ", ".join(said) or "none"


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and abs(value) < 1e11


def _moment(value: float, now: float) -> str:
    moment = datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{moment} ({value - now:+.0f} s)"
