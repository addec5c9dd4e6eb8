"""Views of Flask that check their caller first."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from ..core.authorize.requirements import Requirement, mark
from ..core.authorize.unguarded import name_of
from ..core.authorize.wrapping import note
from .flask_refusals import arequire, require

P = ParamSpec("P")
T = TypeVar("T")


def decorator(requirement: Requirement) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return the decorator of views for *requirement*."""

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        _check_view(view)
        # Flask looks at the outermost function to decide whether to await, so the
        # wrapper must be of the same kind.
        runs_async = inspect.iscoroutinefunction(view)
        guarded = (_guarded_async if runs_async else _guarded)(view, requirement)
        mark(guarded, requirement)
        note(view, guarded, requirement)
        return cast(Callable[P, T], guarded)

    return decorate


def _check_view(view: Any) -> None:
    if inspect.isclass(view):
        raise TypeError(
            f"{name_of(view)} is a class, which a decorator does not guard: write "
            "decorators = [require_scope(...)] in it, or decorate its methods"
        )
    if not callable(view):
        raise TypeError(
            f"{view!r} is not a view: put the decorator next to the function"
        )


def _guarded(view: Any, requirement: Requirement) -> Any:
    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        require(requirement)
        return view(*args, **kwargs)

    return guarded


def _guarded_async(view: Any, requirement: Requirement) -> Any:
    @functools.wraps(view)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        await arequire(requirement)
        return await view(*args, **kwargs)

    return guarded
