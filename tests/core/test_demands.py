"""What a handler demands of its caller, as it is marked, read and said."""

from __future__ import annotations

from functools import partial

import pytest

from jwtguard.core.demands import ANY_TOKEN, Demand, demands_of, mark
from jwtguard.core.scopes import require_all, require_any, require_roles


@pytest.mark.parametrize(
    ("demand", "said"),
    [
        (ANY_TOKEN, "any token"),
        (Demand(require_all), "any token"),
        (Demand(require_all, ("a",)), "scope a"),
        (Demand(require_all, ("a", "b")), "scope a and b"),
        (Demand(require_any, ("a", "b")), "scope a or b"),
        (Demand(require_roles, ("a", "b")), "role a and b"),
    ],
)
def test_a_demand_is_said_in_words(demand: Demand, said: str) -> None:
    """As ``jwtguard check`` prints it."""
    assert str(demand) == said


def test_every_decorator_leaves_its_mark() -> None:
    """The outermost is read first, and none hides another."""

    def handler() -> None: ...

    assert demands_of(handler) == ()
    inner, outer = Demand(require_roles, ("admin",)), Demand(require_all, ("a",))
    mark(handler, inner)
    mark(handler, outer)
    assert demands_of(handler) == (outer, inner)


def test_a_partial_demands_what_its_function_does() -> None:
    """However often it is wrapped: frameworks take partials for handlers."""

    def handler(first: int, second: int) -> None: ...

    mark(handler, ANY_TOKEN)
    assert demands_of(partial(partial(handler, 1), 2)) == (ANY_TOKEN,)
    assert demands_of(partial(print)) == ()
