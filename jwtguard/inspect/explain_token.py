"""Why a token is taken or refused: every check of RFC 7519 section 7.2, in order.

The rules are those of the guard itself, run one by one; nothing is decided here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from ..core.model.effects import Incoming
from ..core.model.jwk import Key
from ..core.verify.issuer_states import IssuerState
from ..core.verify.jose import Compact, parse
from ..core.verify.signatures import matching_keys, verifying_key
from ..errors import AuthError
from ..guard import Guard
from ..outside.sending import Transport
from . import hints
from .explain_certificate import certificate_checks
from .explain_claims import claim_checks
from .explain_introspection import live_checks, opaque_checks
from .explain_logout import for_logout, is_logout_token, logout_checks
from .explain_proof import bound_to
from .explain_revoked import revoked_check
from .hints_keys import of_missing_keys, of_other_jwks_url
from .hints_tenants import of_tenant
from .shown import Check, failed, moment, value_text


def token_in(text: str) -> str:
    """Return the token in *text*: bare, with its header, or in a token response.

    RFC 6749 section 5.1: the member is ``access_token``. A logout token may come in
    the form that it was posted in.
    """
    text = text.strip()
    if text.startswith("{"):
        try:
            found = json.loads(text)["access_token"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return text
        return found if isinstance(found, str) else text
    text = text.removeprefix("logout_token=")
    text = re.sub(r"^authorization:\s*", "", text.strip("\"'"), flags=re.IGNORECASE)
    return re.sub(r"^(bearer|dpop)\s+", "", text, flags=re.IGNORECASE).strip("\"'")


class Dated:
    """A transport that reads the issuer's clock off its answers (RFC 9110 6.6.1).

    ``ahead`` is how many seconds that clock is ahead of *now*; None until it is known.
    """

    def __init__(self, transport: Transport, now: Callable[[], float]) -> None:
        self._transport = transport
        self.now = now
        self.ahead: float | None = None

    def __call__(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        """GET *url*, and note the answer's Date."""
        asked = self.now()
        got = Incoming(*self._transport(url, headers, timeout))
        # The answer was dated at some moment in between; the middle halves the greatest
        # error.
        halfway = (asked + self.now()) / 2
        try:
            date = parsedate_to_datetime(got.headers.get("date", ""))
        except (ValueError, OverflowError):
            return got
        # The field has whole seconds, cut off: half a second is the fair guess.
        self.ahead = date.replace(tzinfo=UTC).timestamp() + 0.5 - halfway
        return got


def explain(
    guard: Guard,
    token: str,
    clock: Dated | None = None,
    certificate: bytes | None = None,
) -> Iterator[Check]:
    """Yield each check of *token*, going on after a failure as far as makes sense.

    Asks the issuer for its keys if they are needed; *clock* is the guard's transport,
    if that tells the time; *certificate* is the client's, in DER. Never yields the
    token.
    """
    good = True
    for check in _checks(guard, token, clock, certificate):
        good = good and check.passed and check.name != "logout"
        yield check
    if good:
        yield from _refused_anyway(guard, token)


def _refused_anyway(guard: Guard, token: str) -> Iterator[Check]:
    """Ask the guard itself, because a gate may refuse what the checks here accept."""
    try:
        guard.verify(token)
    except AuthError as error:
        if error.reason == "certificate_missing":
            return  # a check of its own has compared it
        if error.reason == "bound_token" and _is_proved(guard, token):
            hint = "send it as `Authorization: DPoP`; --proof explains a proof"
            found = "bound to a key: accepted with a DPoP proof of that key only"
            yield Check(name="guard", passed=True, found=found, hint=hint)
            return
        hint = hints.hint_of(error.reason)
        found = f"refused ({error.detail})" if error.detail else "refused"
        yield failed("guard", error.reason, "a token that it accepts", found, hint)


def _is_proved(guard: Guard, token: str) -> bool:
    """Whether a proof is all that *token* needs."""
    return guard.policy.dpop != "off" and bound_to(token) is not None


def _checks(
    guard: Guard, token: str, clock: Dated | None, certificate: bytes | None
) -> Iterator[Check]:
    yield _size(guard, token)
    form = "header.claims.signature"
    opaque = list(opaque_checks(guard, token))
    if opaque:
        yield from opaque
        return
    try:
        compact = parse(token)
    except AuthError as error:
        yield failed("form", error.reason, form, "", hints.of_form(token))
        return
    found = "a signed token, strictly encoded"
    yield Check(name="form", passed=True, expected=form, found=found)
    known = guard.issuers
    issuer, trusted, near = _issuer(guard, compact)
    logout = is_logout_token(compact, trusted.rules if trusted else None)
    yield for_logout(issuer) if logout else issuer
    if trusted is None:
        return
    signed = False
    for check in _key_checks(guard, trusted, compact) if near else ():
        yield for_logout(check) if logout else check
        signed = check.passed
    ahead = clock.ahead if clock is not None else None
    if clock is not None and ahead is not None:
        yield _clock(guard, trusted, compact, clock.now(), ahead)
    if not issuer.passed and len(known) > 1:
        found = f"as for {trusted.rules.issuer}, which comes nearest"
        yield Check(name="rules", passed=True, found=found)
    if logout:
        yield from logout_checks(guard, trusted.rules, compact, guard.clock.time())
        return
    if issuer.passed and signed:
        # Nobody is asked about a token that is refused without it.
        live, compact = live_checks(guard, trusted.rules.issuer, compact, token)
        yield from live
    yield from claim_checks(trusted.rules, compact, guard.clock.time(), ahead)
    if issuer.passed:
        yield revoked_check(guard, trusted.rules, compact, token)
        yield from certificate_checks(guard, compact, certificate)


