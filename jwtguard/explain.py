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
from typing import Any

from . import hints
from .core.jose import Compact, parse
from .core.jwk import Key
from .core.messages import Got
from .core.tokens import TokenRules
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
    rules, claims, now = trusted.rules, compact.claims, guard.clock.time()
    for name, check, expected in _claim_rules(rules, compact, now):
        found = _found(name, rules, compact, now)
        try:
            check()
        except AuthError as error:
            hint = hints.BY_REASON.get(error.reason, "")
            if name == "audience":
                hint = hints.of_audience(rules, claims)
            elif error.reason == "missing_claim":
                hint = hints.of_missing(rules, error.detail)
            elif name == "times":
                hint = hints.of_times(error.reason, claims, now, ahead)
            found = f"{found} ({error.detail})" if error.detail else found
            yield failed(name, error.reason, expected, found, hint)
        else:
            yield Check(name=name, passed=True, expected=expected, found=found)
    scopes = " ".join(sorted(rules.scopes(claims))) or "none"
    roles = " ".join(sorted(rules.roles(claims))) or "none"
    yield Check(name="grants", passed=True, found=f"scopes {scopes}; roles {roles}")


def _claim_rules(
    rules: TokenRules, compact: Compact, now: float
) -> Iterator[tuple[str, Callable[[], Any], str]]:
    """Yield the name of each check, the check itself, and what it expects."""
    claims, profile = compact.claims, rules.profile
    typ, audience = compact.header.typ, rules.audience
    kind = f"an access token, profile {profile.name}"
    yield "type", lambda: rules.check_type(typ, claims), kind
    needed = " ".join(profile.require)
    yield "claims", lambda: rules.check_required(claims), needed
    limits = f"not over, leeway {rules.leeway:g} s"
    yield "times", lambda: rules.check_times(claims, now), limits
    ours = audience if isinstance(audience, str) else " or ".join(sorted(audience))
    yield "audience", lambda: rules.check_audience(claims), ours
    yield "subject", lambda: rules.subject(claims), f"text in {profile.subject_claim}"
    yield "client", lambda: rules.client(claims), " ".join(profile.client_claims)


def _found(name: str, rules: TokenRules, compact: Compact, now: float) -> str:
    """Say what the token has where the check called *name* looks."""
    claims = compact.claims
    if name == "type":
        return f"typ {compact.header.typ or 'absent'}"
    if name == "claims":
        return " ".join(sorted(claims))
    if name == "times":
        return _times(claims, now)
    if name == "audience":
        return str(claims.get("aud"))
    if name == "subject":
        return str(claims.get(rules.profile.subject_claim))
    said = (claims.get(claim) for claim in rules.profile.client_claims)
    return " ".join(str(value) for value in said if value is not None) or "none"


def _times(claims: Any, now: float) -> str:
    said = []
    for name in ("iat", "nbf", "exp"):
        value = claims.get(name)
        if isinstance(value, int | float) and abs(value) < 1e11:
            moment = datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")
            said.append(f"{name} {moment} ({value - now:+.0f} s)")
    return ", ".join(said) or "none"
