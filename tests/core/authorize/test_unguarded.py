"""Handlers that are registered beside the guard that was made for them."""

from __future__ import annotations

import functools
import gc
from dataclasses import replace
from typing import Any

import pytest

from jwtguard import ConfigurationError, Policy, TrustedIssuer, rules
from jwtguard.core.authorize.requirements import (
    Requirement,
    mark,
    require_all,
    require_any,
    require_roles,
)
from jwtguard.core.authorize.unguarded import (
    check_roles,
    decorator_of,
    name_of,
    problems_of,
    roles_problem,
    unguarded,
)
from jwtguard.core.authorize.wrapping import NOTED, note
from jwtguard.core.model.profiles import GENERIC
from jwtguard.errors import AccessDeniedError, InsufficientScopeError

READ = Requirement(require_all, ("read",))
WRITE = Requirement(require_all, ("write",))


def guarded_by(handler: Any, requirement: Requirement = READ) -> Any:
    """Do what decorators do."""

    @functools.wraps(handler)
    def guarded(*args: Any) -> Any:
        return handler(*args)

    mark(guarded, requirement)
    note(handler, guarded, requirement)
    return guarded


def wrapped(handler: Any) -> Any:
    """Wrap *handler* as other decorators do."""

    @functools.wraps(handler)
    def wrapper(*args: Any) -> Any:
        return handler(*args)

    return wrapper


def made() -> Any:
    """Return a new function."""

    def view() -> str:
        return ""

    return view


class Slots:
    """A callable that takes no attributes."""

    __slots__ = ()

    def __call__(self) -> str:
        """Answer."""
        return ""

    def method(self) -> str:
        """Answer likewise."""
        return ""


class Api:
    """Its methods are endpoints."""

    def view(self) -> str:
        """Answer."""
        return ""


@pytest.mark.parametrize(
    "handler",
    [made(), Api().view, Slots(), Slots().method, functools.partial(made()), len, Api],
)
def test_a_handler_beside_its_guard_is_found(handler: Any) -> None:
    """Functions, methods, objects, partials, builtins and classes."""
    assert unguarded(handler) is None
    guarded = guarded_by(handler)
    assert unguarded(handler) == READ
    assert unguarded(guarded) is None
    assert unguarded(wrapped(handler)) == READ
    assert unguarded(functools.partial(handler)) == READ
    assert unguarded(wrapped(guarded)) is None


def test_it_is_found_when_the_guard_is_gone() -> None:
    """A result that nobody keeps guards nothing."""
    view = made()
    guarded_by(view)
    gc.collect()
    assert unguarded(view) == READ


def test_what_wraps_copies_is_about_the_other_function() -> None:
    """``functools.wraps`` copies attributes, ours among them."""
    view = made()
    first, second = guarded_by(view), guarded_by(view, WRITE)
    assert unguarded(first) is unguarded(second) is None
    assert unguarded(view) is not None


def test_each_of_several_decorators_counts() -> None:
    """One in its place does not help the one above the route."""
    inner = guarded_by(made())
    outer = guarded_by(wrapped(inner), WRITE)
    assert unguarded(outer) is None
    assert unguarded(inner) == WRITE
    assert unguarded(outer.__wrapped__) == WRITE


def test_a_decorator_between_ours_and_the_route_hides_nothing() -> None:
    """The route has what is innermost."""
    view = made()
    guarded = guarded_by(wrapped(wrapped(view)))
    assert unguarded(view) == READ
    assert unguarded(wrapped(guarded)) is None


@pytest.mark.parametrize("vary", [wrapped, functools.partial])
def test_what_two_handlers_share_is_open_in_one_of_them(vary: Any) -> None:
    """Several variants of one function may be guarded, or not."""
    shared = made()
    opened, closed = vary(shared), guarded_by(vary(shared))
    assert unguarded(opened) is unguarded(closed) is None


def test_one_object_is_not_another() -> None:
    """Methods of two instances are two handlers."""
    one, other = Api(), Api()
    guarded_by(one.view)
    assert unguarded(one.view) == READ
    assert unguarded(other.view) is None


