"""An issuer over a real socket, for end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Protocol

from ..core.model.effects import FetchFailedError, Incoming


class Answering(Protocol):
    """An issuer in memory."""

    url: str

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Incoming:
        """Answer one request; names of header fields are in lower case."""


@contextmanager
def serve(issuer: Answering) -> Iterator[str]:
    """Serve *issuer* on loopback; the URL is yielded."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(issuer))
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(issuer: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            self._answer(self.rfile.read(int(length) if length.isdecimal() else 0))

        def _answer(self, body: bytes) -> None:
            fields = {name.lower(): value for name, value in self.headers.items()}
            try:
                url = issuer.url + self.path
                got = issuer.answer(self.command, url, fields, body)
            except FetchFailedError:
                got = Incoming(503, {}, b"")
            self.send_response_only(got.status)
            fields = {name.title(): value for name, value in got.headers.items()}
            fields.setdefault("Content-Type", "application/json")
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(got.body)))
            self.end_headers()
            self.wfile.write(got.body)

        def log_message(self, *args: object) -> None:
            """Keep test output clean."""

    return Handler
