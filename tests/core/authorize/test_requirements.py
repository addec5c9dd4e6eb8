"""What a handler demands of its caller, as it is marked, read and said."""

from __future__ import annotations

from functools import partial

import pytest

from jwtguard.core.authorize.requirements import (
    ANY_TOKEN,
    Requirement,
    mark,
    require_all,
    require_any,
    require_roles,
    requirements_of,
)


@pytest.mark.parametrize(
    ("demand", "said"),
    [
        (ANY_TOKEN, "any token"),
        (Requirement(require_all), "any token"),
        (Requirement(require_all, ("a",)), "scope a"),
        (Requirement(require_all, ("a", "b")), "scope a and b"),
        (Requirement(require_any, ("a", "b")), "scope a or b"),
        (Requirement(require_roles, ("a", "b")), "role a and b"),
    ],
)
def test_a_demand_is_said_in_words(demand: Requirement, said: str) -> None:
    """As ``jwtguard check`` prints it."""
    assert str(demand) == said


def test_every_decorator_leaves_its_mark() -> None:
    """The outermost is read first, and none hides another."""

    def handler() -> None: ...

    assert requirements_of(handler) == ()
    inner, outer = (
        Requirement(require_roles, ("admin",)),
        Requirement(require_all, ("a",)),
    )
    mark(handler, inner)
    mark(handler, outer)
    assert requirements_of(handler) == (outer, inner)


def test_a_partial_demands_what_its_function_does() -> None:
    """However often it is wrapped: frameworks take partials for handlers."""

    def handler(first: int, second: int) -> None: ...

    mark(handler, ANY_TOKEN)
    assert requirements_of(partial(partial(handler, 1), 2)) == (ANY_TOKEN,)
    assert requirements_of(partial(print)) == ()
