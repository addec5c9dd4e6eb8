"""Stores of shared state, and the events that they cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jwtguard.outside.redis_state import RedisState
from jwtguard.state import MemoryState, State
from tests.redis_server import REDIS, Redis
from tests.waiting import HANG

LONG = HANG
"""Seconds that bound a hang; nothing waits for them to pass."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A real Redis that runs."""
    with Redis(tmp_path) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def state(request: pytest.FixtureRequest) -> State:
    """Each store there is."""
    if request.param == "memory":
        return MemoryState()
    if REDIS is None:
        pytest.skip("missing: redis-server")
    server: Redis = request.getfixturevalue("redis")
    return RedisState(server.url, timeout=LONG)


@pytest.fixture
def told() -> list[tuple[str, dict[str, Any]]]:
    """The events, in order."""
    return []


@pytest.fixture
def emit(told: list[tuple[str, dict[str, Any]]]) -> Callable[..., None]:
    """Note an event."""

    def note(event: str, **fields: Any) -> None:
        told.append((event, fields))

    return note
