"""Logout requests: what they record, what a repeat does, and what a flood costs."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Guard, TrustedIssuer
from jwtguard.core.model.decision import Respond
from jwtguard.core.model.request import Request
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer

PATH = "/oidc/logout"
FORM = {"content-type": ("application/x-www-form-urlencoded",)}


class AwayState(MemoryState):
    """A store that refuses every call."""

    def run(self, *_: Any, **__: Any) -> Any:
        raise OSError("away")

    claim = load = save = remove = append = run


def guard_of(issuer: JWTIssuer, **settings: Any) -> Guard:
    return issuer.guard(logout_paths=PATH, **settings)


def post(guard: Guard, token: str) -> tuple[int, str]:
    request = Request("POST", PATH, FORM)
    answer = guard.decide(request, lambda _: f"logout_token={token}".encode())
    assert isinstance(answer, Respond)
    return answer.status, answer.reason


def held(guard: Guard) -> int:
    return len(guard._flow.revocations)


def test_a_logout_token_is_recorded_once(jwt_issuer: JWTIssuer) -> None:
    """A repeat is 200 again, as senders try again, and changes nothing."""
    guard, token = guard_of(jwt_issuer), jwt_issuer.logout_token(claims={"sid": "s1"})
    assert post(guard, token) == (200, "")
    generation = guard._flow.revocations.generation
    jwt_issuer.clock.advance(5)
    assert post(guard, token) == (200, "")
    assert guard._flow.revocations.generation == generation
    assert held(guard) == 1


def test_a_logout_is_kept_without_the_state(jwt_issuer: JWTIssuer) -> None:
    """What cannot be claimed is recorded all the same: that does no harm."""
    policy = jwt_issuer.policy(logout_paths=PATH)
    guard = Guard(
        policy,
        clock=jwt_issuer.clock,
        transport=jwt_issuer.transport,
        state=AwayState(),
    )
    assert post(guard, jwt_issuer.logout_token()) == (200, "")
    assert held(guard) == 1


@pytest.mark.parametrize(
    ("profile", "logout", "kind"),
    [
        ("generic", None, "subject"),
        ("keycloak", None, "session"),
        ("keycloak", "subject", "subject"),
        ("okta", "session", "session"),
    ],
)
def test_the_issuer_says_what_a_logout_ends(
    profile: str, logout: str | None, kind: str
) -> None:
    """By its profile, or its own setting."""
    issuer = TrustedIssuer(url="https://a.example", profile=profile, logout=logout)
    assert issuer.rules.logout == kind


def test_unavailable_keys_ask_the_sender_to_try_again(jwt_issuer: JWTIssuer) -> None:
    """503, with Retry-After; nothing is recorded."""
    guard, token = guard_of(jwt_issuer), jwt_issuer.logout_token()
    jwt_issuer.down()
    assert post(guard, token) == (503, "keys_unavailable")
    assert held(guard) == 0


def test_a_flood_of_bad_logout_tokens_costs_one_fetch(jwt_issuer: JWTIssuer) -> None:
    """Whatever key ids they name, keys are asked for once in a cooldown."""
    guard = guard_of(jwt_issuer)
    assert post(guard, jwt_issuer.logout_token()) == (200, "")
    before = jwt_issuer.fetches
    for number in range(50):
        token = jwt_issuer.logout_token(headers={"kid": f"k{number}"})
        assert post(guard, token) == (400, "logout_unknown_key")
    assert jwt_issuer.fetches - before == 1


def test_an_entry_holds_until_no_token_can_be_good(jwt_issuer: JWTIssuer) -> None:
    """It counts from the logout token, so that a repeat says the same."""
    guard, now = guard_of(jwt_issuer), int(jwt_issuer.clock.time())
    post(guard, jwt_issuer.logout_token())
    ((_, times),) = guard._flow.revocations._others.items()
    assert times == (now + 30, now + 86400 + 60)


@pytest.mark.parametrize(
    ("length", "body", "reason"),
    [
        ("5", b"logout_token=x", "form_malformed"),
        (None, b"logout_token=" + b"x" * 70000, "body_too_long"),
        (None, None, "client_gone"),
    ],
)
def test_a_body_that_is_not_what_was_announced_is_refused(
    jwt_issuer: JWTIssuer, length: str | None, body: bytes | None, reason: str
) -> None:
    """A server or proxy may hand on less, or more, than the length says."""
    headers = FORM if length is None else {**FORM, "content-length": (length,)}
    guard = guard_of(jwt_issuer)
    answer = guard.decide(Request("POST", PATH, headers), lambda _: body)
    assert isinstance(answer, Respond)
    assert answer.reason == reason
