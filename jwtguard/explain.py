"""Why a token is taken or refused: every check of RFC 7519 section 7.2, in order.

The rules are those of the guard itself, run one by one; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from .core.jose import Compact, parse
from .core.jwk import Key
from .core.messages import Proceed, Request
from .core.tokens import TokenRules
from .core.verify import Trusted, candidates, verifying_key
from .errors import AuthError
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


def explain(guard: Guard, token: str) -> Iterator[Check]:
    """Yield each check of *token*, going on after a failure as far as makes sense.

    Asks the issuer for its keys if they are needed. Never yields the token.
    """
    longest = guard.policy.max_token_bytes
    size = f"{len(token)} characters"
    if len(token) > longest:
        yield _failed("size", "token_too_long", f"at most {longest}", size)
        return
    yield Check(name="size", passed=True, expected=f"at most {longest}", found=size)
    try:
        compact = parse(token)
    except AuthError as error:
        hint = _form_hint(token)
        yield _failed("form", error.reason, "header.claims.signature", "", hint)
        return
    yield Check(name="form", passed=True, found="a signed token, strictly encoded")
    try:
        trusted = guard.flow.verifier.issuer_of(compact)
    except AuthError as error:
        yield _issuer_failed(guard, compact, error)
        return
    yield Check(name="issuer", passed=True, found=trusted.rules.issuer)
    yield from _key_checks(guard, trusted, compact)
    yield from _claim_checks(guard, trusted, compact)


def _failed(name: str, reason: str, expected: str, found: str, hint: str = "") -> Check:
    return Check(
        name=name,
        passed=False,
        expected=expected,
        found=found,
        reason=reason,
        hint=hint,
    )


def _form_hint(token: str) -> str:
    if token.count(".") == 4:
        return "five parts: an encrypted token (JWE); ask the issuer for a signed one"
    if token.count(".") != 2:
        return (
            "an opaque token; some issuers make a JWT only if the token request names "
            "the API: Auth0 by `audience`, oidc-provider by `resource`"
        )
    return "the token may have been cut or quoted on its way here"


def _issuer_failed(guard: Guard, compact: Compact, error: AuthError) -> Check:
    found = str(compact.claims.get("iss"))
    known = sorted(guard.flow.verifier.trusted)
    near = [name for name in known if _nearly(name, found)]
    hint = f"almost {near[0]}: issuers are compared exactly" if near else ""
    return _failed("issuer", error.reason, " or ".join(known), found, hint)


def _nearly(one: str, other: str) -> bool:
    """Alike but for a trailing slash, the scheme, case, or the name of loopback."""

    def folded(text: str) -> str:
        bare = text.lower().rstrip("/").partition("://")[2] or text
        return bare.replace("127.0.0.1", "localhost")

    return folded(one) == folded(other)


def _key_checks(guard: Guard, trusted: Trusted, compact: Compact) -> Iterator[Check]:
    alg, kid, _ = compact.header
    accepted = " ".join(sorted(trusted.rules.algorithms))
    if alg not in trusted.rules.algorithms:
        yield _failed("algorithm", "wrong_algorithm", accepted, alg)
        return
    yield Check(name="algorithm", passed=True, expected=accepted, found=alg)
    keys: Sequence[Key] = ()
    try:
        keys = guard.run(
            trusted.keys.find(lambda held: candidates(compact, held, trusted.rules))
        )
    except AuthError as error:
        snapshot = trusted.keys.snapshot
        named = (
            [key.kid or "(no kid)" for key in snapshot.keys.keys]
            if snapshot.keys
            else []
        )
        hint = (
            snapshot.failure or "the issuer may have rotated, or another realm signed"
        )
        yield _failed("key", error.reason, " ".join(named), f"kid {kid}", hint)
        return
    yield Check(name="key", passed=True, found=f"kid {kid}, {len(keys)} to try")
    try:
        verifying_key(compact, keys)
    except AuthError as error:
        yield _failed("signature", error.reason, f"made with kid {kid}", "another")
        return
    yield Check(name="signature", passed=True, found=alg)


def _claim_checks(guard: Guard, trusted: Trusted, compact: Compact) -> Iterator[Check]:
    rules, claims, now = trusted.rules, compact.claims, guard.clock.time()
    for name, check, expected in _claim_rules(rules, compact, now):
        yield _one(name, check, expected, _found(name, rules, compact, now))
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


def _one(name: str, check: Callable[[], Any], expected: str, found: str) -> Check:
    try:
        check()
    except AuthError as error:
        hint = _HINTS.get(error.reason, "")
        if error.reason == "missing_claim":
            hint = _MISSING.get(error.detail, hint)
        if name == "audience" and _nearly(expected, found):
            hint = "almost the same: audiences are compared exactly"
        detail = f"{found} ({error.detail})" if error.detail else found
        return _failed(name, error.reason, expected, detail, hint)
    return Check(name=name, passed=True, expected=expected, found=found)


_NOT_NAMED = (
    "the token does not name this API: Keycloak needs an audience mapper, Auth0 an "
    "audience parameter in the token request, oidc-provider a resource parameter"
)
_HINTS = {
    "id_token": "the client sent its ID token; it has to send access_token",
    "refresh_token": "the client sent its refresh token; it has to send access_token",
    "wrong_audience": _NOT_NAMED,
    "not_access_token": (
        "no scope, client_id or typ marks it as an access token: an ID token, or an "
        "issuer that needs a profile (JWTGUARD_PROFILE)"
    ),
    "expired": "if it was made just now, compare the clocks of both machines",
    "not_yet_valid": "the issuer's clock is ahead of this one",
    "issued_in_future": "the issuer's clock is ahead of this one",
    "missing_claim": "JWTGUARD_PROFILE, or `require` of the issuer, says what it needs",
}
_MISSING = {
    "aud": _NOT_NAMED,
    "sub": (
        "Keycloak's lightweight tokens need `Add to lightweight access token` on the "
        "mapper sub; others may keep the user elsewhere: `subject_claim` of the issuer"
    ),
}


def _times(claims: Any, now: float) -> str:
    said = []
    for name in ("iat", "nbf", "exp"):
        value = claims.get(name)
        if isinstance(value, int | float) and abs(value) < 1e11:
            moment = datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")
            said.append(f"{name} {moment} ({value - now:+.0f} s)")
    return ", ".join(said) or "none"


def try_request(guard: Guard, request: Request) -> Check:
    """Say what the guard would do with *request*, CORS and scopes included."""
    decision = guard.decide(request, lambda _: b"")
    asked = f"{request.method} {request.path}"
    origin = request.header("origin")
    if origin:
        asked += f" from {origin}"
    if isinstance(decision, Proceed):
        return Check(name="request", passed=True, expected=asked, found="let through")
    answer = f"answered {decision.status}"
    return _failed("request", decision.reason, asked, answer)
