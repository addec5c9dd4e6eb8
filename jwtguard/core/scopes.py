"""RFC 6749 section 3.3: scopes are a case-sensitive set; their order means nothing."""

from __future__ import annotations

import re

from ..errors import AccessDeniedError, InsufficientScopeError, MissingTokenError
from .messages import Principal

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def scope_names(*scopes: str) -> tuple[str, ...]:
    """Return *scopes* if each can stand in a challenge (RFC 6750 section 3).

    Raises ``TypeError`` for what is no string, ``ValueError`` for what is no scope.
    """
    for scope in scopes:
        if not isinstance(scope, str):
            raise TypeError(
                f"{scope!r} is no scope: write @require_scope('notes:read')"
            )
        if not _SCOPE.fullmatch(scope):
            raise ValueError(
                f"{scope!r} is no scope: no blank, quote or backslash; write several "
                "as arguments"
            )
    return scopes


def any_scope_names(*scopes: str) -> tuple[str, ...]:
    """Return *scopes* likewise; raises ``TypeError`` if there are none.

    Nobody holds one of no scopes: the endpoint would be closed to all.
    """
    if not scopes:
        raise TypeError("name one scope or more: @require_any_scope('notes:read')")
    return scope_names(*scopes)


def role_names(*roles: str) -> tuple[str, ...]:
    """Return *roles* if each is a name; raises ``TypeError``."""
    for role in roles:
        if not isinstance(role, str) or not role:
            raise TypeError(f"{role!r} is no role: write @require_role('admin')")
    return roles


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

    A role is no scope, so the refusal is no challenge to ask for one.
    """
    found = require_principal(principal)
    if not found.roles.issuperset(roles):
        raise AccessDeniedError("role_missing")
    return found
