"""The smallest ASGI application behind the guard: HTTP, and a WebSocket that echoes."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from jwtguard.asgi import GuardMiddleware

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def hello(scope: Message, receive: Receive, send: Send) -> None:
    """Say who called, what was sent, and which worker answers."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await echo(scope, receive, send)
    else:
        await answer(scope, receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    """Start and stop."""
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def answer(scope: Message, receive: Receive, send: Send) -> None:
    """One request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    principal = scope["jwtguard.principal"]
    document = {
        "subject": principal and principal.subject,
        "worker": os.getpid(),
        "body": body.decode(),
    }
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Greet the caller by name, then echo until somebody closes."""
    await receive()
    await send({"type": "websocket.accept"})
    who = scope["jwtguard.principal"].subject
    await send({"type": "websocket.send", "text": f"hello {who}"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
    print(f"closed {message['code']}", flush=True)


app = GuardMiddleware(hello)
