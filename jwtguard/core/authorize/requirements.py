"""What a handler requires of its caller, written on the handler itself.

Decorators leave the mark; ``jwtguard check`` reads it. Nothing is decided by it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import AccessDeniedError, InsufficientScopeError, MissingTokenError
from ..model.principal import Principal


def require_principal(principal: Principal | None, _: object = ()) -> Principal:
    """Return *principal*, or raise ``MissingTokenError`` if there is none."""
    if principal is None:
        raise MissingTokenError("no_credentials")
    return principal


def require_all(principal: Principal | None, scopes: tuple[str, ...]) -> Principal:
    """Return *principal* if it holds every one of *scopes*."""
    found = require_principal(principal)
    check_all(found.scopes, scopes)
    return found


def check_all(held: frozenset[str], scopes: tuple[str, ...]) -> None:
    """Raise ``InsufficientScopeError`` unless every one of *scopes* is held."""
    if not held.issuperset(scopes):
        raise InsufficientScopeError("scope_missing", scope=" ".join(scopes))


def require_any(principal: Principal | None, scopes: tuple[str, ...]) -> Principal:
    """Return *principal* if it holds one of *scopes*."""
    found = require_principal(principal)
    if found.scopes.isdisjoint(scopes):
        raise InsufficientScopeError("scope_missing", scope=" ".join(scopes))
    return found


def require_roles(principal: Principal | None, roles: tuple[str, ...]) -> Principal:
    """Return *principal* if it has every one of *roles*.

    A role is not a scope, so the refusal does not challenge for one.
    """
    found = require_principal(principal)
    if not found.roles.issuperset(roles):
        raise AccessDeniedError("role_missing")
    return found


RequirementCheck = Callable[[Principal | None, tuple[str, ...]], Principal]

_MARK = "__jwtguard__"
_WORDS: dict[RequirementCheck, tuple[str, str]] = {
    require_all: ("scope ", " and "),
    require_any: ("scope ", " or "),
    require_roles: ("role ", " and "),
}


class Requirement(NamedTuple):
    """A rule of ``scopes.py``, and the names that it is asked with."""

    rule: RequirementCheck
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in words: ``scope notes:read``, ``role admin``, ``any token``."""
        if not self.names:
            return "any token"
        first, between = _WORDS[self.rule]
        return first + between.join(self.names)

    def check(self, principal: Principal | None) -> Principal:
        """Return *principal* if it meets the requirement; raise ``AuthError``."""
        return self.rule(principal, self.names)


ANY_TOKEN = Requirement(require_principal)


def mark(handler: Any, requirement: Requirement) -> None:
    """Write *requirement* on *handler*, beside what stands there already."""
    # An attribute of the function: functools.wraps of other decorators copies it, so
    # `check` sees it through them.
    setattr(handler, _MARK, (requirement, *requirements_of(handler)))


def requirements_of(handler: Any) -> tuple[Requirement, ...]:
    """Read what is written on *handler*, the outermost requirement first."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    found: tuple[Requirement, ...] = getattr(handler, _MARK, ())
    return found
