"""RFC 9470: how the user signed in, and how long ago, to the second."""

from __future__ import annotations

import pytest

from jwtguard import AuthError, Principal
from jwtguard.core.authorize.freshness import check_acr, check_fresh
from jwtguard.core.authorize.requirements import Requirement, require_acr
from jwtguard.errors import (
    InsufficientUserAuthenticationError,
    InvalidTokenError,
    MissingTokenError,
)
from jwtguard.rules import require_acr as acr_rule
from jwtguard.rules import require_fresh

NOW = 1_000_000.0


def who(**given: object) -> Principal:
    return Principal(subject="alice", issuer="i", **given)  # type: ignore[arg-type]


def test_any_one_of_the_listed_acr_will_do() -> None:
    """And the challenge lists them all, the preferred first."""
    check_acr("b", ("a", "b"))
    for acr, reason in (("c", "acr_not_accepted"), (None, "acr_missing")):
        with pytest.raises(InsufficientUserAuthenticationError) as caught:
            check_acr(acr, ("b", "a"))
        assert caught.value.reason == reason
        assert caught.value.acr_values == ("b", "a")
        assert caught.value.members == (("acr_values", "b a"),)


@pytest.mark.parametrize("leeway", [0, 30])
def test_the_leeway_counts_once(leeway: int) -> None:
    """A login is too old after the age and the leeway together, and not before."""
    check_fresh(NOW - 300 - leeway, 300, NOW, leeway)
    with pytest.raises(InsufficientUserAuthenticationError) as caught:
        check_fresh(NOW - 300 - leeway - 0.5, 300, NOW, leeway)
    assert caught.value.reason == "login_too_old"
    assert caught.value.max_age == 300
    check_fresh(NOW + leeway, 300, NOW, leeway)
    with pytest.raises(InvalidTokenError) as future:
        check_fresh(NOW + leeway + 0.5, 300, NOW, leeway)
    assert future.value.reason == "auth_time_in_future"


def test_a_token_without_auth_time_is_not_fresh() -> None:
    """Whatever else it says of times."""
    with pytest.raises(InsufficientUserAuthenticationError) as caught:
        check_fresh(None, 300, NOW, 30, ("mfa",))
    assert caught.value.reason == "auth_time_missing"
    assert caught.value.members == (("acr_values", "mfa"), ("max_age", 300))


def test_the_challenge_says_what_to_ask_for() -> None:
    """In the words of RFC 9470 section 3, after code and sentence."""
    error = InsufficientUserAuthenticationError("login_too_old", ("a", "b"), 60)
    (challenge,) = error.challenges
    assert challenge.scheme == "Bearer"
    assert [name for name, _ in challenge.params] == [
        "error", "error_description", "acr_values", "max_age",
    ]  # fmt: skip
    assert dict(challenge.params)["max_age"] == "60"
    assert InsufficientUserAuthenticationError("acr_missing").members == ()
    assert AuthError("x").members == ()


def test_a_requirement_of_a_recent_login_needs_the_time() -> None:
    """Without it nobody passes: the error is one of the program."""
    fresh = require_fresh(60)
    alice = who(authenticated_at=NOW - 90)
    assert fresh.check(alice, now=NOW, leeway=30) is alice
    with pytest.raises(InsufficientUserAuthenticationError):
        fresh.check(alice, now=NOW)
    with pytest.raises(TypeError, match=r"Guard\.require"):
        fresh.check(alice)
    with pytest.raises(MissingTokenError):
        fresh.check(None, now=NOW)


def test_a_requirement_of_an_acr_asks_the_principal() -> None:
    """As scopes and roles do."""
    needed = acr_rule("mfa", "otp")
    assert needed == Requirement(require_acr, ("mfa", "otp"))
    alice = who(acr="otp")
    assert needed.check(alice) is alice
    with pytest.raises(InsufficientUserAuthenticationError):
        needed.check(who())
    with pytest.raises(MissingTokenError):
        needed.check(None)


@pytest.mark.parametrize("wrong", [(), (1,), (print,), (None,), (("a",),)])
def test_an_acr_is_a_string(wrong: tuple[object, ...]) -> None:
    """``@require_acr`` without brackets, or without a name, would let nobody in."""
    with pytest.raises(TypeError, match="require_acr"):
        acr_rule(*wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["", "a b", 'a"b', "a\\b", "ä", "a\n"])
def test_an_acr_fits_in_a_challenge(wrong: str) -> None:
    """Blanks separate values there, and quotes end the parameter."""
    with pytest.raises(ValueError, match="not a valid acr"):
        acr_rule(wrong)


@pytest.mark.parametrize("wrong", ["300", 300.0, True, None, print])
def test_an_age_is_a_whole_number(wrong: object) -> None:
    """``True`` would be one second."""
    with pytest.raises(TypeError, match="require_fresh"):
        require_fresh(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [0, -1, 10**12])
def test_an_age_is_at_least_a_second(wrong: int) -> None:
    """Zero seconds would be over before the token arrives."""
    with pytest.raises(ValueError, match="at least 1"):
        require_fresh(wrong)


def test_requirements_of_a_login_in_words() -> None:
    """For ``check``, and for whoever reads its table."""
    assert str(acr_rule("a", "b")) == "acr a or b"
    assert str(require_fresh(300)) == "a login at most 300 s ago"
