"""What a handler requires of its caller, written on the handler itself.

Decorators leave the mark; ``jwtguard check`` reads it. Nothing is decided by it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import (
    AccessDeniedError,
    InsufficientScopeError,
    InvalidTokenError,
    MissingTokenError,
)
from ..model.principal import Principal
from .freshness import check_acr, check_fresh
from .own_check import OwnCheck


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


def require_acr(principal: Principal | None, accepted: tuple[str, ...]) -> Principal:
    """Return *principal* if it signed in by one of *accepted* (RFC 9470)."""
    found = require_principal(principal)
    check_acr(found.acr, accepted)
    return found


def require_bound(principal: Principal | None, _: object = ()) -> Principal:
    """Return *principal* if its token is bound to a key or certificate (RFC 9449)."""
    found = require_principal(principal)
    if found.bound is None:
        raise InvalidTokenError("unbound_token")
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

MARK = "__jwtguard__"
"""The attribute of a handler that its requirements are written in."""
_WORDS: dict[RequirementCheck, tuple[str, str]] = {
    require_all: ("scope ", " and "),
    require_any: ("scope ", " or "),
    require_roles: ("role ", " and "),
    require_acr: ("acr ", " or "),
}


class Requirement(NamedTuple):
    """A rule of this module, and the names that it is asked with.

    What it asks of the principal alone is in ``rule``; a requirement with a ``max_age``
    needs the time too, and one with ``own`` the request.
    """

    rule: RequirementCheck
    names: tuple[str, ...] = ()
    max_age: int | None = None
    """Seconds since the user has signed in (RFC 9470)."""
    own: OwnCheck | None = None
    """The application's own check."""

    def __str__(self) -> str:
        """Say it in words: ``scope notes:read``, ``role admin``, ``any token``."""
        if self.max_age is not None:
            return f"a login at most {self.max_age} s ago"
        if self.own is not None:
            return f"check {self.own.reason}"
        if not self.names:
            return "any token"
        if self.rule not in _WORDS:
            return " ".join(self.names)
        first, between = _WORDS[self.rule]
        return first + between.join(self.names)

    def check(
        self,
        principal: Principal | None,
        request: object = None,
        *,
        now: float | None = None,
        leeway: float = 0,
    ) -> Principal:
        """Return *principal* if it meets the requirement; raise ``AuthError``.

        *request* is for a check of the application's own, *now* (seconds since the
        epoch) for a login that must be recent. ``Guard.require`` knows both. Raises
        ``TypeError`` if they are needed and missing, and for a check that is ``async``.
        """
        found = self.check_principal(principal, now=now, leeway=leeway)
        if self.own is not None:
            self.own.judge(self.own.call(found, request))
        return found

    async def acheck(
        self,
        principal: Principal | None,
        request: object = None,
        *,
        now: float | None = None,
        leeway: float = 0,
    ) -> Principal:
        """Do the same, and await a check of the application's own that is ``async``."""
        found = self.check_principal(principal, now=now, leeway=leeway)
        if self.own is not None:
            self.own.judge(await self.own.acall(found, request))
        return found

    def check_principal(
        self, principal: Principal | None, *, now: float | None, leeway: float = 0
    ) -> Principal:
        """Do the same without the application's own check."""
        found = self.rule(principal, self.names)
        if self.max_age is not None:
            # Core has no clock, and a guess would let somebody pass.
            if now is None:
                raise TypeError(f"{self}: it needs the time; use Guard.require")
            check_fresh(found.authenticated_at, self.max_age, now, leeway)
        return found


ANY_TOKEN = Requirement(require_principal)
BOUND_TOKEN = Requirement(require_bound, ("bound token",))
"""A token that is bound to a key or a certificate; its name is only for people."""


def mark(handler: Any, requirement: Requirement) -> None:
    """Write *requirement* on *handler*, beside what stands there already."""
    # An attribute of the function: functools.wraps of other decorators copies it, so
    # `check` sees it through them.
    setattr(handler, MARK, (requirement, *requirements_of(handler)))


def requirements_of(handler: Any) -> tuple[Requirement, ...]:
    """Read what is written on *handler*, the outermost requirement first."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    found: tuple[Requirement, ...] = getattr(handler, MARK, ())
    return found
