"""``explain`` says that a token is revoked, and what it cannot know."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from jwtguard import AuthError, Guard
from jwtguard.adapters import Request, Respond
from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.shown import Check
from jwtguard.state import MemoryState
from jwtguard.testing import FakeClock, JWTIssuer
from tests.test_revoking import Away, shared_guard


@pytest.fixture
def jwt_clock() -> FakeClock:
    """A clock without fractions of a second."""
    return FakeClock(1_800_000_000)


def row(guard: Guard, token: str) -> Check:
    """Return what ``explain`` says last: whether the token is revoked."""
    return list(explain(guard, token))[-1]


KINDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "sid": ({"sid": "s1"}, "revoked_session", "all tokens with sid s1"),
    "jti": ({"jti": "j1"}, "revoked_token", "the token with jti j1"),
    "subject": ({"subject": "alice"}, "revoked_subject", "all tokens of subject alice"),
    "client": ({"client_id": "spa"}, "revoked_before", "all tokens of client spa"),
    "issuer": ({}, "revoked_before", "all tokens"),
}


@pytest.mark.parametrize(("named", "reason", "words"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("shared", [False, True])
def test_it_says_what_was_revoked_since_when_and_where(
    named: Any, reason: str, words: str, shared: bool, jwt_issuer: JWTIssuer
) -> None:
    """Also what another process has revoked: the real list is read."""
    state = MemoryState()
    guard = shared_guard(jwt_issuer, state) if shared else jwt_issuer.guard()
    token = jwt_issuer.token(claims={"sid": "s1", "jti": "j1"})
    guard.revoke_tokens(issuer=jwt_issuer.url, **named)
    asked = shared_guard(jwt_issuer, state) if shared else guard
    found = row(asked, token)
    assert (found.name, found.passed, found.reason) == ("revoked", False, reason)
    assert found.found.startswith(f"{words} of {jwt_issuer.url}")
    assert "2027-01-15 08:00:00" in found.found
    assert "sign in again" in found.hint
    with pytest.raises(AuthError) as refused:
        asked.verify(token)
    assert refused.value.reason == reason


def test_the_very_token_is_told_by_its_digest(jwt_issuer: JWTIssuer) -> None:
    """A token without ``sid`` and ``jti``; the digest is not shown."""
    guard, token = jwt_issuer.guard(), jwt_issuer.token(claims={"jti": None})
    guard.revoke(guard.verify(token))
    text = f"this token of {jwt_issuer.url} was revoked 2027-01-15 08:00:00"
    assert row(guard, token).found == text


def test_a_newer_token_of_the_subject_is_not_revoked(
    jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """The time bound counts here as it does for the guard."""
    guard = jwt_issuer.guard()
    guard.revoke_tokens(issuer=jwt_issuer.url, subject="alice")
    jwt_clock.advance(1)
    assert row(guard, jwt_issuer.token()).passed


@pytest.mark.parametrize("after", [0, 1, 3, 30, 31])
def test_a_sign_in_shortly_after_a_logout_is_pointed_out(
    after: int, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """A logout token also revokes tokens that are issued within the leeway after it."""
    guard = jwt_issuer.guard(logout_paths=["/logout"])
    form = urlencode({"logout_token": jwt_issuer.logout_token()}).encode()
    headers = {"content-type": ("application/x-www-form-urlencoded",)}
    answer = guard.decide(Request("POST", "/logout", headers), lambda limit: form)
    assert isinstance(answer, Respond)
    assert answer.status == 200
    jwt_clock.advance(after)
    found = row(guard, jwt_issuer.token())
    assert found.passed is (after > 30)
    soon = (
        f"issued {after} s after a back-channel logout, within JWTGUARD_LEEWAY (30 s)"
    )
    assert (soon in found.hint) is (0 < after <= 30)
    if 0 < after <= 30:
        assert found.hint.endswith("or refresh, after 2027-01-15 08:00:30")


def test_a_token_that_is_expired_too_shows_both(jwt_issuer: JWTIssuer) -> None:
    """Every problem at once."""
    guard = jwt_issuer.guard()
    guard.revoke_tokens(issuer=jwt_issuer.url, sid="s1")
    token = jwt_issuer.expired(claims={"sid": "s1"})
    failed = [one.reason for one in explain(guard, token) if not one.passed]
    assert failed == ["expired", "revoked_session"]


def test_memory_says_that_other_processes_are_not_known(jwt_issuer: JWTIssuer) -> None:
    """``explain`` is a process of its own: it does not vouch for the workers."""
    found = row(jwt_issuer.guard(), jwt_issuer.token())
    assert found.passed
    assert "each process has its own list" in found.found


def test_a_shared_state_that_was_read_says_no(jwt_issuer: JWTIssuer) -> None:
    """It names the place."""
    state = Away()
    state.away = False
    found = row(shared_guard(jwt_issuer, state), jwt_issuer.token())
    assert (found.passed, found.found) == (
        True,
        "not revoked; all revocations in Away were read",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outage", "passed", "words"),
    [
        ("allow", True, "the token is accepted"),
        ("writes", True, "after 60 s writes get 503"),
        ("refuse", False, "JWTGUARD_REVOCATION_OUTAGE=refuse"),
    ],
)
def test_a_state_that_is_away_is_not_vouched_for(
    outage: str, passed: bool, words: str, jwt_issuer: JWTIssuer
) -> None:
    """What the guard does meanwhile depends on the policy."""
    guard = shared_guard(jwt_issuer, Away(), revocation_outage=outage)
    found = row(guard, jwt_issuer.token())
    assert found.passed is passed
    assert found.found.startswith("not known: Away cannot be read (")
    assert words in found.hint
    assert found.reason == ("" if passed else "revocations_stale")


def test_packed_entries_are_asked_for(jwt_issuer: JWTIssuer) -> None:
    """With a shared state the entry is looked up; otherwise it counts as a match."""
    token = jwt_issuer.token(claims={"jti": "j0"})
    for state, words in ((MemoryState(), "the token with jti j0"), (None, "packed")):
        guard = jwt_issuer.guard(revocations=1)
        if state is not None:
            guard = shared_guard(jwt_issuer, state, revocations=1)
        for number in range(4):
            guard.revoke_tokens(issuer=jwt_issuer.url, jti=f"j{number}")
        found = row(guard, token)
        assert found.reason == "revoked_token"
        assert words in found.found


def test_a_token_that_a_logout_would_miss_is_pointed_out(
    jwt_issuer: JWTIssuer,
) -> None:
    """``logout = session`` needs a ``sid``, which no specification promises."""
    issuer = JWTIssuer(profile="keycloak", clock=jwt_issuer.clock)
    guard = issuer.guard(logout_paths="/oidc/logout")
    assert "it has no sid" in row(guard, issuer.token()).hint
    assert row(guard, issuer.token(claims={"sid": "s1"})).hint == ""
    assert row(issuer.guard(), issuer.token()).hint == ""


def test_a_token_that_outlives_its_revocation_is_pointed_out(
    jwt_issuer: JWTIssuer,
) -> None:
    """Only where nothing else bounds its lifetime."""
    guard = jwt_issuer.guard(revocation_for=600)
    hint = row(guard, jwt_issuer.token(expires_in=7200)).hint
    assert hint == (
        "it lives 7200 s, and a revocation is kept for 600 s (JWTGUARD_REVOCATION_FOR)"
    )
    assert row(guard, jwt_issuer.token(expires_in=600)).hint == ""


@pytest.mark.parametrize(
    "claims",
    [
        {"sid": 7, "jti": 8, "iat": "now"},
        {"iat": 10**400, "exp": -(10**400)},
        {"client_id": ["spa"], "sub": {}},
        {"sid": "\x1b[2J", "sub": "\u202e"},
    ],
)
def test_claims_of_any_kind_are_looked_for_safely(
    claims: dict[str, Any], jwt_issuer: JWTIssuer
) -> None:
    """Such a token is refused for another reason, without an exception."""
    guard = jwt_issuer.guard()
    guard.revoke_tokens(issuer=jwt_issuer.url)
    token = jwt_issuer.token(claims=claims)
    found = row(guard, token)
    assert found.reason == "revoked_before"
    assert found.found.isprintable()
