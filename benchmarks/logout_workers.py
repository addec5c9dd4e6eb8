"""From the call of ``revoke`` in one worker to the refusal in the others.

Two gunicorn and two uvicorn workers over a real Redis. The others are asked with the
token all the time, on connections that stay open; what counts is when the first 401
has arrived, so that each figure holds a request too.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jwtguard.testing import JWTIssuer
from tests.redis_server import Redis

from .site import Site, token

EACH = 2
"""Workers of each server."""
WAIT = 60.0
"""Seconds after which something hangs."""
ASKED = 20
"""Requests to each worker while Redis stands still."""
COMMANDS = {
    "gunicorn": [
        "gunicorn", "--worker-class=gthread", "--threads=8", f"--workers={EACH}",
        "--keep-alive=60", "--log-level=critical", "--bind=fd://{fd}",
        "benchmarks.logout_app:wsgi",
    ],
    "uvicorn": [
        "uvicorn", f"--workers={EACH}", "--log-level=critical", "--no-access-log",
        "--timeout-keep-alive=60", "--fd={fd}", "benchmarks.logout_app:asgi",
    ],
}  # fmt: skip


class Connection:
    """An open connection to one worker."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
        self.worker = self.ask("GET", "/healthz")[1]

    def ask(self, method: str, path: str, token: str = "") -> tuple[int, str]:
        """Return status and body."""
        fields = {"Authorization": f"Bearer {token}"} if token else {}
        self._http.request(method, path, headers=fields)
        answer = self._http.getresponse()
        return answer.status, answer.read().decode()

    def status(self, token: str) -> int:
        """Ask for a note."""
        return self.ask("GET", "/notes/7", token)[0]

    def revoke(self, token: str) -> float:
        """End the session; return when ``revoke`` was called."""
        status, body = self.ask("POST", "/notes/logout", token)
        if status != 200:
            raise RuntimeError(f"{status} {body}")
        return float(body)

    def refused_at(self, token: str) -> float:
        """Ask until the token is refused; return when that answer had arrived."""
        ends = time.monotonic() + WAIT
        while (status := self.status(token)) == 200:
            if time.monotonic() > ends:
                raise RuntimeError("the token is not refused")
        if status != 401:
            raise RuntimeError(f"{status} instead of 401")
        return time.monotonic()

    def close(self) -> None:
        """Close it."""
        self._http.close()


@dataclass
class Worker:
    """A worker, and two connections to it."""

    server: str
    line: Connection
    """For one request after the other."""
    busy: Connection
    """For other traffic."""


@contextmanager
def deployed(redis: Redis, site: Site) -> Iterator[list[Worker]]:
    """Start both servers over one Redis; yield their four workers."""
    environ = {**os.environ, **site.environ(), "JWTGUARD_STATE": redis.url}
    with ExitStack() as stack:
        workers: list[Worker] = []
        for server in COMMANDS:
            port = stack.enter_context(_served(server, environ))
            workers += _workers(server, port, stack)
        yield workers


@contextmanager
def _served(server: str, environ: dict[str, str]) -> Iterator[int]:
    with socket.socket() as listening:
        # Servers set it on sockets of their own; else small answers wait for an ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        fd, port = listening.fileno(), listening.getsockname()[1]
        command = [part.format(fd=fd) for part in COMMANDS[server]]
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *command],
            pass_fds=(fd,), env=environ,
        )  # fmt: skip
        try:
            yield port
        finally:
            process.terminate()
            process.wait(timeout=WAIT)


def _workers(server: str, port: int, stack: ExitStack) -> list[Worker]:
    """Connect until each worker has two connections."""
    lines: dict[str, list[Connection]] = {}
    ends = time.monotonic() + WAIT
    while time.monotonic() < ends:
        connection = Connection(port)
        stack.callback(connection.close)
        lines.setdefault(connection.worker, []).append(connection)
        full = [found for found in lines.values() if len(found) > 1]
        if len(full) == EACH:
            return [Worker(server, *found[:2]) for found in full]
    raise RuntimeError(f"{server}: not every worker answers")


