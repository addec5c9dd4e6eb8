"""A session that ends in one worker of a real server ends in the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from jwtguard.testing import JWTIssuer
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG, NO_TLS, until

pytestmark = [pytest.mark.slow, needs_redis]

Serve = Callable[..., Any]
SERVERS = {
    "uvicorn": (
        "uvicorn",
        "--app-dir=.",
        "--port=PORT",
        "--workers=2",
        "revoking_app:asgi",
    ),
    "gunicorn": (
        "gunicorn",
        "--bind=127.0.0.1:PORT",
        "--worker-class=gthread",
        "--threads=4",
        "--workers=2",
        "revoking_app:wsgi",
    ),
}


class Connections:
    """Connections that stay open, one to each worker."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stack = ExitStack()
        self.to: dict[str, httpx.Client] = {}

    def find(self, count: int) -> list[str]:
        """Connect until *count* workers have answered; return their names."""

        def found() -> bool:
            client = httpx.Client(
                base_url=self._url, verify=NO_TLS, trust_env=False, timeout=HANG
            )
            self._stack.callback(client.close)
            worker = client.get("/healthz").text
            self.to.setdefault(worker, client)
            return len(self.to) >= count

        assert until(found)
        return list(self.to)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A real Redis that runs."""
    with Redis(tmp_path) as server:
        yield server


@pytest.mark.parametrize("server", SERVERS)
def test_a_session_ends_in_all_workers(
    server: str, serve: Serve, issuer: JWTIssuer, redis: Redis
) -> None:
    """Also in a worker that is started in place of one that was killed."""
    running = serve(*SERVERS[server], JWTGUARD_STATE=redis.url)
    workers = Connections(running.url(""))
    here, there = workers.find(2)
    ended, kept = (issuer.token(claims={"sid": sid}) for sid in ("s1", "s2"))

    def status(worker: str, token: str, path: str = "/notes") -> int:
        method = "POST" if path == "/logout" else "GET"
        fields = {"authorization": f"Bearer {token}"}
        return workers.to[worker].request(method, path, headers=fields).status_code

    assert [status(there, ended), status(there, kept)] == [200, 200]
    assert status(here, ended, "/logout") == 200
    assert status(here, ended) == 401
    assert until(lambda: status(there, ended) == 401)
    assert status(there, kept) == 200
    os.kill(int(there), signal.SIGKILL)
    *_, again = workers.find(3)
    assert [status(again, ended), status(again, kept)] == [401, 200]
    workers.close()
