"""Handlers that say themselves who needs no token: ``@public`` and ``@optional``."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import MethodType
from typing import Any

from ..model.principal import Principal
from .requirements import MARK, Requirement


def let_in(principal: Principal | None, _: tuple[str, ...]) -> Any:
    """Let everybody in: whether a token is read was decided before."""
    return principal


PUBLIC = Requirement(let_in, ("public",))
"""No token is read."""
OPTIONAL = Requirement(let_in, ("optional",))
"""A token is read if one is sent."""


def is_opening(requirement: Requirement) -> bool:
    """Whether *requirement* opens a handler, and asks for nothing."""
    return requirement.rule is let_in


def opening_in(requirements: Iterable[Requirement]) -> str:
    """Return ``public`` or ``optional`` if that is one of *requirements*, or ""."""
    return next((one.names[0] for one in requirements if is_opening(one)), "")


def opening_of(handler: Any) -> str:
    """Return ``public`` or ``optional`` if that is written on *handler* itself, or "".

    What a class inherits does not count: the class below may do something else.
    """
    while isinstance(handler, functools.partial | MethodType):
        method = isinstance(handler, MethodType)
        handler = handler.__func__ if method else handler.func  # type: ignore[union-attr]
    try:
        written = vars(handler).get(MARK, ())
    except Exception:  # noqa: BLE001  # without attributes, or a proxy
        return ""
    return opening_in(written)
