"""``@public`` and ``@optional``: they return a handler that says so of itself."""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypeVar, cast

from ..core.authorize.opening import OPTIONAL, PUBLIC
from ..core.authorize.requirements import Requirement, mark
from ..core.authorize.unguarded import name_of
from ..core.authorize.wrapping import note

Handler = TypeVar("Handler")


def public(handler: Handler) -> Handler:
    """Let everybody call *handler*: the guard reads no token of the request.

    Raises ``TypeError`` for what is not a function or an endpoint class.
    """
    return cast(Handler, _opened(handler, PUBLIC))


def optional(handler: Handler) -> Handler:
    """Let callers without a token in; one that is sent has to be good.

    Raises ``TypeError`` for what is not a function or an endpoint class.
    """
    return cast(Handler, _opened(handler, OPTIONAL))


def _opened(handler: Any, requirement: Requirement) -> Any:
    # A function of its own: another route may use *handler* as it is.
    if inspect.isclass(handler):
        made = _class_below(handler, requirement)
    elif not inspect.isroutine(handler) and not isinstance(handler, functools.partial):
        raise TypeError(
            f"{handler!r} is not a handler: put @{requirement} next to the function, "
            "without brackets"
        )
    elif inspect.iscoroutinefunction(_innermost(handler)):
        made = _called_async(handler)
    else:
        made = _called(handler)
    mark(made, requirement)
    note(handler, made, requirement)
    return made


def _class_below(endpoint: type, requirement: Requirement) -> type:
    if not hasattr(endpoint, "dispatch"):
        raise TypeError(
            f"{name_of(endpoint)} is a class, which @{requirement} does not open: "
            f"write decorators = [{requirement}] in it, or decorate its methods"
        )
    # Below it, and not the class itself: other routes may use that.
    members = {
        "__module__": endpoint.__module__,
        "__doc__": endpoint.__doc__,
        "__qualname__": endpoint.__qualname__,
    }
    return type(endpoint.__name__, (endpoint,), members)


def _innermost(handler: Any) -> Any:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return handler


def _called(handler: Any) -> Any:
    # Copies what other decorators have written on the handler, requirements among it.
    @functools.wraps(handler)
    def opened(*args: Any, **kwargs: Any) -> Any:
        return handler(*args, **kwargs)

    return opened


def _called_async(handler: Any) -> Any:
    @functools.wraps(handler)
    async def opened(*args: Any, **kwargs: Any) -> Any:
        return await handler(*args, **kwargs)

    return opened
