"""What decorators have wrapped: which handler, and what is called in its place."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from types import MethodType
from typing import Any
from weakref import WeakSet

from .requirements import Requirement

_NOTES = "__jwtguard_wrapped__"
_DEEPEST = 100


class _Note:
    """One handler, what was wrapped around it, and what that requires.

    ``direct``: a decorator of ours stands next to it, with no other in between.
    """

    __slots__ = ("direct", "guards", "handler", "requirement")

    def __init__(self, handler: Any, requirement: Requirement) -> None:
        self.handler = handler
        self.requirement = requirement
        self.direct = False
        self.guards: WeakSet[Any] = WeakSet()


class _Noted:
    """How often a decorator was applied: adapters look again when it has changed."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


NOTED = _Noted()
# Bounded: an application that makes handlers per request must not leak.
_elsewhere: deque[_Note] = deque(maxlen=1000)
"""Notes about handlers that take no attributes."""


def note(handler: Any, guarded: Any, requirement: Requirement) -> None:
    """Remember that *guarded* is to be called in place of *handler*.

    And in place of what other decorators in *handler* wrap: a route between them and
    ours registers that.
    """
    _add(handler, guarded, requirement).direct = True
    for layer in layers_of(handler, by_decorators=True):
        _add(layer, guarded, requirement)
    NOTED.count += 1


def _add(handler: Any, guarded: Any, requirement: Requirement) -> _Note:
    found = note_about(handler)
    if found is None:
        found = _Note(handler, requirement)
        owner = _owner(handler)
        try:
            setattr(owner, _NOTES, [*_notes_on(owner), found])
        except (AttributeError, TypeError):
            _elsewhere.append(found)
    found.guards.add(guarded)
    return found


def layers_of(handler: Any, *, by_decorators: bool = False) -> Iterator[Any]:
    """Yield *handler* and what it wraps, outermost first.

    *by_decorators*: a partial and a method are not walked into, as several may share
    one function.
    """
    # `__wrapped__` may form a circle; inspect.unwrap raises then, and a guard must not.
    for _ in range(_DEEPEST):
        yield handler
        shared = isinstance(handler, functools.partial | MethodType)
        if shared and by_decorators:
            return
        if isinstance(handler, functools.partial):
            handler = handler.func
        elif isinstance(handler, MethodType):
            handler = handler.__func__
        elif isinstance(handler, type) or _get(handler, "__wrapped__") is None:
            return
        else:
            handler = handler.__wrapped__


def _owner(handler: Any) -> Any:
    return handler.__self__ if isinstance(handler, MethodType) else handler


def _notes_on(owner: Any) -> list[_Note]:
    # Not by getattr: a Mock has every attribute, and a class would show the note of its
    # base.
    found: list[_Note] = (_get(owner, "__dict__") or {}).get(_NOTES, [])
    return found


def _get(handler: Any, name: str) -> Any:
    try:
        return getattr(handler, name, None)
    except Exception:  # noqa: BLE001  # a proxy without a context
        return None


def note_about(handler: Any) -> _Note | None:
    """Find the note; one that ``functools.wraps`` has copied is about another."""
    for found in (*_notes_on(_owner(handler)), *_elsewhere):
        if found.handler is handler:
            return found
        if isinstance(handler, MethodType) and found.handler == handler:
            return found
    return None
