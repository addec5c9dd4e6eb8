"""RFC 6749 section 3.3: what a scope and a role may be called."""

from __future__ import annotations

import re

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
