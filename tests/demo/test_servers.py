"""Children are waited for, and always stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import httpx
import pytest

from jwtguard.demo.place import free_ports
from jwtguard.demo.servers import Servers, StartError
from tests.waiting import NO_TLS, until

SLEEP = "import time; time.sleep(600)"
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
print(child.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Whether a process still runs; one that has ended but lingers does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_an_early_end_is_told_with_the_log(tmp_path: Path) -> None:
    """A server that ends at once is an error, which shows what it wrote."""
    with Servers(tmp_path) as servers, httpx.Client(verify=NO_TLS) as http:
        command = [sys.executable, "-c", "raise SystemExit('no such setting')"]
        servers.start("api", command, os.environ, "http://127.0.0.1:9/")
        with pytest.raises(StartError, match="no such setting"):
            servers.wait(http)


def test_a_ready_server_is_seen(tmp_path: Path) -> None:
    """Waiting ends when the server answers; one that dies later is noticed."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with Servers(tmp_path) as servers, httpx.Client(verify=NO_TLS) as http:
        servers.start("files", command, os.environ, f"http://127.0.0.1:{port}/")
        servers.wait(http)
        assert servers.dead() is None
        servers.running[0].process.kill()
        assert until(lambda: servers.dead() is servers.running[0])


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_workers_are_stopped_too(tmp_path: Path) -> None:
    """Leaving stops each child and the processes that it started itself."""
    with Servers(tmp_path) as servers:
        servers.start("api", [sys.executable, "-c", PARENT], os.environ, "")
        log = tmp_path / "api.log"
        assert until(lambda: log.read_text().endswith("\n"))
        worker = int(log.read_text())
        assert alive(worker)
    assert servers.running[0].process.poll() is not None
    assert until(lambda: not alive(worker))
