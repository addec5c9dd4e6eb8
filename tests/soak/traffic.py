"""Good and hostile requests to one server, and which answers are right."""

from __future__ import annotations

import contextlib
import http.client
import random
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tests.soak.issuer import FlappingIssuer

WWW, EVIL = "https://www.example", "https://evil.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Headers = Mapping[str, str]
Made = tuple[str, str, Headers, bytes]

KINDS: Mapping[str, frozenset[int]] = {
    "known token": frozenset({200}),
    "new token": frozenset({200}),
    "new key": frozenset({200, 401, 503}),  # as the issuer happens to be
    "forged": frozenset({401}),
    "garbage": frozenset({401}),
    "unknown kid": frozenset({401, 503}),
    "no token": frozenset({401}),
    "stranger's page": frozenset({403}),
    "preflight": frozenset({204}),
    "preflight of a stranger": frozenset({403}),
    "long header": frozenset({400, 431}),
    "two tokens": frozenset({400}),
    "password": frozenset({200}),
    "refresh from elsewhere": frozenset({403}),
    "body too long": frozenset({413}),
    "odd path": frozenset({400}),
}


class Traffic:
    """Sends requests in threads until it is told to stop; remembers what was wrong."""

    def __init__(self, port: int, issuer: FlappingIssuer) -> None:
        self.port = port
        self.issuer = issuer
        self.counts: Counter[tuple[str, int]] = Counter()
        self.wrong: Counter[str] = Counter()
        self.excused_until = 0.0
        """A worker was killed, or the clock has jumped: until then errors count not."""
        self._stop = threading.Event()
        self._known = issuer.stable.token(expires_in=86_400)
        self._threads: list[threading.Thread] = []

    def start(self, clients: int, slow: int) -> None:
        """Begin with so many clients, and so many that are slow on token paths."""
        for target, count in ((self._client, clients), (self._slow_client, slow)):
            for _ in range(count):
                thread = threading.Thread(target=target, daemon=True)
                thread.start()
                self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def excuse(self, seconds: float) -> None:
        self.excused_until = time.monotonic() + seconds

    def ask(self, kind: str, connection: http.client.HTTPConnection) -> int:
        """Send one request of *kind*, and return the status of its answer."""
        method, path, headers, body = self._make(kind)
        connection.request(method, path, body or None, dict(headers))
        answer = connection.getresponse()
        answer.read()
        if answer.will_close or answer.status == 413:  # the body was left unread
            connection.close()
        return answer.status

    def _client(self) -> None:
        chance = random.Random()
        kinds = [*KINDS, *["known token"] * 8]
        connection = self._connect()
        while not self._stop.wait(0.01):
            kind = chance.choice(kinds)
            began = time.monotonic()
            try:
                status = self.ask(kind, connection)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection = self._connect()
                self._note(kind, 0, began, type(error).__name__)
                continue
            self.counts[kind, status] += 1
            if status not in KINDS[kind]:
                self._note(kind, status, began, "status")

    def _note(self, kind: str, status: int, began: float, what: str) -> None:
        if began > self.excused_until:
            self.wrong[f"{kind}: {what} {status}"] += 1
        else:
            self.counts["excused", status] += 1

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def _slow_client(self) -> None:
        """A form that comes a byte at a time, and whose sender leaves in the middle."""
        head = (
            "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n"
            f"Content-Type: {FORM['Content-Type']}\r\n\r\n"
        ).encode()
        while not self._stop.is_set():
            with contextlib.suppress(OSError), self._slow_socket() as peer:
                peer.sendall(head)
                for _ in range(25):
                    peer.sendall(b"a")
                    if self._stop.wait(0.1):
                        return
            self.counts["slow client", 0] += 1

    def _slow_socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def _make(self, kind: str) -> Made:
        issuer = self.issuer
        tokens: Mapping[str, Callable[[], str]] = {
            "known token": lambda: self._known,
            "new token": issuer.stable.token,
            "new key": issuer.moving.token,
            "forged": issuer.stable.forged,
            "garbage": lambda: secrets.token_hex(400),
            "unknown kid": lambda: issuer.stranger.token(headers={"kid": _odd()}),
            "long header": lambda: "A" * 40_000,
        }
        if kind in tokens:
            bearer = {"Authorization": f"Bearer {tokens[kind]()}"}
            return "GET", "/notes", {"Host": "localhost", **bearer}, b""
        method, path, headers, body = _SIMPLE[kind]
        known = {"Authorization": f"Bearer {self._known}"}
        named: dict[str, Any] = {"Host": "localhost", **headers}
        if kind in ("stranger's page", "two tokens"):
            named = {**named, **known}
        if kind == "two tokens":
            named["Authorization"] += f", Bearer {self._known}"
        if kind == "preflight of a stranger":
            named["Origin"] = f"https://{_odd()}.evil.example"
        return method, path, named, body


def _odd() -> str:
    return secrets.token_hex(6)


_ASKS = {"Access-Control-Request-Method": "GET"}
_REFRESH = b"grant_type=refresh_token&client_id=spa&refresh_token=x"
_SIMPLE: Mapping[str, Made] = {
    "no token": ("GET", "/notes", {}, b""),
    "stranger's page": ("POST", "/notes", {"Origin": EVIL}, b""),
    "preflight": ("OPTIONS", "/notes", {"Origin": WWW, **_ASKS}, b""),
    "preflight of a stranger": ("OPTIONS", "/notes", _ASKS, b""),
    "two tokens": ("GET", "/notes", {}, b""),
    "password": ("POST", "/oauth/token", FORM, b"grant_type=password&client_id=spa"),
    "refresh from elsewhere": (
        "POST",
        "/oauth/token",
        {**FORM, "Origin": EVIL},
        _REFRESH,
    ),
    "body too long": ("POST", "/oauth/token", FORM, b"a=" + b"b" * 70_000),
    "odd path": ("GET", "/notes/../admin", {}, b""),
}
