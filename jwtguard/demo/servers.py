"""Child processes: started together, waited for, and always stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

START_SECONDS = 30.0
STOP_SECONDS = 5.0
TAIL = 25


class StartError(Exception):
    """A server did not come up; the text holds the end of its log."""


@dataclass(slots=True)
class Server:
    """One child process, and the URL that answers 200 once it is ready."""

    name: str
    process: subprocess.Popen[bytes]
    ready_url: str
    log: Path

    def wait(self, http: httpx.Client) -> None:
        """Return when the server answers; raise ``StartError`` if it will not."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise StartError(f"{self.name} stopped immediately.\n{self.tail()}")
            if _answers(http, self.ready_url):
                return
            time.sleep(0.05)
        raise StartError(f"{self.name} does not respond.\n{self.tail()}")

    def stop(self) -> None:
        """End the process and its workers: first kindly, then not."""
        for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            self.send(number)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return

    def send(self, number: int) -> None:
        """Send a signal to the whole group: gunicorn's workers belong to it."""
        if self.process.poll() is not None:
            return
        if os.name == "posix":
            os.killpg(self.process.pid, number)
        else:
            self.process.terminate()

    def tail(self) -> str:
        """Return the last lines that the server wrote."""
        # A server that is killed may stop in the middle of a character.
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-TAIL:])


@dataclass(slots=True)
class Servers:
    """All children of one demo; leaving the ``with`` block stops every one."""

    folder: Path
    running: list[Server] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for server in self.running:
            server.send(signal.SIGTERM)  # all at once: a second Ctrl-C changes nothing
        for server in self.running:
            server.stop()

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        ready_url: str,
    ) -> None:
        """Start a child in a group of its own, so that Ctrl-C reaches us alone."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  # our own commands
                command,
                env=dict(environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Else Ctrl-C would reach every child by itself, in any order.
                start_new_session=True,
            )
        self.running.append(Server(name, process, ready_url, log))

    def wait(self, http: httpx.Client) -> None:
        """Return when all answer."""
        for server in self.running:
            server.wait(http)

    def dead(self) -> Server | None:
        """Return a server that ended by itself, if there is one."""
        gone = (one for one in self.running if one.process.poll() is not None)
        return next(gone, None)


def _answers(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(url).status_code == 200
    except httpx.TransportError:
        return False
