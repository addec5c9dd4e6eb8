"""What a handler requires of its caller: how it is marked, read and shown."""

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
    ("requirement", "shown"),
    [
        (ANY_TOKEN, "any token"),
        (Requirement(require_all), "any token"),
        (Requirement(require_all, ("a",)), "scope a"),
        (Requirement(require_all, ("a", "b")), "scope a and b"),
        (Requirement(require_any, ("a", "b")), "scope a or b"),
        (Requirement(require_roles, ("a", "b")), "role a and b"),
    ],
)
def test_a_requirement_is_shown_in_words(requirement: Requirement, shown: str) -> None:
    """As ``jwtguard check`` prints it."""
    assert str(requirement) == shown


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


def test_a_partial_requires_what_its_function_does() -> None:
    """However often it is wrapped: frameworks take partials for handlers."""

    def handler(first: int, second: int) -> None: ...

    mark(handler, ANY_TOKEN)
    assert requirements_of(partial(partial(handler, 1), 2)) == (ANY_TOKEN,)
    assert requirements_of(partial(print)) == ()