def latencies(
    workers: list[Worker], issuer: JWTIssuer, count: int
) -> dict[str, list[float]]:
    """End *count* sessions, in each worker in turn; return milliseconds.

    By the server whose worker refused, and ``all``: the last of the others.
    """
    found: dict[str, list[float]] = {**{server: [] for server in COMMANDS}, "all": []}
    with ThreadPoolExecutor(len(workers)) as threads:
        for number in range(count):
            here = workers[number % len(workers)]
            others = [worker for worker in workers if worker is not here]
            text = token(issuer, f"user-{number}-{time.monotonic()}")
            if {worker.line.status(text) for worker in workers} != {200}:
                raise RuntimeError("a good token is refused")
            # Each follower looks anew once a second: any moment of it is met.
            time.sleep(random.random() * 0.1)
            refused = [threads.submit(one.line.refused_at, text) for one in others]
            called = here.line.revoke(text)
            took = [(done.result() - called) * 1000 for done in refused]
            for worker, milliseconds in zip(others, took, strict=True):
                found[worker.server].append(milliseconds)
            found["all"].append(max(took))
    return found


@contextmanager
def traffic(workers: list[Worker], issuer: JWTIssuer) -> Iterator[list[int]]:
    """Ask every worker all the time; yields a list that counts the answers."""
    stop, text, answers = threading.Event(), token(issuer), [0] * len(workers)

    def ask(index: int) -> None:
        while not stop.is_set():
            answers[index] += workers[index].busy.status(text) == 200

    with ThreadPoolExecutor(len(workers)) as threads:
        done = [threads.submit(ask, index) for index in range(len(workers))]
        try:
            yield answers
        finally:
            stop.set()
            for one in done:
                one.result()


def outage(
    workers: list[Worker], issuer: JWTIssuer, redis: Redis, how: str
) -> dict[str, float]:
    """Let Redis stand still, or kill it; end a session meanwhile; bring it back.

    Milliseconds: the longest request, the call of ``revoke``, and from the moment that
    Redis was back until the last worker refused.
    """
    here, *others = random.sample(workers, len(workers))
    text, good = (token(issuer, f"user-{time.monotonic()}") for _ in range(2))
    for worker in workers:
        worker.line.status(text)
    redis.pause() if how == "paused" else redis.stop()
    began = time.monotonic()
    here.line.revoke(text)
    revoked = time.monotonic() - began
    longest = 0.0
    for worker in workers:
        for _ in range(ASKED):
            began = time.monotonic()
            if worker.line.status(good) != 200:
                raise RuntimeError("a good token is refused")
            longest = max(longest, time.monotonic() - began)
    if here.line.status(text) != 401 or others[0].line.status(text) != 200:
        raise RuntimeError("the revocation holds elsewhere, or not here")
    # As long as it takes until all have noticed, and wait between two attempts.
    time.sleep(3 + random.random())
    redis.resume() if how == "paused" else redis.start()
    back = time.monotonic()
    with ThreadPoolExecutor(len(others)) as threads:
        refused = threads.map(lambda worker: worker.line.refused_at(text), others)
        arrived = max(refused) - back
    return {"request": longest * 1e3, "revoke": revoked * 1e3, "arrived": arrived * 1e3}


def measured(count: int, outages: int) -> dict[str, Any]:
    """Return every figure: quiet, under traffic, and through outages."""
    issuer = JWTIssuer()
    with tempfile.TemporaryDirectory() as folder, Redis(Path(folder)) as redis:
        found: dict[str, Any] = {}
        with deployed(redis, Site.of(issuer)) as workers:
            found["quiet"] = latencies(workers, issuer, count)
            with traffic(workers, issuer) as answers:
                began = time.monotonic()
                found["busy"] = latencies(workers, issuer, count)
                seconds = time.monotonic() - began
            found["answers_per_second"] = sum(answers) / seconds
            found["outages"] = {
                how: [outage(workers, issuer, redis, how) for _ in range(outages)]
                for how in ("paused", "killed")
            }
        version = redis.client().info("server")["redis_version"]
    return {**found, "redis": version}


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]), int(sys.argv[2]))))
