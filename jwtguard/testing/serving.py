"""An issuer's documents over a real socket, for end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from ..core.model.effects import FetchFailedError, Incoming


@contextmanager
def serve(answer: Callable[[str], Incoming]) -> Iterator[str]:
    """Serve what *answer* returns for a path, on loopback; its URL is yielded."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(answer: Callable[[str], Incoming]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                got = answer(self.path)
            except FetchFailedError:
                got = Incoming(503, {}, b"")
            self.send_response_only(got.status)
            for name, value in got.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(got.body)))
            self.end_headers()
            self.wfile.write(got.body)

        def log_message(self, *args: object) -> None:
            """Keep test output clean."""

    return Handler
