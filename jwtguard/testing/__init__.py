"""Test kit: an issuer in memory whose tokens are really signed, a clock that stands
still, and the pytest fixtures ``jwt_clock``, ``jwt_issuer``, ``jwt_guard`` and
``jwt_session``.

Nothing is mocked on the way: a guard from here does what it does in production, only
its keys come from memory and its time from ``jwt_clock``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..guard import Guard
from .clock import FakeClock
from .dpop import DPoPKey
from .introspection import OpaqueIssuer
from .issuer import AUDIENCE as AUDIENCE
from .issuer import ISSUER as ISSUER
from .issuer import JWTIssuer
from .passwords import PasswordIssuer

__all__ = [
    "DPoPKey",
    "FakeClock",
    "JWTIssuer",
    "OpaqueIssuer",
    "PasswordIssuer",
    "jwt_clock",
    "jwt_guard",
    "jwt_issuer",
    "jwt_session",
]


@pytest.fixture
def jwt_clock() -> FakeClock:
    """A clock that stands still; ``advance(seconds)`` moves it."""
    return FakeClock()


@pytest.fixture
def jwt_issuer(jwt_clock: FakeClock) -> JWTIssuer:
    """An issuer in memory, on ``jwt_clock``."""
    return JWTIssuer(clock=jwt_clock)


@pytest.fixture
def jwt_guard(jwt_issuer: JWTIssuer) -> Guard:
    """A guard that trusts ``jwt_issuer`` and needs no network."""
    return jwt_issuer.guard()


@pytest.fixture
def jwt_session(jwt_issuer: JWTIssuer) -> Callable[..., dict[str, str]]:
    """A function that returns the header of somebody who is signed in at a guard.

    ``jwt_session(guard, subject="alice", scope="notes:read")``, where the guard has
    sessions: ``jwt_issuer.guard(session_client="www", secrets=...)``.
    """
    return jwt_issuer.session
