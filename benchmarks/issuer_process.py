"""An issuer that counts, delays and fails: in a process of its own, on loopback.

So whatever it does disturbs nothing that is measured. ``python -m`` this module prints
its URL and serves until its standard input ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from jwtguard.testing import JWTIssuer

LONG = 14 * 86400.0


class Server(ThreadingHTTPServer):
    """What it answers is told it at ``/control``; ``/count`` says how often."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state: dict[str, Any] = {"delay": 0.0, "status": 200, "keys": []}
        self.fetches = 0
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Some clients hang up while they wait for a slow answer."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == "/count":
            self._send(200, self.server.fetches)
            return
        with self.server.lock:
            self.server.fetches += 1
            state = dict(self.server.state)
        time.sleep(state["delay"])
        self._send(state["status"], {"keys": state["keys"]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.state.update(json.loads(body))
        self._send(200, None)

    def log_message(self, *args: object) -> None:
        """Silent."""

    def _send(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Issuer:
    """The handle of that process, and the keys that sign its tokens."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.issuer_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout is None:
            raise RuntimeError("no pipe")
        self.url = self._process.stdout.readline().strip()
        self.jwks_url = f"{self.url}/jwks"
        self._signer = JWTIssuer(self.url, alg="ES256")
        self.audience = self._signer.audience

    def __enter__(self) -> Self:
        self.reset()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def reset(self) -> None:
        """One key, no delay, no failure."""
        self._signer.withdraw()
        self.answer(delay=0.0, status=200)

    def answer(self, **state: Any) -> None:
        """Answer so from now on: ``delay`` in seconds, ``status``."""
        document = {**state, "keys": self._signer.published}
        self._ask("/control", json.dumps(document).encode())

    def rotate(self) -> None:
        """Publish a new key beside the old one, and sign with it."""
        self._signer.rotate()
        self.answer()

    def withdraw(self) -> None:
        """Publish the new key alone."""
        self._signer.withdraw()
        self.answer()

    def tokens(self, number: int, *, unknown: bool = False) -> list[str]:
        """Sign *number* different tokens; *unknown*: with made-up key ids."""
        return [
            self._signer.token(
                subject=f"user-{index}",
                expires_in=LONG,
                headers={"kid": f"made-up-{index}"} if unknown else None,
            )
            for index in range(number)
        ]

    @property
    def fetches(self) -> int:
        """How often its keys were asked for."""
        count: int = self._ask("/count")
        return count

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(self.url + path, body, timeout=10) as answer:
            return json.loads(answer.read())


def main() -> None:
    """Serve until standard input ends, which is when the parent does."""
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
