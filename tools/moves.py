"""How often does one request go from module to module? ``python tools/moves.py``.

A move is a call from one module of the package into another. Counted are the calls of a
request with a known token through the ASGI middleware, from the server's call to the
last message of the answer.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from jwtguard import Client, Guard
from jwtguard.asgi import GuardMiddleware
from jwtguard.testing import JWTIssuer

WWW = "https://www.example"
REQUESTS = {
    "a known token": (),
    "a known token with its client's origin": ((b"origin", WWW.encode()),),
    "a known token with a foreign origin": ((b"origin", b"https://evil.example"),),
}


async def _app(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_message: Any) -> None:
    return None


class _Counter:
    """Counts the moves while it is the profiler of this thread."""

    def __init__(self) -> None:
        self.moves = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event != "call" or not module.startswith("jwtguard"):
            return
        caller = frame.f_back.f_globals.get("__name__") if frame.f_back else ""
        self.moves += caller != module


def moves() -> dict[str, int]:
    """Return the number of moves of each request."""
    issuer = JWTIssuer(alg="ES256")
    clients = (Client(id="spa", origins=(WWW,)),)
    guard = Guard(issuer.policy(clients=clients), transport=issuer.transport)
    token = issuer.token()
    guard.verify(token)
    middleware = GuardMiddleware(_app, guard)
    found = {}
    for name, fields in REQUESTS.items():
        given = (b"authorization", f"Bearer {token}".encode())
        for _ in range(2):  # the first time, what is remembered is found out
            counter = _Counter()
            _call(middleware, [(b"host", b"api.example"), given, *fields], counter)
        found[name] = counter.moves
    return found


def _call(
    middleware: GuardMiddleware, headers: list[tuple[bytes, bytes]], counter: _Counter
) -> None:
    scope = {
        "type": "http", "method": "GET", "path": "/notes/7", "raw_path": b"/notes/7",
        "query_string": b"", "headers": headers, "scheme": "https", "root_path": "",
        "client": ("192.0.2.1", 5000),
    }  # fmt: skip
    answering = middleware(scope, _receive, _send)
    sys.setprofile(counter)
    try:
        answering.send(None)
    except StopIteration:
        return
    finally:
        sys.setprofile(None)


if __name__ == "__main__":
    for name, count in moves().items():
        print(f"{count:3}  {name}")
