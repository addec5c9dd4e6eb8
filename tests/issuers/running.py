"""Servers as children: started on a free port, waited for, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.waiting import HANG

ROOT = Path(__file__).parents[2]


def started(
    command: Sequence[str],
    environ: Mapping[str, str],
    url: str,
    log: Path,
    *,
    seconds: float = 2 * HANG,
) -> subprocess.Popen[bytes]:
    """Start *command* and return once *url* answers with anything but a 5xx."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JWTGUARD_")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**kept, **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(process, url, log, seconds)
    except BaseException:
        stop(process)
        raise
    return process


def _wait(
    process: subprocess.Popen[bytes], url: str, log: Path, seconds: float
) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code < 500:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer:\n{log.read_text()[-4000:]}")


def stop(process: subprocess.Popen[bytes], *, kill: bool = False) -> None:
    """End the process and its children; *kill* leaves it no time to say goodbye."""
    numbers = (signal.SIGKILL,) if kill else (signal.SIGTERM, signal.SIGKILL)
    for number in numbers:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
        break
    process.wait(HANG)


@contextmanager
def running(
    command: Sequence[str], environ: Mapping[str, str], url: str, log: Path
) -> Iterator[None]:
    """Run a server for as long as the block lasts."""
    process = started(command, environ, url, log)
    try:
        yield
    finally:
        stop(process)
