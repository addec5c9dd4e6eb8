"""``jwtguard check`` says whether Redis keeps revocations through a restart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jwtguard.inspect.check_state import state_findings
from jwtguard.outside.redis_durability import losses
from jwtguard.outside.redis_state import RedisState
from jwtguard.testing import JWTIssuer
from tests.ports import free_port
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG, until

NO_LOG = (
    "appendonly no: a server that restarts loses its revocations, or those since its "
    "last snapshot; set it to yes"
)
APPENDONLY_NO = ("weak", NO_LOG)
NOT_SAID = (
    "INFO does not say whether the server keeps its revocations when it restarts; look "
    "for appendonly in its settings, or for the persistence of the managed service"
)
UNKNOWN = ("note", NOT_SAID)
RIGHTS = ["+set", "+get", "+del", "+xadd", "+xread", "+xtrim", "+xinfo", "+pexpire"]
"""What ``check`` itself needs, without INFO."""


def found(url: str) -> list[tuple[str, str]]:
    """Return level and text of each finding about the state at *url*."""
    guard = JWTIssuer().guard(state=url, state_timeout=HANG)
    return [(one.level, one.text) for one in state_findings(guard, {})]


def working(url: str) -> tuple[str, str]:
    """Return the finding that says that the state works."""
    return "ok", f"{url}, prefix jwtguard"


def test_a_server_without_a_log_is_weak(redis: Redis) -> None:
    """It works, and the next finding says what a restart loses."""
    assert found(redis.url) == [working(redis.url), APPENDONLY_NO]


def test_snapshots_do_not_replace_the_log(redis: Redis) -> None:
    """Whatever was added after the last snapshot is lost."""
    redis.client().config_set("save", "60 1")
    redis.client().save()
    assert found(redis.url) == [working(redis.url), APPENDONLY_NO]


def test_a_server_with_a_log_has_nothing_to_add(redis: Redis) -> None:
    """With ``appendonly yes``, the state is only ``ok``."""
    redis.client().config_set("appendonly", "yes")
    assert found(redis.url) == [working(redis.url)]


@needs_redis
@pytest.mark.slow
@pytest.mark.parametrize("keeps", [True, False])
def test_the_finding_predicts_what_a_restart_does(tmp_path: Path, keeps: bool) -> None:
    """A server that is weak loses what was added, and one that is not keeps it."""
    with Redis(tmp_path, keeps=keeps) as server:
        RedisState(server.url, timeout=HANG).append("s", b"a revocation", 600)
        assert (APPENDONLY_NO in found(server.url)) is not keeps
        server.stop()
        server.start()
        left = RedisState(server.url, timeout=HANG).follow("s", "", 0)
        assert [value for _, value in left] == [b"a revocation"] * keeps


@needs_redis
@pytest.mark.slow
def test_a_server_without_info_is_not_known(tmp_path: Path) -> None:
    """A managed service may have taken the command away."""
    with Redis(tmp_path, "--rename-command", "INFO", "") as server:
        assert found(server.url) == [working(server.url), UNKNOWN]


def test_a_user_who_may_not_ask_gets_a_note(redis: Redis) -> None:
    """The state works without the right to run INFO."""
    redis.client().acl_setuser(
        "ours", enabled=True, nopass=True, commands=RIGHTS, keys=["*"]
    )
    url = redis.url.replace("//", "//ours:@")
    assert found(url) == [working(redis.url), UNKNOWN]


def test_the_documented_user_can_ask(redis: Redis) -> None:
    """CONFIG is not needed."""
    redis.client().acl_setuser(
        "ours", enabled=True, nopass=True, commands=[*RIGHTS, "+info"], keys=["*"]
    )
    url = redis.url.replace("//", "//ours:@")
    assert found(url) == [working(redis.url), APPENDONLY_NO]


@pytest.mark.parametrize("answer", [{}, {"aof_enabled": "-"}, {"aof_enabled": {}}])
def test_an_answer_without_a_usable_value_is_not_known(answer: Any) -> None:
    """A service may answer INFO and leave this out."""
    assert losses([{}], [answer]) == [UNKNOWN]


def is_complete(client: Any) -> bool:
    """Whether this node knows the other one, and the owner of every slot."""
    state = client.cluster("info")["cluster_state"]
    return bool(state == "ok" and len(client.cluster("nodes")) == 2)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Redis]]:
    """A cluster of two nodes; each owns half of the slots."""
    started = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        bus = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        started.append((Redis(tmp_path / name, *bus), bus[-1]))
    (first, _), (second, bus_of_second) = started
    with first, second:
        first.client().execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        second.client().execute_command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        met = ("CLUSTER", "MEET", "127.0.0.1", second.port, bus_of_second)
        first.client().execute_command(*met)
        for server in (first, second):
            assert until(partial(is_complete, server.client()))
        yield [first, second]


@needs_redis
@pytest.mark.slow
def test_every_node_of_a_cluster_is_asked(nodes: list[Redis]) -> None:
    """Whichever node the URL names, all nodes count."""
    first, second = nodes
    first.client().config_set("appendonly", "yes")
    second.client().config_set("maxmemory-policy", "allkeys-lru")
    for server in nodes:
        _, evicting, forgetting = found(server.url)
        assert evicting[0] == "weak"
        assert "allkeys-lru" in evicting[1]
        assert forgetting[0] == "weak"
        assert "appendonly no on 1 of 2 nodes: " in forgetting[1]
    second.client().config_set("maxmemory-policy", "noeviction")
    second.client().config_set("appendonly", "yes")
    assert found(first.url) == [working(first.url)]