def test_a_subclass_is_not_its_base() -> None:
    """Attributes of classes are inherited; the note is about one of them."""
    base = type("Base", (), {})
    guarded_by(base)
    assert unguarded(base) == READ
    assert unguarded(type("Sub", (base,), {})) is None


def test_each_decoration_is_counted_and_none_is_kept() -> None:
    """Adapters look again; whoever decorates in a loop fills no memory."""
    view, before = made(), NOTED.count
    for _ in range(100):
        guarded_by(view)
    gc.collect()
    assert NOTED.count == before + 100
    (found,) = view.__jwtguard_wrapped__
    assert len(found.guards) == 0


def test_endless_wrapping_ends() -> None:
    """A function that wraps itself is no trap."""
    view = made()
    view.__wrapped__ = view
    assert unguarded(view) is None


def test_an_object_that_raises_is_not_taken_for_a_guarded_handler() -> None:
    """Proxies without a context raise for what they lack."""

    class Proxy:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("no context")

    assert unguarded(Proxy()) is None


def test_the_sentence_names_the_function_and_the_fix() -> None:
    """As it is written in the source."""
    view = made()
    guarded_by(view, Requirement(require_any, ("a", "b")))
    (text,) = problems_of([view, made()], policy_of())
    assert text.startswith(f"{__name__}.made.view: @require_any_scope('a', 'b') has no")
    assert "first @app.get(...) or the like, then @require_any_scope('a', 'b')" in text


def test_names_are_those_of_the_author() -> None:
    """Also of what has no name itself."""
    assert name_of(functools.partial(Slots())) == f"{__name__}.Slots"
    assert (
        decorator_of(Requirement(require_roles, ("admin",))) == "@require_role('admin')"
    )


def policy_of(*claims: str, **issuer: Any) -> Policy:
    """Return a policy whose profile reads roles from *claims* alone."""
    profile = replace(GENERIC, name="legacy", role_claims=claims)
    trusted = TrustedIssuer(url="https://id.example", profile=profile, **issuer)
    return Policy(issuers=[trusted], audience="api")


def test_roles_need_an_issuer_that_has_them() -> None:
    """One is enough; the issuer's own ``role_claims`` count."""
    problem = roles_problem(policy_of())
    assert problem is not None
    assert "legacy" in problem
    assert "role_claims" in problem
    assert roles_problem(policy_of("groups")) is None
    assert roles_problem(policy_of(role_claims=["groups"])) is None
    good = Policy(issuers=[TrustedIssuer(url="https://id.example")], audience="api")
    assert roles_problem(good) is None
    view = guarded_by(made(), Requirement(require_roles, ("admin",)))
    assert list(problems_of([view], policy_of("groups"))) == []
    (text,) = problems_of([view], policy_of())
    assert text.startswith(f"{__name__}.made.view: @require_role('admin'): no trusted")
    assert list(problems_of([guarded_by(made())], policy_of())) == []
    no_name = guarded_by(made(), Requirement(require_roles))
    assert list(problems_of([no_name], policy_of())) == []


def test_a_refusal_for_ever_is_a_configuration_error() -> None:
    """And every other refusal stays one."""
    missing = AccessDeniedError("role_missing")
    with pytest.raises(ConfigurationError, match=r"@require_role.'admin'.: no trusted"):
        check_roles(missing, ("admin",), policy_of())
    check_roles(missing, ("admin",), policy_of("groups"))
    check_roles(InsufficientScopeError("scope_missing"), ("a",), policy_of())


def test_a_requirement_is_named_as_its_decorator() -> None:
    """So that it is found in the source."""

    def owns(_: object) -> bool:
        return True

    assert decorator_of(rules.require_fresh(300)) == "@require_fresh(300)"
    assert decorator_of(rules.require(owns)) == "@require(owns, 'not_owner')"
    assert decorator_of(rules.require_bound()) == "@require_bound()"
    assert decorator_of(rules.require_acr("mfa")) == "@require_acr('mfa')"
