"""``explain`` and the guard say the same of every token."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from jwtguard import AuthError, Guard, Policy, TrustedIssuer
from jwtguard.core.model.profiles import PROFILES
from jwtguard.errors import InvalidTokenError
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.inspect.explain_token import explain
from jwtguard.testing import JWTIssuer

ISSUER = JWTIssuer("https://id.example/realms/main", alg="ES256")
CLAIMS = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "azp",
    "client_id",
    "cid",
    "uid",
    "appid",
    "scope",
    "scp",
    "typ",
    "type",
    "token_use",
    "token_type",
    "token_class",
    "nonce",
    "events",
    "cnf",
    "realm_access",
    "gty",
    "azpacr",
    "permissions",
]
VALUES: list[Any] = [
    1, 1.5, -1.0, True, None, "", "x", "Bearer", "refresh", "ID", "\x1b[2J", "\ud800",
    "https://[bad", "https://www.example", [], ["a"], ["\u202e", 1], [None], {},
    {"a": {"b": [1]}}, 10**400, -(10**400), 1e308, 1_800_000_000_000,
]  # fmt: skip


def guards(profile: str, audience: str, longest: float | None) -> Guard:
    trusted = TrustedIssuer(
        url=ISSUER.url, profile=profile, audience=audience, max_lifetime=longest
    )
    return Guard(
        Policy(issuers=[trusted]), clock=ISSUER.clock, transport=ISSUER.transport
    )


def logout_refusal(guard: Guard, token: str) -> list[str]:
    """Return why a logout path refuses *token*; nothing if it takes it."""
    try:
        guard.run(guard._flow.logout_flow.verified(token))
    except AuthError as error:
        return [error.reason]
    return []


GUARDS = [
    guards(profile, audience, longest)
    for profile in PROFILES
    for audience, longest in (
        (ISSUER.audience, 60),
        ("unchecked", 60.5),
        ("unchecked", None),
    )
]


@example(GUARDS[12], {"sub": 1, "events": 1, "iss": None}, "JWT", None)
@given(
    guard=st.sampled_from(GUARDS),
    claims=st.dictionaries(
        st.sampled_from(CLAIMS), st.sampled_from(VALUES), max_size=8
    ),
    typ=st.sampled_from(["JWT", "at+jwt", None, "\x07x"]),
    kid=st.sampled_from([None, "z", "\x1b[2J"]),
)
def test_explain_fails_where_the_guard_refuses(
    guard: Guard, claims: dict[str, Any], typ: str | None, kid: str | None
) -> None:
    """The first reason is the guard's; whatever the claims hold is printed safely."""
    assume(isinstance(claims.get("iss"), str | None))  # PyJWT signs nothing else
    headers = {} if kid is None else {"kid": kid}
    token = ISSUER.token(typ=typ, claims=claims, headers=headers)
    found = list(explain(guard, token))
    reasons = [one.reason for one in found if not one.passed]
    if any(one.name == "logout" for one in found):
        refusal = logout_refusal(guard, token)
        assert [reason for reason in reasons if reason][:1] == refusal
    elif reasons:
        with pytest.raises(AuthError) as refused:
            guard.verify(token)
        assert refused.value.reason == reasons[0]
    else:
        assert guard.verify(token)
    request = request_of(
        guard, token, method="GET", path="/", origin="https://x.example", cookie=False
    )
    found += try_request(guard, request, token)
    for one in found:
        for text in (one.name, one.expected, one.found, one.hint):
            assert text.isprintable()


def test_explain_shows_what_only_a_gate_refuses() -> None:
    """A gate that has no check of its own in ``explain`` is not passed over."""

    def refusing(*_: object) -> None:
        raise InvalidTokenError("bound_token", detail="cnf")

    guard, token = guards("generic", ISSUER.audience, None), ISSUER.token()
    assert all(one.passed for one in explain(guard, token))
    guard._flow.verifier.gates.append(refusing)
    (found,) = [one for one in explain(guard, token) if not one.passed]
    assert (found.name, found.reason) == ("guard", "bound_token")
    assert found.found == "refused (cnf)"
    assert "DPoP or mTLS" in found.hint
