"""ASGI 3: types, reading a request body, and sending the guard's response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..core.model.decision import Proceed, Respond
from ..core.respond.decorating import raw
from ..guard import Guard

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Read the whole body, but stop above *limit* bytes; None if the client left."""
    body = bytearray()
    while len(body) <= limit:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


def replaying(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def telling(send: Send, decision: Proceed, guard: Guard) -> Send:
    """Tell *guard* the status of a token request before it is sent to the client."""

    async def outgoing(message: Message) -> None:
        if message["type"] == "http.response.start":
            await guard.aanswered(decision, message["status"])
        await send(message)

    return outgoing


async def respond(answer: Respond, send: Send, prefix: str = "http") -> None:
    await send(
        {
            "type": f"{prefix}.response.start",
            "status": answer.status,
            "headers": raw(answer.headers),
        }
    )
    await send({"type": f"{prefix}.response.body", "body": answer.body})
