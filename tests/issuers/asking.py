"""Asking a real issuer about tokens, on however busy a machine.

A request waits for two seconds, which a busy machine may need; then it is asked again.
"""

from __future__ import annotations

from jwtguard import Guard
from jwtguard.core.model.principal import Principal
from jwtguard.errors import AuthError, IntrospectionUnavailableError
from tests.waiting import until


def outcome(guard: Guard, token: str) -> Principal | str:
    """Return what *guard* says of *token*: the principal, or a reason."""
    found: list[Principal | str] = []

    def answered() -> bool:
        try:
            found.append(guard.verify(token))
        except IntrospectionUnavailableError:
            return False
        except AuthError as error:
            found.append(error.reason)
        return True

    assert until(answered)
    return found[0]


def verified(guard: Guard, token: str) -> Principal:
    """Return the principal of *token*."""
    found = outcome(guard, token)
    assert isinstance(found, Principal), found
    return found


def reason(guard: Guard, token: str) -> str:
    """Return why *token* is refused."""
    found = outcome(guard, token)
    assert isinstance(found, str), found
    return found
