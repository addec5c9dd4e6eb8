"""Logout tokens: which claims count, and what a good one ends."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client, Policy, TrustedIssuer
from jwtguard.core.verify.entries import Entry
from jwtguard.core.verify.issuer_states import rules_of
from jwtguard.core.verify.jose import Compact, Header
from jwtguard.core.verify.logout import (
    CHECKS,
    EVENT,
    WINDOW,
    LogoutToken,
    logout_token_of,
)
from jwtguard.errors import GrantError

ISSUER = "https://id.example.com"
NOW = 1_800_000_000.0
LEEWAY = 30.0
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "spa",
    "iat": NOW - 1,
    "exp": NOW + 120,
    "jti": "j1",
    "sub": "alice",
    "sid": "s1",
    "events": {EVENT: {}},
}
RULES = rules_of(
    TrustedIssuer(url=ISSUER, audience="api", jwks_url="https://id.example.com/keys"),
    Policy(
        issuers=[
            TrustedIssuer(
                url=ISSUER, audience="api", jwks_url="https://id.example.com/keys"
            )
        ],
        clients=[Client(id="spa"), Client(id="www")],
        leeway=LEEWAY,
    ),
)
REMOVE: Any = Ellipsis


def compact(typ: str = "logout+jwt", **changes: Any) -> Compact:
    claims = {**GOOD, **changes}
    claims = {name: value for name, value in claims.items() if value is not REMOVE}
    return Compact(Header("ES256", "k1", typ), claims, b"{}", b"", b"")


def read(typ: str = "logout+jwt", **changes: Any) -> LogoutToken:
    return logout_token_of(RULES, compact(typ, **changes), NOW)


BAD: list[tuple[str, str, dict[str, Any]]] = [
    ("an access token's type", "logout_access_token", {"typ": "at+jwt"}),
    ("an event's type", "logout_wrong_type", {"typ": "secevent+jwt"}),
    ("an access token", "logout_access_token", {"events": REMOVE, "scope": "a"}),
    ("a marked access token", "logout_access_token", {"token_use": "access"}),
    ("a Bearer token of Keycloak", "logout_access_token", {"token_type": "access"}),
    ("an ID token", "logout_id_token", {"events": REMOVE, "nonce": "n"}),
    ("an ID token with at_hash", "logout_id_token", {"events": REMOVE, "at_hash": "x"}),
    ("an ID token by its claim", "logout_id_token", {"token_use": "id"}),
    ("a refresh token", "logout_refresh_token", {"token_use": "refresh"}),
    ("no iss", "logout_malformed", {"iss": REMOVE}),
    ("no events", "logout_without_event", {"events": REMOVE}),
    ("events null", "logout_without_event", {"events": None}),
    ("events a list", "logout_without_event", {"events": [EVENT]}),
    ("events a string", "logout_without_event", {"events": EVENT}),
    ("events empty", "logout_without_event", {"events": {}}),
    ("another event", "logout_without_event", {"events": {"urn:other": {}}}),
    ("the event null", "logout_without_event", {"events": {EVENT: None}}),
    ("the event a string", "logout_without_event", {"events": {EVENT: ""}}),
    ("the event a list", "logout_without_event", {"events": {EVENT: []}}),
    ("the event true", "logout_without_event", {"events": {EVENT: True}}),
    ("a nonce", "logout_with_nonce", {"nonce": "n"}),
    ("a nonce that is null", "logout_with_nonce", {"nonce": None}),
    ("no aud", "logout_malformed", {"aud": REMOVE}),
    ("aud null", "logout_malformed", {"aud": None}),
    ("aud a number", "logout_malformed", {"aud": 1}),
    ("aud with a number", "logout_malformed", {"aud": ["spa", 1]}),
    ("aud empty", "logout_wrong_audience", {"aud": []}),
    ("aud of a client that is not listed", "logout_wrong_audience", {"aud": "other"}),
    ("aud of this API", "logout_wrong_audience", {"aud": "api"}),
    ("aud in other letters", "logout_wrong_audience", {"aud": "SPA"}),
    ("no iat", "logout_malformed", {"iat": REMOVE}),
    ("iat null", "logout_malformed", {"iat": None}),
    ("iat a string", "logout_malformed", {"iat": str(NOW)}),
    ("iat true", "logout_malformed", {"iat": True}),
    ("iat infinite", "logout_malformed", {"iat": float("inf")}),
    ("iat not a number", "logout_malformed", {"iat": float("nan")}),
    ("iat in milliseconds", "logout_issued_in_future", {"iat": NOW * 1000 / 2}),
    ("iat ahead", "logout_issued_in_future", {"iat": NOW + LEEWAY + 1}),
    ("iat long ago", "logout_too_old", {"iat": NOW - WINDOW - LEEWAY - 1}),
    ("exp null", "logout_malformed", {"exp": None}),
    ("exp a string", "logout_malformed", {"exp": "1"}),
    ("exp passed", "logout_expired", {"exp": NOW - LEEWAY}),
    ("no jti", "logout_malformed", {"jti": REMOVE}),
    ("jti null", "logout_malformed", {"jti": None}),
    ("jti empty", "logout_malformed", {"jti": ""}),
    ("jti a number", "logout_malformed", {"jti": 1}),
    ("jti too long", "logout_malformed", {"jti": "x" * 1025}),
    ("sid empty", "logout_malformed", {"sid": ""}),
    ("sid a number", "logout_malformed", {"sid": 7}),
    ("sid a list", "logout_malformed", {"sid": ["s1"]}),
    ("sub empty", "logout_malformed", {"sub": ""}),
    ("sub a number", "logout_malformed", {"sub": 7}),
    ("neither sid nor sub", "logout_without_subject", {"sid": REMOVE, "sub": REMOVE}),
    ("both null", "logout_without_subject", {"sid": None, "sub": None}),
]


@pytest.mark.parametrize(
    ("changes", "reason"), [(c, r) for _, r, c in BAD], ids=[n for n, _, _ in BAD]
)
def test_a_bad_logout_token_is_refused_with_its_reason(
    changes: dict[str, Any], reason: str
) -> None:
    """400, by the first check that fails."""
    with pytest.raises(GrantError) as found:
        read(**changes)
    assert (found.value.reason, found.value.status) == (reason, 400)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"typ": ""},
        {"typ": "JWT"},
        {"typ": "application/logout+jwt"},
        {"typ": "LOGOUT+JWT"},
        {"aud": ["other", "www"]},
        {"events": {EVENT: {"more": 1}, "urn:other": 1}},
        {"exp": REMOVE},
        {"iat": NOW + LEEWAY},
        {"iat": NOW - WINDOW - LEEWAY},
        {"sid": REMOVE},
        {"sub": REMOVE},
        {"sid": None},
    ],
    ids=repr,
)
def test_a_good_logout_token_is_taken(changes: dict[str, Any]) -> None:
    """Every form that the specification allows, and issuers send."""
    assert read(**changes).jti == "j1"


@pytest.mark.parametrize(
    ("mode", "changes", "kind", "value"),
    [
        ("session", {}, "sid", "s1"),
        ("session", {"sub": REMOVE}, "sid", "s1"),
        ("session", {"sid": REMOVE}, "sub", "alice"),
        ("subject", {}, "sub", "alice"),
        ("subject", {"sub": REMOVE}, "sid", "s1"),
        ("subject", {"sid": REMOVE}, "sub", "alice"),
    ],
)
def test_it_ends_the_session_or_all_tokens_of_the_subject(
    mode: str, changes: dict[str, Any], kind: str, value: str
) -> None:
    """By the issuer's setting; leeway counts, as its clock may be ahead of ours."""
    entry = read(**changes).entry(mode, LEEWAY, NOW + 900)
    assert entry == Entry(kind, ISSUER, value, NOW - 1 + LEEWAY, NOW + 900)


def test_each_check_has_a_name_of_its_own() -> None:
    """``explain`` lists them."""
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_a_mark_of_the_issuer_tells_access_tokens_apart() -> None:
    """What bears the claims of ``mark`` is an access token, and ends nothing."""
    issuer = TrustedIssuer(
        url=ISSUER, audience="api", jwks_url=f"{ISSUER}/keys", mark={"use": "access"}
    )
    policy = Policy(issuers=[issuer], clients=[Client(id="spa")], leeway=LEEWAY)
    marked = rules_of(issuer, policy)
    assert logout_token_of(marked, compact(), NOW).sid == "s1"
    with pytest.raises(GrantError, match="logout_access_token"):
        logout_token_of(marked, compact(use="access"), NOW)
