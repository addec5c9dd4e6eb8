"""The guarded applications of the soak, whose clock jumps when a file says so."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jwtguard import Guard, load_policy
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.wsgi import GuardMiddleware as WSGIGuard


class JumpingClock:
    """The time of the machine, and as many seconds more as the file holds."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def time(self) -> float:
        return time.time() + float(self._path.read_text() or 0)

    def monotonic(self) -> float:
        return time.monotonic()


async def hello_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Read whatever comes, and answer."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def hello_wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def _guard() -> Guard:
    settings = {k: v for k, v in os.environ.items() if k.startswith("JWTGUARD_")}
    return Guard(load_policy(settings), clock=JumpingClock(os.environ["SOAK_CLOCK"]))


guard = _guard()
asgi = ASGIGuard(hello_asgi, guard)
wsgi = WSGIGuard(hello_wsgi, guard)
