"""Members of an answer that are null, missing or too large: never an exception."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf
from typing import Any

import pytest

from jwtguard.core.introspect.answer_rules import merged_compact
from jwtguard.core.verify.entries import digest_of
from jwtguard.core.verify.jose import Compact, Header
from jwtguard.errors import AuthError
from jwtguard.testing import OpaqueIssuer


@pytest.fixture
def issuer() -> OpaqueIssuer:
    return OpaqueIssuer(alg="ES256")


def answering(issuer: OpaqueIssuer, **changes: Any) -> None:
    """Let the answers of *issuer* have these members; None is written as null."""

    def reply(found: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        told = {"content-type": "application/json"}
        return 200, told, json.dumps({**found, **changes}).encode()

    issuer.reply = reply


def test_an_end_that_is_null_is_none(issuer: OpaqueIssuer) -> None:
    """A member that is null says as little as one that is absent."""
    answering(issuer, exp=None)
    guard, token = issuer.guard(), issuer.opaque_token()
    for _ in range(2):
        assert guard.verify(token).expires_at == inf


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("mode", ["opaque", "always"])
def test_an_end_too_large_for_a_float_refuses_one_token(
    issuer: OpaqueIssuer, mode: str, sign: int
) -> None:
    """The issuer has answered, so nothing pauses, and other tokens stay good."""
    guard = issuer.guard(introspect=mode)
    made = issuer.token if mode == "always" else issuer.opaque_token
    answering(issuer, exp=sign * 10**400)
    with pytest.raises(AuthError, match=r"^malformed_claim$"):
        guard.verify(made())
    issuer.reply = None
    assert guard.verify(made(subject="bob")).subject == "bob"


def test_a_null_in_a_jwt_hides_no_binding_of_the_answer() -> None:
    """Else a token that its issuer calls bound would pass as a bearer token."""
    binding = {"jkt": "thumbprint"}
    local = Compact(Header("ES256", None, ""), {"cnf": None, "sub": "a"}, b"", b"", b"")
    merged = merged_compact(local, {"cnf": binding, "sub": "b"})
    assert merged.claims == {"cnf": binding, "sub": "a"}
    assert json.loads(merged.payload) == merged.claims


@pytest.mark.parametrize("dots", ["", ".", "a."])
def test_revoking_an_opaque_token_ends_no_other(
    issuer: OpaqueIssuer, dots: str
) -> None:
    """Without ``sid`` and ``jti`` the whole token counts: it has no signature."""

    known = {"active": True, "sub": "alice", "aud": issuer.audience}
    answering(issuer, **known, sid="", jti="")
    guard = issuer.guard()
    one, other = (f"{dots}{issuer.opaque_token()}" for _ in "ab")
    assert digest_of("v2.a.b") != digest_of("v2.a.c")
    assert guard.verify(other)
    guard.revoke(guard.verify(one))
    with pytest.raises(AuthError, match=r"^revoked_token$"):
        guard.verify(one)
    assert guard.verify(other)
