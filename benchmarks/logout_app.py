"""The application whose workers end sessions, by ``POST /notes/logout``.

It answers with the worker's process id, or with the moment before ``revoke`` is called:
``time.monotonic`` is one clock for all processes of a machine.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from typing import Any

from jwtguard import Guard
from jwtguard.asgi import GuardMiddleware
from jwtguard.wsgi import GuardMiddleware as WSGIGuardMiddleware

WORKER = str(os.getpid()).encode()


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer, after the session has ended if that is what is asked."""
    body = WORKER
    if environ["PATH_INFO"] == "/notes/logout":
        body = repr(time.monotonic()).encode()
        guard.revoke(environ["jwtguard.principal"])
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Do the same."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = WORKER
    if scope["path"] == "/notes/logout":
        body = repr(time.monotonic()).encode()
        await guard.arevoke(scope["jwtguard.principal"])
    fields = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


logging.getLogger("jwtguard").setLevel(logging.ERROR)  # outages are wanted here
guard = Guard.from_env()
wsgi = WSGIGuardMiddleware(wsgi_app, guard)
asgi = GuardMiddleware(asgi_app, guard)
