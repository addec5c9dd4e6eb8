"""An issuer that is up, down, slow, moved, empty and mad by turns, on a real socket."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jwtguard.testing import FakeClock, JWTIssuer

MODES = ("up", "down", "html", "drip", "empty", "up", "redirect", "huge", "cut")


class RealClock(FakeClock):
    """The time of the machine."""

    def time(self) -> float:
        return time.time()


class FlappingIssuer:
    """One key is always published; another one is replaced at each ``turn``."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.stable = JWTIssuer(self.url, alg="ES256", clock=RealClock())
        self.moving = JWTIssuer(self.url, alg="ES256", clock=RealClock())
        self.stranger = JWTIssuer(self.url, alg="ES256", clock=RealClock())
        self.mode = "up"
        self.fetches = 0
        self._turns = 0
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def turn(self) -> None:
        """Go on to the next mode, with a new key."""
        self._turns += 1
        self.mode = MODES[self._turns % len(MODES)]
        self.moving.rotate(withdraw=True)

    def document(self, path: str) -> bytes:
        """Return the metadata, or the keys as the mode has them."""
        if path != "/jwks":
            return json.dumps(self.stable.metadata()).encode()
        if self.mode == "empty":
            return b'{"keys":[]}'
        keys = [*self.stable.published, *self.moving.published]
        return json.dumps({"keys": keys}).encode()


def _handler(issuer: FlappingIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            mode = issuer.mode
            body = issuer.document(self.path)
            if mode in ("html", "huge"):
                body = b"<html>" + b" " * (10_000_000 if mode == "huge" else 0)
            status = {"down": 503, "redirect": 302}.get(mode, 200)
            try:
                self._answer(status, body, mode)
            except OSError:
                self.close_connection = True  # the guard has given up

        def _answer(self, status: int, body: bytes, mode: str) -> None:
            self.send_response(status)
            self.send_header("Location", "/jwks")
            self.send_header("Content-Length", str(len(body)))
            if mode == "drip":
                self.flush_headers()
                self.wfile.write(b"X: ")
                for _ in range(200):
                    self.wfile.write(b"x")
                    time.sleep(0.1)
                return
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if mode == "cut" else body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