def _size(guard: Guard, token: str) -> Check:
    expected = f"at most {guard.policy.max_token_bytes}"
    found = f"{len(token)} characters"
    if len(token) > guard.policy.max_token_bytes:
        hint = "many roles or groups? JWTGUARD_MAX_TOKEN_BYTES may be raised"
        return failed("size", "token_too_long", expected, found, hint)
    return Check(name="size", passed=True, expected=expected, found=found)


def _issuer(guard: Guard, compact: Compact) -> tuple[Check, IssuerState | None, bool]:
    """Return the check, the issuer to go on with, and whether its keys may fit.

    After a failure that is the nearest issuer, or the only one.
    """
    known = guard.issuers
    expected = " or ".join(sorted(one.url for one in guard.policy.issuers))
    try:
        trusted = guard.issuer_of(compact)
    except AuthError as error:
        claimed = compact.claims.get("iss")
        only = next(iter(known.values())) if len(known) == 1 else None
        if claimed is None:
            hint = "the token does not say who issued it"
            found = "no iss"
            near = only
        else:
            found = value_text(claimed)
            hint, name = hints.of_issuer(found, sorted(known))
            hint = of_tenant(found, guard.policy.issuers) or hint
            near = known[name] if name else None
        check = failed("issuer", error.reason, expected, found, hint)
        return check, near or only, near is not None
    found = trusted.rules.issuer
    check = Check(name="issuer", passed=True, expected=expected, found=found)
    return check, trusted, True


def _clock(
    guard: Guard, trusted: IssuerState, compact: Compact, now: float, ahead: float
) -> Check:
    """Compare the clocks: a failure if the token is refused for its times as well.

    No rule refuses a token for a wrong clock alone.
    """
    leeway = trusted.rules.leeway
    of_claims = claim_checks(trusted.rules, compact, guard.clock.time(), ahead)
    times = next((one.reason for one in of_claims if one.name == "times"), "")
    theirs, ours = moment(now + ahead), moment(now)
    wrong = abs(ahead) > leeway
    return Check(
        name="clock",
        passed=not (wrong and times),
        expected=f"the issuer's Date within {leeway:g} s of this machine's",
        found=(
            f"{hints.clock_words(ahead)} (issuer {theirs}, this machine {ours}, "
            f"leeway {leeway:g} s)"
        ),
        reason=times if wrong else "",
        hint="correct the wrong one (NTP)" if wrong else "",
    )


def _key_checks(
    guard: Guard, trusted: IssuerState, compact: Compact
) -> Iterator[Check]:
    alg, kid, _ = compact.header
    accepted = " ".join(sorted(trusted.rules.algorithms))
    if alg not in trusted.rules.algorithms:
        hint = hints.hint_of("wrong_algorithm")
        yield failed("algorithm", "wrong_algorithm", accepted, value_text(alg), hint)
        return
    yield Check(name="algorithm", passed=True, expected=accepted, found=alg)
    keys: Sequence[Key] = ()
    try:
        keys = guard.run(
            trusted.key_cache.find(
                lambda held: matching_keys(compact, held, trusted.rules)
            )
        )
    except AuthError as error:
        yield _key_failed(guard, trusted, error, kid)
        return
    yield Check(name="key", passed=True, found=f"{_kid(kid)}, {len(keys)} to try")
    try:
        verifying_key(compact, keys)
    except AuthError as error:
        expected, hint = f"made with {_kid(kid)}", hints.hint_of("bad_signature")
        yield failed("signature", error.reason, expected, "another", hint)
        return
    yield Check(name="signature", passed=True, found=alg)


def _kid(kid: str | None) -> str:
    return "no kid" if kid is None else f"kid {value_text(kid)}"


def _key_failed(
    guard: Guard, trusted: IssuerState, error: AuthError, kid: str | None
) -> Check:
    snapshot = trusted.key_cache.snapshot
    held = snapshot.key_set.keys if snapshot.key_set else ()
    named = " ".join(key.kid or "(no kid)" for key in held) or "a published key"
    if error.reason == "unknown_key":
        unusable = snapshot.key_set.unusable if snapshot.key_set else frozenset()
        hint = hints.of_unknown_key(kid, unusable)
        hint += of_other_jwks_url(guard, trusted.key_cache.issuer)
    elif error.reason == "keys_unavailable":
        hint = of_missing_keys(guard, trusted)
    else:
        hint = "the key of this name is for another algorithm"
    return failed("key", error.reason, named, _kid(kid), hint)
