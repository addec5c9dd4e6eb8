"""Real servers: started as processes on free loopback ports, always stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from jwtguard.core.model.effects import Incoming
from jwtguard.testing import JWTIssuer
from tests.ports import free_port
from tests.waiting import HANG, ask, until

HERE = Path(__file__).parent


@dataclass
class Running:
    """A server that answers."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def logged(self, text: str) -> bool:
        """Whether *text* turns up in the server's output."""
        return until(lambda: text in self.log.read_text())


Serve = Callable[..., Running]


class HoldingIssuer(JWTIssuer):
    """Can keep whoever asks first waiting, until the test is over."""

    def __init__(self) -> None:
        super().__init__(alg="ES256")
        self.hold_next = False
        self.holding = threading.Event()
        self.over = threading.Event()

    def transport(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        if self.hold_next:
            self.hold_next = False
            self.holding.set()
            self.over.wait(5 * HANG)
        return super().transport(url, headers, timeout)


@pytest.fixture
def issuer() -> Iterator[HoldingIssuer]:
    """An issuer on a real socket, with real time and one EC key."""
    made = HoldingIssuer()
    with made.served():
        yield made
        made.over.set()


@pytest.fixture
def serve(issuer: JWTIssuer, tmp_path: Path) -> Iterator[Serve]:
    """Start ``python -m`` *arguments*, with PORT replaced by a free port.

    *answers* False: return at once, the server may never answer.
    """
    started: list[Running] = []

    def start(*arguments: str, answers: bool = True, **environ: str) -> Running:
        port = free_port()
        log = tmp_path / f"server-{port}.log"
        command = [
            sys.executable,
            "-m",
            *(a.replace("PORT", str(port)) for a in arguments),
        ]
        settings = {
            "JWTGUARD_ISSUER": issuer.url,
            "JWTGUARD_AUDIENCE": issuer.audience,
            "JWTGUARD_PUBLIC_PATHS": "/healthz",
            "JWTGUARD_CLIENTS": "spa=https://www.example",
            "JWTGUARD_TOKEN_PATHS": "/token",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=HERE,
                env={**_clean_environ(), **settings, **environ},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running = Running(port, process, log)
        started.append(running)
        if answers:
            _wait(running)
        return running

    yield start
    for running in started:
        _stop(running.process)


def _clean_environ() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JWTGUARD_")}
    return {**kept, "PYTHONPATH": str(HERE.parents[1])}


def _wait(running: Running) -> None:
    def answers() -> bool:
        assert running.process.poll() is None, running.log.read_text()
        try:
            return ask("GET", running.url("/healthz")).is_success
        except httpx.HTTPError:
            return False

    assert until(answers), running.log.read_text()


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue
        break
    process.wait(5)
