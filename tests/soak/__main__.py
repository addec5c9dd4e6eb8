"""``python -m tests.soak --seconds 600``: uvicorn and gunicorn under mixed traffic.

The issuer flaps all the time. In the first half workers are killed and the clock jumps;
the second half is measured: no growth of memory or threads, and no wrong answer.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.issuer import FlappingIssuer
from tests.soak.traffic import WWW, Traffic

GROWTH_MB = 6.0
"""More than this, from the first third of the measured half to its last, is a leak."""
GROWTH_THREADS = 3
SLOWEST = 60
"""Seconds. A machine that is busy needs many of them to start a worker."""


@dataclass
class Server:
    """One server under load, and what was measured of it."""

    name: str
    command: list[str]
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    megabytes: list[float] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def start(self, environ: dict[str, str], log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as held:
            self.port = held.getsockname()[1]
        command = [part.replace("PORT", str(self.port)) for part in self.command]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environ,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.1)
        raise SystemExit(log.read_text())

    def workers(self) -> list[int]:
        """The processes that serve: gunicorn's children, or uvicorn itself."""
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children] or [pid]

    def measure(self) -> None:
        """Note the largest worker's memory, and the most threads of any."""
        found = [_status(pid) for pid in self.workers()]
        found = [one for one in found if one]
        if found:
            self.megabytes.append(max(one["VmRSS"] for one in found) / 1024)
            self.threads.append(max(int(one["Threads"]) for one in found))

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def report(self) -> list[str]:
        """Print the measured half; return what has grown."""
        third = max(1, len(self.megabytes) // 3)
        first, last = self.megabytes[:third], self.megabytes[-third:]
        grown = statistics.median(last) - statistics.median(first)
        threads = max(self.threads[-third:]) - max(self.threads[:third])
        print(
            f"{self.name}: {statistics.median(first):.1f} to "
            f"{statistics.median(last):.1f} MB, threads up to {max(self.threads)}"
        )
        problems = []
        if grown > GROWTH_MB:
            problems.append(f"{self.name}: memory grew by {grown:.1f} MB")
        if threads > GROWTH_THREADS:
            problems.append(f"{self.name}: {threads} threads more")
        return problems


def _status(pid: int) -> dict[str, float]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines if line.startswith(("VmRSS", "Threads")))
    return {pair[0].rstrip(":"): float(pair[1]) for pair in pairs}


SERVERS = (
    Server("uvicorn", ["uvicorn", "tests.soak.apps:asgi", "--port", "PORT",
                       "--no-access-log", "--log-level", "warning"]),
    Server("gunicorn", ["gunicorn", "tests.soak.apps:wsgi", "-b", "127.0.0.1:PORT",
                        "-w", "2", "-k", "gthread", "--threads", "12",
                        "--log-level", "warning"]),
)  # fmt: skip


def main() -> int:
    """Run everything; return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder) / "clock"
        clock.write_text("0")
        issuer = FlappingIssuer()
        try:
            return soak(seconds, issuer, clock, Path(folder))
        finally:
            for server in SERVERS:
                server.stop()


def environ_of(issuer: FlappingIssuer, clock: Path) -> dict[str, str]:
    """Settings under which much happens in little time."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JWTGUARD_")}
    return {
        **kept,
        "SOAK_CLOCK": str(clock),
        "JWTGUARD_ISSUER": issuer.url,
        "JWTGUARD_AUDIENCE": issuer.stable.audience,
        "JWTGUARD_CLIENTS": f"spa={WWW}",
        "JWTGUARD_TOKEN_PATHS": "/oauth/token",
        "JWTGUARD_KEYS_MAX_AGE": "2",
        "JWTGUARD_KEYS_COOLDOWN": "0.5",
        "JWTGUARD_TOKEN_CACHE": "256",
    }


def soak(seconds: int, issuer: FlappingIssuer, clock: Path, folder: Path) -> int:
    """Load both servers for so many seconds."""
    traffics = []
    for server in SERVERS:
        server.start(environ_of(issuer, clock), folder / server.name)
        traffic = Traffic(server.port, issuer)
        for _ in range(4):  # each worker has its keys before the issuer turns
            traffic.ask(
                "known token", http.client.HTTPConnection("127.0.0.1", server.port)
            )
        traffic.start(clients=3, slow=4)
        traffics.append(traffic)
    began, events = time.monotonic(), Counter[str]()
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(2)
        issuer.turn()
        events[f"issuer {issuer.mode}"] += 1
        if passed < seconds / 2:
            disturb(int(passed), clock, traffics, events)
        else:
            for server in SERVERS:
                server.measure()
    issuer.mode = "up"
    for traffic in traffics:
        traffic.stop()
    return report(seconds, issuer, traffics, events)


def disturb(
    at: int, clock: Path, traffics: list[Traffic], events: Counter[str]
) -> None:
    """Now and then: kill a worker in the middle of its requests, or let time jump."""
    if at % 20 < 2:
        events["worker killed"] += 1
        # A new worker has no keys yet: it needs the issuer once.
        traffics[1].issuer.mode = "up"
        replace_worker(SERVERS[1], traffics[1])
    elif at % 20 in (10, 11):
        for offset in ("90000", "-90000", "0"):
            events["clock jump"] += 1
            for traffic in traffics:
                traffic.excuse(1)
            clock.write_text(offset)
            time.sleep(0.3)


def replace_worker(server: Server, traffic: Traffic) -> None:
    """Kill a worker, and wait until the one in its place has keys."""
    deadline = time.monotonic() + SLOWEST
    traffic.excuse(SLOWEST)
    before = server.workers()
    os.kill(before[0], signal.SIGKILL)
    good = 0
    while good < 20 and time.monotonic() < deadline:
        time.sleep(0.1)
        now = server.workers()
        status = 0
        if before[0] not in now and len(now) == len(before):
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            with contextlib.suppress(OSError, http.client.HTTPException):
                status = traffic.ask("known token", connection)
            connection.close()
        good = good + 1 if status == 200 else 0
    traffic.excuse(1)


def report(
    seconds: int, issuer: FlappingIssuer, traffics: list[Traffic], events: Counter[str]
) -> int:
    """Print the figures; return 1 if anything was wrong."""
    problems = []
    for server, traffic in zip(SERVERS, traffics, strict=True):
        total = sum(traffic.counts.values())
        print(f"\n{server.name}: {total} requests in {seconds} s")
        for (kind, status), count in sorted(traffic.counts.items()):
            print(f"  {kind:24} {status or '-':>4} {count}")
        problems += server.report()
        problems += [f"{server.name}: {w} x {n}" for w, n in traffic.wrong.items()]
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        if traffic.ask("known token", connection) != 200:
            problems.append(f"{server.name}: does not serve any more")
    print(f"\n{dict(events)}; {issuer.fetches} documents fetched")
    print("\n".join(problems) or "nothing grew, and nothing was answered wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
