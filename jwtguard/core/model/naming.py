"""What a scope, a role and an authentication context may be called.

RFC 6749 section 3.3, RFC 9470 section 3.
"""

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


def acr_names(*names: str) -> tuple[str, ...]:
    """Return *names* if each can stand in ``acr_values`` (RFC 9470 section 3).

    Raises ``TypeError`` if there are none or one is not a string, ``ValueError`` if one
    is not a valid name.
    """
    for name in names or (None,):
        if not isinstance(name, str):
            raise TypeError(
                f"{name!r} is not a valid acr value; expected a string, as in "
                "@require_acr('urn:example:mfa')"
            )
        if not _SCOPE.fullmatch(name):
            raise ValueError(
                f"{name!r} is not a valid acr value: it must not hold blanks, quotes "
                "or backslashes; pass several values as arguments"
            )
    return names


def max_age_of(seconds: int) -> int:
    """Return *seconds* if it can stand in ``max_age`` (RFC 9470 section 3).

    Raises ``TypeError`` if it is not a whole number, ``ValueError`` if it is below 1.
    """
    # True is an int in Python.
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise TypeError(
            f"{seconds!r} is not a number of seconds; expected one, as in "
            "@require_fresh(300)"
        )
    if not 1 <= seconds < 10**12:
        raise ValueError(f"{seconds!r} is not valid; expected at least 1 second")
    return seconds
