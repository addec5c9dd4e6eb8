"""Real servers on loopback, asked by ``wrk``: each in turn, its base right before it.

One server process, few connections, a known token: what is measured is the share of
the bare application's requests per second that is left.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.request import Request, urlopen

from .peers import BASES, PEERS
from .site import ORIGIN, Site
from .stages import MEASURED

CONNECTIONS = 8
SECONDS = 1
_LUA = """
local tokens, requests, turn = {TOKENS}, {}, 0
function init()
  for number, token in ipairs(tokens) do
    wrk.headers["Authorization"] = "Bearer " .. token
    requests[number] = wrk.format()
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
"""
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


@dataclass(frozen=True)
class Answered:
    """What one bout of ``wrk`` found; times are in microseconds."""

    requests: int
    per_second: float
    p50: float
    p99: float


class Server(NamedTuple):
    """A process that serves one peer."""

    port: int
    pid: int

    def processor_time(self) -> float:
        """Return the microseconds that the process has run so far (Linux)."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e3


def missing() -> str | None:
    """Say why there will be no figures, if so."""
    if shutil.which("wrk") is None:
        return "wrk is not installed (Debian: apt-get install wrk)"
    return None


def families(left_out: dict[str, str]) -> dict[str, list[str]]:
    """Return who is measured against which base: those that answered in process."""
    found: dict[str, list[str]] = {base: [base] for base in BASES}
    for who in PEERS:
        if who.tokens and f"{who.name}, RS256" not in left_out:
            found[who.base].append(who.name)
    return found


@contextmanager
def served(name: str, site: Site, token: str) -> Iterator[Server]:
    """Serve one peer on a port of the system's choice."""
    environ = {**os.environ, "BENCH_SITE": json.dumps(site.described())}
    with socket.socket() as listening:
        # Servers set it on sockets of their own; else small answers wait for an ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        fd, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.serve"]
        process = subprocess.Popen(
            [*command, name, str(fd)], pass_fds=(fd,), env=environ
        )
    try:
        _wait_for(process, port, token)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(process: subprocess.Popen[bytes], port: int, token: str) -> None:
    url = f"http://127.0.0.1:{port}/notes/7"
    request = Request(url, headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=120) as answer:  # waits in the backlog
        if answer.status != 200 or process.poll() is not None:
            raise RuntimeError(f"the server answers {answer.status}")


@contextmanager
def all_served(names: list[str], site: Site, token: str) -> Iterator[dict[str, Server]]:
    """Serve several at once; those that idle cost nothing."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(served(name, site, token)) for name in names}


def ask(
    server: Server, token: str | None = None, script: Path | None = None
) -> Answered:
    """Let ``wrk`` ask for a second: with one token, or with those of a script."""
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    fields = [part for name in headers for part in ("-H", f"{name}: {headers[name]}")]
    if script is not None:
        fields += ["-s", str(script)]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
    url = f"http://127.0.0.1:{server.port}/notes/7"
    done = subprocess.run(
        [*command, *fields, url],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    time.sleep(0.1)
    return read(done.stdout)


def stages(site: Site, token: str, bouts: int) -> dict[str, list[float]]:
    """Return the server's processor time for a request, bout by bout.

    In microseconds. The time between two answers depends more on what else the machine
    does, and one stage differs little from the next.
    """
    found: dict[str, list[float]] = {}
    with all_served(list(MEASURED), site, token) as servers:
        for _ in range(bouts):
            for name, server in servers.items():
                before = server.processor_time()
                requests = ask(server, token).requests
                spent = server.processor_time() - before
                found.setdefault(name, []).append(spent / requests)
    return found


@contextmanager
def script_of(tokens: list[str]) -> Iterator[Path]:
    """Write a script for ``wrk`` that sends the tokens in turn."""
    with TemporaryDirectory() as place:
        path = Path(place) / "tokens.lua"
        listed = ",".join(f'"{one}"' for one in tokens)
        path.write_text(_LUA.replace("TOKENS", listed), "utf-8")
        yield path


def read(text: str) -> Answered:
    """Read what ``wrk`` prints; an answer other than 2xx is an error."""
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(text)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", text)
    requests = re.search(r"(\d+) requests in", text)
    times = dict(re.findall(r"(50|99)%\s+([0-9.]+(?:us|ms|s))", text))
    if rate is None or requests is None:
        raise RuntimeError(text)
    return Answered(
        int(requests[1]),
        float(rate[1]),
        _microseconds(times["50"]),
        _microseconds(times["99"]),
    )


def _microseconds(text: str) -> float:
    found = re.fullmatch(r"([0-9.]+)(us|ms|s)", text)
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _UNITS[found[2]]
