"""Which store ``JWTGUARD_STATE`` names. No library of a store is loaded before."""

from __future__ import annotations

from collections.abc import Callable

from ..core.model.policy import Policy
from ..errors import ConfigurationError
from ..state import MemoryState, State


def state_at(policy: Policy, monotonic: Callable[[], float]) -> State:
    """Return the store of *policy*; connects to nothing.

    Raises ``ConfigurationError``, without the URL: it may hold a password.
    """
    if policy.state == "memory://":
        return MemoryState(clock=monotonic)
    try:
        from .redis_state import RedisState  # noqa: PLC0415  # needs the package redis
    except ImportError as error:
        raise ConfigurationError(
            "state: redis:// needs the package redis: "
            "install jwtguard-middleware[redis]"
        ) from error
    return RedisState(
        policy.state, prefix=policy.state_prefix, timeout=policy.state_timeout
    )
