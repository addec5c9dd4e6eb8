"""Handlers that a framework calls without the check that a decorator put around them.

A decorator above the one that registers a route returns a guarded handler, and the
framework calls the function it was given. So each decorator notes what it wraps, and
adapters compare that with what the application has registered.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator
from types import MethodType
from typing import Any
from weakref import WeakSet

from ...errors import AuthError, ConfigurationError
from ..model.policy import Policy
from . import requirements
from .requirements import Requirement, RequirementCheck, requirements_of

_NOTES = "__jwtguard_wrapped__"
_DEEPEST = 100
_DECORATORS: dict[RequirementCheck, str] = {
    requirements.require_all: "require_scope",
    requirements.require_any: "require_any_scope",
    requirements.require_roles: "require_role",
}


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
    for layer in _layers(handler, by_decorators=True):
        _add(layer, guarded, requirement)
    NOTED.count += 1


def _add(handler: Any, guarded: Any, requirement: Requirement) -> _Note:
    found = _note_about(handler)
    if found is None:
        found = _Note(handler, requirement)
        owner = _owner(handler)
        try:
            setattr(owner, _NOTES, [*_notes_on(owner), found])
        except (AttributeError, TypeError):
            _elsewhere.append(found)
    found.guards.add(guarded)
    return found


def unguarded(handler: Any) -> Requirement | None:
    """Return what a decorator requires of *handler*'s callers, to no effect.

    None if no decorator wraps it, or if it is called through one that does.
    """
    above: list[Any] = []
    for layer in _layers(handler):
        found = _note_about(layer)
        counts = found is not None and (found.direct or not above)
        if found is not None and counts and not _any_is(above, found.guards):
            return found.requirement
        above.append(layer)
    return None


def problems_of(
    handlers: Iterable[Any], policy: Policy, *, others: bool = False
) -> Iterator[str]:
    """Yield a sentence for each of *handlers* whose decorator cannot work.

    *others*: some handlers are behind another guard too, whose issuers may have roles.
    """
    no_roles = None if others else roles_problem(policy)
    for handler in handlers:
        skipped = unguarded(handler)
        if skipped is not None:
            yield (
                f"{name_of(handler)}: {decorator_of(skipped)} has no effect, because "
                "it stands above the decorator that registers the function, or was "
                "applied later. Put it below, next to the function: first "
                f"@app.get(...) or the like, then {decorator_of(skipped)}. Where it is "
                "meant to be open, register another function that calls it"
            )
        for requirement in requirements_of(handler):
            if (
                no_roles
                and requirement.rule is requirements.require_roles
                and requirement.names
            ):
                yield f"{name_of(handler)}: {decorator_of(requirement)}: {no_roles}"


def roles_problem(policy: Policy) -> str | None:
    """Return why no token can have a role under *policy*, and what to set; or None."""
    profiles = [issuer.rules for issuer in policy.issuers]
    if any(profile.role_claims for profile in profiles):
        return None
    names = " ".join(dict.fromkeys(profile.name for profile in profiles))
    return (
        f"no trusted issuer has roles (profile {names}). Set role_claims of the issuer "
        "to the claim that holds them, or choose a profile that reads roles"
    )


def check_roles(error: AuthError, names: tuple[str, ...], policy: Policy) -> None:
    """Raise ``ConfigurationError`` if *error* would refuse everybody for ever."""
    if error.reason == "role_missing" and (problem := roles_problem(policy)):
        requirement = Requirement(requirements.require_roles, names)
        raise ConfigurationError(f"{decorator_of(requirement)}: {problem}") from None


def decorator_of(requirement: Requirement) -> str:
    """Return *requirement* as source: ``@require_scope('notes:read')``."""
    names = ", ".join(repr(name) for name in requirement.names)
    return f"@{_DECORATORS[requirement.rule]}({names})"


def name_of(handler: Any) -> str:
    """Return module and name of *handler*, as its author knows it."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__.replace('<locals>.', '')}"


def _layers(handler: Any, *, by_decorators: bool = False) -> Iterator[Any]:
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


def _any_is(layers: list[Any], guards: Iterable[Any]) -> bool:
    return any(layer is guard for guard in guards for layer in layers)


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


def _note_about(handler: Any) -> _Note | None:
    """Find the note; one that ``functools.wraps`` has copied is about another."""
    for found in (*_notes_on(_owner(handler)), *_elsewhere):
        if found.handler is handler:
            return found
        if isinstance(handler, MethodType) and found.handler == handler:
            return found
    return None
