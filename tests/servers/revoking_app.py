"""The smallest applications with a logout, for two worlds: who calls, which worker."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from jwtguard import Guard
from jwtguard.asgi import GuardMiddleware
from jwtguard.wsgi import GuardMiddleware as WSGIGuardMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WORKER = str(os.getpid()).encode()


def wsgi_app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """Say which worker answers; ``POST /logout`` ends the session first."""
    if environ["PATH_INFO"] == "/logout":
        guard.revoke(environ["jwtguard.principal"])
    start("200 OK", [("Content-Length", str(len(WORKER)))])
    return [WORKER]


async def asgi_app(scope: Message, receive: Receive, send: Send) -> None:
    """Do the same."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/logout":
        await guard.arevoke(scope["jwtguard.principal"])
    fields = [(b"content-length", str(len(WORKER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": WORKER})


guard = Guard.from_env()
wsgi = WSGIGuardMiddleware(wsgi_app, guard)
asgi = GuardMiddleware(asgi_app, guard)
