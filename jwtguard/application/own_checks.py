"""A function that an application gives as its own check: how it has to be called."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from inspect import Parameter
from typing import Any

from ..core.authorize.own_check import OwnCheck
from ..errors.access import NOT_OWNER
from ..reasons import REASONS

_REASON = re.compile(r"[a-z][a-z0-9_]*")
_PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def own_check(check: Callable[..., Any], reason: str) -> OwnCheck:
    """Return *check* ready to be asked; raises ``TypeError`` and ``ValueError``."""
    if not isinstance(reason, str):
        raise TypeError(f"{reason!r} is not a reason; expected a name like not_owner")
    if not _REASON.fullmatch(reason):
        raise ValueError(
            f"{reason!r} is not a reason: it is a name for logs, like not_owner"
        )
    # Its status and sentence would not be those of the log's table.
    if reason in REASONS and reason != NOT_OWNER:
        raise ValueError(f"{reason!r} is a reason of jwtguard itself; choose another")
    if not callable(check) or inspect.isclass(check):
        raise TypeError(
            f"{check!r} is not a check; expected a function of the principal, and of "
            "the request if it has two parameters, that returns True or False"
        )
    return OwnCheck(check, reason, _takes_request(check), _is_async(check))


def _takes_request(check: Callable[..., Any]) -> bool:
    """Whether *check* has a second parameter that it needs.

    One with a default stays what it is: a caller would be judged by the wrong value.
    """
    try:
        parameters = inspect.signature(check).parameters.values()
    except (TypeError, ValueError):  # a function in C that hides them
        return False
    # What is needed decides: an optional parameter has a meaning of its own.
    placed = [one for one in parameters if one.kind in _PLACED]
    needed = [one for one in placed if one.default is Parameter.empty]
    variable = any(one.kind is Parameter.VAR_POSITIONAL for one in parameters)
    named = [
        one
        for one in parameters
        if one.kind is Parameter.KEYWORD_ONLY and one.default is Parameter.empty
    ]
    if named or len(needed) > 2 or not (placed or variable):
        raise TypeError(
            f"{check!r} is called with the principal, or with the principal and the "
            "request: it must not need other arguments"
        )
    return len(needed) == 2 or (variable and len(placed) < 2)


def _is_async(check: Callable[..., Any]) -> bool:
    # As Starlette sees it: through partials, and through objects that are called.
    while isinstance(check, functools.partial):
        check = check.func
    call = getattr(type(check), "__call__", None)  # noqa: B004  # its kind, not whether
    return inspect.iscoroutinefunction(check) or inspect.iscoroutinefunction(call)
