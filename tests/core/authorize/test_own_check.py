"""The application's own check: what passes it, and how it is called."""

from __future__ import annotations

import functools
import gc
import warnings
from typing import Any
from unittest.mock import Mock

import anyio
import pytest

from jwtguard import Principal
from jwtguard.errors import CheckRefusedError, InsufficientScopeError, MissingTokenError
from jwtguard.rules import require, require_scope

ALICE = Principal(subject="alice", issuer="i")


class Truthy:
    """Something that claims to be true."""

    def __bool__(self) -> bool:
        """Say yes."""
        return True

    def __eq__(self, other: object) -> bool:
        """Be equal to everything."""
        return True

    __hash__ = None  # type: ignore[assignment]


def test_true_passes() -> None:
    """The principal is returned, as by the other requirements."""
    assert require(lambda who: who.subject == "alice").check(ALICE) is ALICE


@pytest.mark.parametrize(
    "answer", [False, None, 1, "yes", [1], Truthy(), Mock(), object(), ALICE]
)
def test_nothing_else_passes(answer: object) -> None:
    """Whatever counts as true elsewhere: only ``True`` was meant."""
    with pytest.raises(CheckRefusedError) as caught:
        require(lambda _: answer, "not_mine").check(ALICE)
    assert (caught.value.status, caught.value.code) == (403, "access_denied")
    assert caught.value.reason == "not_mine"
    assert caught.value.description == "The caller may not do this"
    assert caught.value.challenges == ()
    assert caught.value.detail == type(answer).__name__


def test_a_coroutine_of_a_plain_function_is_refused_and_closed() -> None:
    """It is true, but nobody awaited it; it does not linger either."""
    ran = []

    async def owns(_: Principal) -> bool:
        ran.append(1)
        return True

    check = require(lambda who: owns(who))  # noqa: PLW0108  # a plain function
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CheckRefusedError):
            check.check(ALICE)
        gc.collect()
    assert not ran


def test_an_async_check_is_awaited() -> None:
    """In ``acheck``; ``check`` cannot, and says so instead of letting pass."""

    async def owns(who: Principal) -> bool:
        await anyio.lowlevel.checkpoint()
        return who.subject == "alice"

    async def no(_: Principal) -> bool:
        return False

    assert anyio.run(require(owns).acheck, ALICE) is ALICE
    with pytest.raises(CheckRefusedError):
        anyio.run(require(no).acheck, ALICE)
    with pytest.raises(TypeError, match="arequire"):
        require(owns).check(ALICE)
    assert anyio.run(require(lambda _: True).acheck, ALICE) is ALICE
    with pytest.raises(InsufficientScopeError):
        anyio.run(require_scope("a").acheck, ALICE)
    assert anyio.run(require_scope().acheck, ALICE) is ALICE


class Owns:
    """A callable object."""

    async def __call__(self, who: Principal, request: object) -> bool:
        """Answer."""
        return request == "request"


def test_async_is_seen_through_objects_and_partials() -> None:
    """As frameworks see it."""
    check = require(functools.partial(Owns()))
    assert anyio.run(check.acheck, ALICE, "request") is ALICE


def both(who: Any, request: Any) -> bool:
    """Two parameters."""
    return (who, request) == (ALICE, "request")


def alone(who: Any, limit: int = 3) -> bool:
    """One that is needed, and one with a default."""
    return who is ALICE and limit == 3


def several(*given: Any) -> bool:
    """Whatever comes."""
    return given == (ALICE, "request")


def one_more(who: Any, *given: Any) -> bool:
    """One, and whatever comes."""
    return who is ALICE and given == ("request",)


class Owner:
    """A bound method."""

    def owns(self, who: Any, request: Any) -> bool:
        """Two parameters beside ``self``."""
        return both(who, request)


@pytest.mark.parametrize(
    "check",
    [both, alone, several, one_more, Owner().owns, functools.partial(both, ALICE)],
)
def test_a_check_gets_the_request_if_it_needs_two(check: Any) -> None:
    """A parameter with a default keeps it: it was not meant for the request."""
    if isinstance(check, functools.partial):
        with pytest.raises(CheckRefusedError):  # its one parameter is the principal
            require(check).check(ALICE, "request")
        return
    assert require(check).check(ALICE, "request") is ALICE


def test_nobody_is_not_asked_about() -> None:
    """Without a principal the check does not run: sign in first."""
    with pytest.raises(MissingTokenError):
        require(Mock(side_effect=AssertionError)).check(None)


def test_an_exception_is_the_applications() -> None:
    """It never lets pass, and is not taken for a refusal."""

    def broken(_: Principal) -> bool:
        raise LookupError("no such note")

    async def broken_too(_: Principal) -> bool:
        raise LookupError("no such note")

    with pytest.raises(LookupError):
        require(broken).check(ALICE)
    with pytest.raises(LookupError):
        anyio.run(require(broken_too).acheck, ALICE)


@pytest.mark.parametrize(
    "wrong", [True, "owns", None, Owner, lambda: True, lambda a, b, c: True]
)
def test_what_is_no_check_is_a_type_error(wrong: Any) -> None:
    """When the handler is defined, not when the first caller arrives."""
    with pytest.raises(TypeError):
        require(wrong)


def test_a_check_that_needs_a_name_is_a_type_error() -> None:
    """It would fail for each caller."""

    def named(who: Any, *, note: Any) -> bool:
        return bool(who and note)

    with pytest.raises(TypeError, match="other arguments"):
        require(named)


def test_a_function_without_a_signature_gets_the_principal() -> None:
    """Some functions in C show none."""
    with pytest.raises(CheckRefusedError):
        require(dir).check(ALICE)


@pytest.mark.parametrize("wrong", ["Not the owner", "", "not-owner", "Owner", "9"])
def test_a_reason_is_a_name(wrong: str) -> None:
    """It is searched for in logs, and is not shown to callers."""
    with pytest.raises(ValueError, match="name for logs"):
        require(lambda _: True, wrong)


def test_a_reason_is_not_one_of_ours() -> None:
    """Whoever counts ``expired`` must not count something else."""
    with pytest.raises(ValueError, match="choose another"):
        require(lambda _: True, "expired")
    with pytest.raises(TypeError, match="not a reason"):
        require(lambda _: True, 1)  # type: ignore[arg-type]


def test_a_check_in_words() -> None:
    """Its reason is its name."""
    assert str(require(both, "not_mine")) == "check not_mine"
