"""ASGI: preflights that the application answers, or otherwise the guard."""

from __future__ import annotations

from collections.abc import Awaitable

from ..core.model.decision import Proceed, Respond
from ..core.respond.decorating import raw, text
from ..core.respond.responses import finish
from .asgi_messages import Message, Send, respond
from .asgi_streams import EventStream


def replacing(
    send: Send,
    decision: Proceed,
    started: list[EventStream | None],
    _: object,
    __: object,
) -> Send:
    """Do the same where the answer may be replaced whole."""
    mute = False

    def outgoing(message: Message) -> Awaitable[None]:
        nonlocal mute
        if message["type"] == "http.response.start":
            started.append(None)
            given = text(message.get("headers", ()))
            status, headers, body = finish(decision, message["status"], given)
            if body is not None:
                mute = True
                return respond(Respond(status, headers, body), send)
            message["headers"] = raw(headers)
        return _nothing() if mute else send(message)

    return outgoing


async def _nothing() -> None:
    """What follows a head that was replaced goes nowhere."""
