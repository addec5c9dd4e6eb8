"""Which claims and header types mark an access token, and which another token."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jwtguard.core.verify.claims import checked_facts
from jwtguard.core.verify.jose import Compact, Header
from jwtguard.errors import InvalidTokenError
from tests.core.verify.claims_support import (
    CLAIMS,
    NOW,
    RULES,
    checked,
    reason,
    with_profile,
)

BARE: dict[str, Any] = {"client_id": "absent", "scope": "absent"}


@pytest.mark.parametrize(
    "mark",
    [
        {"client_id": "spa"},
        {"scope": "a"},
        {"scp": ["a"]},
        {"token_use": "access"},
        {"typ": "Bearer"},
        {"type": "access_token"},
        {"token_type": "access"},
        {"token_class": "access_token"},
    ],
)
def test_one_positive_mark_is_needed(mark: dict[str, Any]) -> None:
    """And any one of them is enough."""
    assert checked(**{**BARE, **mark})
    assert checked(header="at+jwt", **BARE)


@pytest.mark.parametrize(
    "other",
    [{}, {"azp": "spa"}, {"token_use": "x"}, {"typ": "JWT"}, {"typ": ["Bearer"]}],
)
def test_a_token_without_an_access_token_mark_is_refused(other: dict[str, Any]) -> None:
    """``azp`` is none: ID tokens have it."""
    assert reason_of({**BARE, **other}) == "not_access_token"


def reason_of(changes: dict[str, Any], header: str = "jwt") -> str:
    claims = {k: v for k, v in {**CLAIMS, **changes}.items() if v != "absent"}
    compact = Compact(Header("ES256", None, header), claims, b"{}", b"", b"")
    with pytest.raises(InvalidTokenError) as caught:
        checked_facts(RULES, compact, NOW)
    return caught.value.reason


@pytest.mark.parametrize(
    "name", ["token_use", "typ", "type", "token_type", "token_class"]
)
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("id", "id_token"),
        ("ID", "id_token"),
        ("id_token", "id_token"),
        ("Refresh", "refresh_token"),
        ("refresh_token", "refresh_token"),
        ("Offline", "refresh_token"),
        ("Logout", "logout_token"),
    ],
)
def test_a_negative_mark_outweighs_all_others(name: str, value: str, why: str) -> None:
    """Neither a scope nor the header type makes an access token of it."""
    assert reason_of({name: value}) == why
    assert reason_of({name: value}, "at+jwt") == why


@pytest.mark.parametrize("events", [{}, None, {"http://logout": {}}])
def test_an_event_is_a_logout_token(events: Any) -> None:
    """OpenID Connect Back-Channel Logout section 2.4; any value of the claim."""
    assert reason_of({"events": events}, "at+jwt") == "logout_token"
    assert reason_of({}, "logout+jwt") == "logout_token"


@pytest.mark.parametrize("name", ["nonce", "at_hash", "c_hash"])
def test_what_only_id_tokens_have_counts_against_a_token(name: str) -> None:
    """Unless it bears its profile's own mark: some issuers put nonce everywhere."""
    assert reason_of({name: "x"}) == "id_token"
    assert reason_of({name: None}) == "id_token"
    there: dict[str, Any] = {name: "x"}
    assert checked(header="at+jwt", **there)
    assert checked(token_use="access", **there)


@pytest.mark.parametrize(
    "cnf",
    [
        {}, [], "x", False, 0, {"jkt": 1}, {"jkt": None}, {"jkt": ""},
        {"x5t#S256": ["x"]}, {"jwk": {}}, {"kid": "x"}, {"jkt": "x", "jku": "x"},
        {"JKT": "x"}, {"x5t": "x"}, {"kc-jkt-type": "DPoP"},
        {"jkt": "x", "kc-jkt-type": "other"}, {"jkt": "x", "kc-jkt-type": None},
        {"x5t#S256": "x", "kc-jkt-type": "DPoP"},
    ],
)  # fmt: skip
def test_a_binding_that_is_not_checked_here_is_refused(cnf: Any) -> None:
    """RFC 7800 section 3.1: accepting it would undo the token's protection."""
    assert reason(cnf=cnf) == "bound_token"


def test_what_a_token_is_bound_to_is_read() -> None:
    """RFC 9449 section 6.1, RFC 8705 section 3.1; the two may stand together."""
    facts = checked(cnf={"jkt": "k", "x5t#S256": "c"}).facts
    assert (facts.jkt, facts.x5t) == ("k", "c")
    assert checked(cnf={"jkt": "k", "kc-jkt-type": "DPoP"}).facts.jkt == "k"
    assert (checked(cnf=None).bound, checked().thumbprint) == (None, None)
    by_key, by_certificate = checked(cnf={"jkt": "k"}), checked(cnf={"x5t#S256": "c"})
    assert (by_key.bound, by_key.thumbprint) == ("dpop", "k")
    assert (by_certificate.bound, by_certificate.thumbprint) == ("mtls", "c")


@pytest.mark.parametrize(
    "typ", ["dpop+jwt", "id_token+jwt", "rt+jwt", "jwtx", "at+jwt "]
)
def test_other_header_types_are_refused(typ: str) -> None:
    """RFC 8725 section 3.11."""
    assert reason(RULES, typ) == "wrong_type"


def test_expected_claims_are_compared_whole() -> None:
    """Type and case included."""
    rules = with_profile(expect={"ver": "1"})
    assert checked(rules, ver="1")
    for wrong in (1, "1 ", "absent", None, ["1"]):
        assert reason(rules, ver=wrong) == "not_access_token"


def test_an_expected_tenant_does_not_let_id_tokens_in() -> None:
    """A setting that narrows must not widen: a tenant is no mark of a token's type."""
    rules = with_profile(expect={"tenant": "x"})
    assert checked(rules, tenant="x")
    with pytest.raises(InvalidTokenError, match="not_access_token"):
        checked(rules, "jwt", tenant="x", azp="spa", **BARE)


def test_an_expected_type_is_a_mark() -> None:
    """Where an issuer says in its own words what an access token is."""
    rules = with_profile(expect={"token_use": "api"})
    assert checked(rules, "jwt", token_use="api", **BARE)


@pytest.mark.parametrize("aud", ["spa", ["spa"], ["spa", "api"]])
@pytest.mark.parametrize("header", ["jwt", "", "id+jwt"])
def test_without_a_mark_and_meant_for_a_client_it_is_an_id_token(
    aud: Any, header: str
) -> None:
    """OpenID Connect Core section 2: ``aud`` names the client; also if we are in it."""
    rules = replace(RULES, clients=frozenset({"spa"}))
    assert reason(rules, header, aud=aud, **BARE) == "id_token"


def test_clients_in_the_audience_harm_no_access_token() -> None:
    """A marked token may name them too, and whoever does without marks knows why."""
    clients = frozenset({"spa"})
    assert checked(replace(RULES, clients=clients), aud=["spa", "api"])
    knowingly = replace(with_profile(needs_mark=False), clients=clients)
    assert checked(knowingly, aud=["spa", "api"], **BARE)
    typed = replace(with_profile(expect={"token_use": "api"}), clients=clients)
    assert checked(typed, aud=["spa", "api"], token_use="api", **BARE)


def test_a_profile_can_do_without_marks() -> None:
    """Knowingly: for issuers that make nothing but access tokens."""
    assert checked(with_profile(needs_mark=False), "jwt", **BARE)
