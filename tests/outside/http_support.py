"""A server over a real socket that answers as it is told."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import HANG


class Server(ThreadingHTTPServer):
    """Answers each path with what ``paths`` says, and notes what was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths: dict[str, Callable[[Handler], None]] = {}
        self.seen: list[tuple[str, Mapping[str, str]]] = []
        self.stop = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on a server without end is what is wanted."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(
            (self.path, {k.lower(): v for k, v in self.headers.items()})
        )
        self.server.paths[self.path](self)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.server.paths[self.path] = lambda handler: handler.send(b"", 502)
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Keep test output clean."""

    def send(self, body: bytes, status: int = 200, **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, first: bytes) -> None:
        """Send *first*, then a byte now and then, until the test is over."""
        with contextlib.suppress(OSError):
            self.wfile.write(first)
            end = time.monotonic() + HANG
            while not self.server.stop.wait(0.02) and time.monotonic() < end:
                self.wfile.write(b" ")
        self.close_connection = True
