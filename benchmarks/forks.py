"""Eight gunicorn workers, forked while their parent fetches keys."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from .issuer_process import Issuer
from .key_caches import KeyCache

WORKERS = 8
TIMEOUT = 10.0


def forks(kind: type[KeyCache], issuer: Issuer) -> dict[str, int]:
    """Send requests until each worker has been asked; count what came of them."""
    issuer.reset()
    issuer.answer(delay=1.5)
    before, tokens = issuer.fetches, issuer.tokens(65)
    port = _free_port()
    process = _gunicorn(kind.name, issuer, tokens.pop(), port)
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait(f"{url}healthz")
        workers, refused, hung = set(), 0, 0
        with ThreadPoolExecutor(32) as pool:
            for status, worker in pool.map(lambda token: _get(url, token), tokens * 2):
                refused += status not in (0, 200)
                hung += status == 0
                workers |= {worker} if worker else set()
        fetches = issuer.fetches - before
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        issuer.reset()
    return {"workers": len(workers), "requests": 2 * len(tokens), "refused": refused,
            "hung": hung, "fetches_of_workers": fetches - 1}  # fmt: skip


def _gunicorn(
    name: str, issuer: Issuer, token: str, port: int
) -> subprocess.Popen[bytes]:
    environ = {
        **os.environ,
        "BENCH_CACHE": name,
        "BENCH_ISSUER": issuer.url,
        "BENCH_AUDIENCE": issuer.audience,
        "BENCH_TOKEN": token,
    }
    command = [
        sys.executable, "-m", "gunicorn", "--preload", f"--workers={WORKERS}",
        "--threads=2", "--worker-class=gthread", f"--bind=127.0.0.1:{port}",
        "--log-level=critical", "benchmarks.preloaded:app",
    ]  # fmt: skip
    return subprocess.Popen(
        command, env=environ, start_new_session=True, stderr=subprocess.DEVNULL
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


def _wait(url: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("gunicorn did not start")


def _get(url: str, token: str) -> tuple[int, str]:
    """Return status and worker; 0 if there was no answer in time."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""
