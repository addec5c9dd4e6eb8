"""What is written on a handler about who needs no token."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from jwtguard.application.opening import optional, public
from jwtguard.core.authorize.opening import (
    OPTIONAL,
    PUBLIC,
    is_opening,
    opening_in,
    opening_of,
)
from jwtguard.core.authorize.requirements import ANY_TOKEN, Requirement, require_all
from jwtguard.core.authorize.unguarded import decorator_of
from jwtguard.core.extract.paths import Kind, PathAccess


def made() -> Any:
    def function() -> str:
        return "in"

    return function


def test_the_mark_is_on_what_the_decorator_returns() -> None:
    """And not on the function, which another route may use."""
    function = made()
    assert opening_of(public(function)) == "public"
    assert opening_of(optional(function)) == "optional"
    assert opening_of(function) == ""


def test_the_mark_is_seen_through_wrappers_partials_and_methods() -> None:
    """As requirements are."""

    class Pages:
        @public
        def page(self) -> str:
            return "in"

    opened = public(made())
    assert opening_of(functools.partial(functools.partial(opened))) == "public"
    assert opening_of(functools.wraps(opened)(lambda: "in")) == "public"
    assert opening_of(Pages().page) == "public"
    assert opening_of(public(functools.partial(made()))) == "public"


def test_a_class_does_not_inherit_the_mark() -> None:
    """The class below may do something else."""

    class Endpoint:
        def dispatch(self) -> str:
            return "in"

    opened: Any = public(Endpoint)
    below = type("Below", (opened,), {})
    assert opening_of(opened) == "public"
    assert opening_of(below) == ""
    assert opening_of(Endpoint) == ""
    assert opened().dispatch() == "in"


@pytest.mark.parametrize("thing", [None, 1, "x", object(), len])
def test_nothing_is_written_on_what_takes_no_attributes(thing: object) -> None:
    """Frameworks keep such things among their handlers."""
    assert opening_of(thing) == ""


def test_a_mark_is_no_requirement() -> None:
    """It asks for nothing, and says so."""
    assert is_opening(PUBLIC)
    assert is_opening(OPTIONAL)
    assert not is_opening(ANY_TOKEN)
    scope = Requirement(require_all, ("a",))
    assert opening_in([scope, OPTIONAL]) == "optional"
    assert opening_in([scope]) == ""
    assert (str(PUBLIC), decorator_of(OPTIONAL)) == ("public", "@optional")
    assert PUBLIC.check(None) is None


def test_a_handler_opens_only_what_no_rule_asks_for() -> None:
    """Path settings that demand something outweigh it."""
    plain = PathAccess(Kind.PROTECTED, ())
    assert plain.openable
    assert plain.opened("public").kind is Kind.PUBLIC
    assert plain.opened("optional").kind is Kind.OPTIONAL
    unnamed = PathAccess(Kind.PROTECTED, None).opened("optional")
    assert (unnamed.kind, unnamed.scopes) == (Kind.OPTIONAL, None)
    for asks in (
        PathAccess(Kind.PROTECTED, ("a",)),
        PathAccess(Kind.PROTECTED, (), acr=("a",)),
        PathAccess(Kind.PROTECTED, (), max_age=1),
        *(PathAccess(kind, ()) for kind in Kind if kind is not Kind.PROTECTED),
        PathAccess(None, ()),
    ):
        assert not asks.openable
        assert asks.opened("public") is asks
