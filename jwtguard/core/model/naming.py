"""RFC 6749 section 3.3: what a scope and a role may be called."""

from __future__ import annotations

import re

# RFC 6749 section 3.3 (NQSCHAR without the space): nothing that could end the quoted
# string of a challenge.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def scope_names(*scopes: str) -> tuple[str, ...]:
    """Return *scopes* if each can stand in a challenge (RFC 6750 section 3).

    Raises ``TypeError`` if one is not a string, ``ValueError`` if one is not a scope.
    """
    for scope in scopes:
        if not isinstance(scope, str):
            raise TypeError(
                f"{scope!r} is not a valid scope; expected a string, as in "
                "@require_scope('notes:read')"
            )
        if not _SCOPE.fullmatch(scope):
            raise ValueError(
                f"{scope!r} is not a valid scope: it must not hold blanks, quotes or "
                "backslashes; pass several scopes as arguments"
            )
    return scopes


def any_scope_names(*scopes: str) -> tuple[str, ...]:
    """Return *scopes* after the same checks; raises ``TypeError`` if there are none.

    An empty list would refuse every caller.
    """
    if not scopes:
        raise TypeError(
            "expected at least one scope, as in @require_any_scope('notes:read')"
        )
    return scope_names(*scopes)


def role_names(*roles: str) -> tuple[str, ...]:
    """Return *roles* if each is a name; raises ``TypeError``."""
    for role in roles:
        if not isinstance(role, str) or not role:
            raise TypeError(
                f"{role!r} is not a valid role; expected a string, as in "
                "@require_role('admin')"
            )
    return roles
