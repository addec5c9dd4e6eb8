"""ASGI: ending an event stream with its token (HTML standard, server-sent events).

To the application, the client has disconnected: ``receive`` returns
``http.disconnect``, as servers do once the body is complete, and ``send`` raises.
"""

from __future__ import annotations

from typing import Literal

import anyio

from ..core.model.principal import Principal
from ..guard import Guard
from .asgi_messages import Message, Send
from .ending import Ending, TokenEndedError

PATIENCE = 1.0
"""Seconds until ``send`` raises. Frameworks that listen for the disconnect stop before
that. Most do not handle errors of ``send``, which ASGI has only had since 2.4."""


class EventStream:
    """Sends an event stream until it ends or its token does."""

    def __init__(self, guard: Guard, principal: Principal, send: Send) -> None:
        self._send = send
        self._turn = anyio.Lock(fast_acquire=True)
        self._ending = Ending(guard, principal, self._end)
        self._state: Literal["open", "whole", "ended"] = "open"
        """``whole``: the application sent the last chunk. ``ended``: the guard did."""
        self._dropped = False
        self.stop = self._ending.stop

    async def send(self, message: Message) -> None:
        """Pass on a message of the application; raise after the token has ended."""
        async with self._turn:
            if message["type"] == "http.response.start":
                self._ending.start()
            elif self._state == "open" and self._ending.due:
                await self._finish()
            if self._state != "ended":
                await self._send(message)
                if _is_last(message):
                    self._state = "whole"
                    self.stop()
                return
        # The first message is dropped, so that a framework cancels the generator where
        # it waits. If cancelled in `send`, it leaves the generator to be collected.
        if not self._dropped:
            self._dropped = True
            return
        await anyio.sleep(PATIENCE)
        raise TokenEndedError("the event stream has ended with its token")

    async def _end(self, _: str) -> None:
        async with self._turn:
            if self._state == "open":
                await self._finish()

    async def _finish(self) -> None:
        self._state = "ended"
        await self._send(dict(_END))


_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


def _is_last(message: Message) -> bool:
    body = message["type"] == "http.response.body"
    return body and not message.get("more_body")


def streaming(
    guard: Guard, principal: Principal | None, send: Send
) -> EventStream | None:
    """Return the sender of an event stream, or None if it need not end with a token."""
    if principal is None or not guard.policy.close_streams:
        return None
    return EventStream(guard, principal, send)
