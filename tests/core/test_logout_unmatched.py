"""Logouts that end no token are told of, an hour later."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import AuthError, Guard, TrustedIssuer
from jwtguard.core.verify.entries import Entry
from jwtguard.core.verify.unmatched import Unmatched
from jwtguard.testing import FakeClock, JWTIssuer
from tests.core.test_logout_flow import PATH, post

Told = list[dict[str, Any]]


@pytest.fixture
def told() -> Told:
    """What was told of logouts that ended nothing."""
    return []


@pytest.fixture
def guard(told: Told, jwt_clock: FakeClock) -> Guard:
    """A guard with a logout path, in front of an issuer like Keycloak."""
    return guarding(JWTIssuer(profile="keycloak", clock=jwt_clock), told)


def guarding(issuer: JWTIssuer, told: Told, **settings: Any) -> Guard:
    def hook(event: str, fields: Any) -> None:
        if event == "logout_unmatched":
            told.append(dict(fields))

    made = Guard(
        issuer.policy(logout_paths=PATH, **settings),
        clock=issuer.clock,
        transport=issuer.transport,
        on_event=hook,
    )
    made.issuer = issuer  # type: ignore[attr-defined]
    return made


def issuer_of(guard: Guard) -> JWTIssuer:
    found: JWTIssuer = guard.issuer  # type: ignore[attr-defined]
    return found


def log_out(guard: Guard, **claims: Any) -> None:
    token = issuer_of(guard).logout_token(claims=claims)
    assert post(guard, token) == (200, "")


def new_token(guard: Guard, **claims: Any) -> str:
    """Verify a new token: what is due is told on such an occasion."""
    token = issuer_of(guard).token(subject="bob", claims=claims)
    guard.verify(token)
    return token


def test_an_hour_without_a_token_is_told_once(
    guard: Guard, told: Told, jwt_clock: FakeClock
) -> None:
    """With the next new token; how many logouts there were is in the event."""
    new_token(guard)
    for number in range(3):
        log_out(guard, sid=f"s{number}")
        jwt_clock.advance(1000)
    new_token(guard)
    assert told == []
    jwt_clock.advance(600)
    for _ in range(2):
        new_token(guard)
    assert told == [{"issuer": issuer_of(guard).url, "logouts": 3}]


def test_the_next_logout_tells_of_it_too(
    guard: Guard, told: Told, jwt_clock: FakeClock
) -> None:
    """The process may receive only logouts."""
    log_out(guard, sid="s1")
    jwt_clock.advance(3600)
    log_out(guard, sid="s2")
    assert [one["logouts"] for one in told] == [2]


def test_a_token_that_is_refused_for_it_is_a_match(
    guard: Guard, told: Told, jwt_clock: FakeClock
) -> None:
    """It was not known before the logout."""
    token = issuer_of(guard).token(claims={"sid": "s1"}, expires_in=7200)
    log_out(guard, sid="s1")
    with pytest.raises(AuthError, match="revoked_session"):
        guard.verify(token)
    jwt_clock.advance(3601)
    new_token(guard)
    assert told == []


def test_a_token_that_was_known_is_a_match_though_it_never_comes_again(
    guard: Guard, told: Told, jwt_clock: FakeClock
) -> None:
    """Clients drop the token when a user signs out, so it still counts as a match."""
    new_token(guard, sid="s1")
    log_out(guard, sid="s1")
    jwt_clock.advance(3601)
    new_token(guard)
    assert told == []


def test_one_match_speaks_for_the_issuer(
    guard: Guard, told: Told, jwt_clock: FakeClock
) -> None:
    """Its tokens can be told by its logouts, so the setting is right."""
    log_out(guard, sid="s1")
    new_token(guard, sid="s2")
    log_out(guard, sid="s2")
    jwt_clock.advance(3601)
    new_token(guard)
    assert told == []


def test_a_subject_is_compared_with_sub(told: Told, jwt_clock: FakeClock) -> None:
    """Whatever claim the principal's subject is read from."""
    issuer = JWTIssuer(clock=jwt_clock)
    trusted = TrustedIssuer(
        url=issuer.url, audience=issuer.audience, subject_claim="name"
    )
    guard = guarding(issuer, told, issuers=(trusted,))
    guard.verify(issuer.token(claims={"name": "Alice"}))
    log_out(guard)
    jwt_clock.advance(3601)
    new_token(guard, name="Bob")
    assert told == []


def test_a_revocation_by_the_application_is_not_waited_for(
    guard: Guard, told: Told, jwt_clock: FakeClock
) -> None:
    """Only what issuers send can be set up wrongly."""
    guard.revoke_tokens(issuer=issuer_of(guard).url, sid="s1")
    jwt_clock.advance(3601)
    new_token(guard)
    assert told == []


def test_a_newer_token_of_the_session_does_not_match(
    guard: Guard, told: Told, jwt_clock: FakeClock
) -> None:
    """It was issued after the logout, and stays good."""
    token = issuer_of(guard).logout_token(claims={"sid": "s1"})
    jwt_clock.advance(60)
    new_token(guard, sid="s1")
    assert post(guard, token) == (200, "")
    jwt_clock.advance(3601)
    new_token(guard)
    assert len(told) == 1


def test_a_repeat_is_counted_once(
    guard: Guard, told: Told, jwt_clock: FakeClock
) -> None:
    """Senders try again."""
    token = issuer_of(guard).logout_token(claims={"sid": "s1"})
    assert post(guard, token) == post(guard, token) == (200, "")
    jwt_clock.advance(3601)
    new_token(guard)
    assert [one["logouts"] for one in told] == [1]


def test_memory_is_bounded_by_the_issuers() -> None:
    """A million logouts are one number."""
    unmatched = Unmatched(lambda: 0.0, lambda *_, **__: None)
    for _ in range(1000):
        unmatched.received("https://a.example")
    assert len(unmatched._open) == 1
    unmatched.note(Entry("sub", "https://b.example", "x", 0, 0))
    assert len(unmatched._open) == 1
    unmatched.note(Entry("jti", "https://a.example", "x", 0, 0))
    assert len(unmatched._open) == 1
    unmatched.note(Entry("sub", "https://a.example", "x", 0, 0))
    assert not unmatched._open
