"""The guard of a middleware: the one that it was given, or that of the environment."""

from __future__ import annotations

from ..errors import ConfigurationError
from ..guard import Guard


def guard_or_env(guard: Guard | None) -> Guard:
    """Return *guard*; raise ``ConfigurationError`` for any other object."""
    if guard is None:
        guard = Guard.from_env()
    if not isinstance(guard, Guard):
        kind = type(guard).__name__
        raise ConfigurationError(
            f"the guard must be a Guard, not {kind}: pass Guard(policy), or nothing to "
            "use the environment"
        )
    guard.protects = True
    return guard
