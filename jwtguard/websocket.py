"""ASGI's WebSocket (RFC 6455): a connection that ends with its token.

What is here runs for sockets that were let in, or closes those that were not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import anyio

from .core.model.decision import Respond
from .outside.futures import await_for

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

EXPIRED = 4401
"""The close code of a WebSocket whose token has ended, or was never good."""
REFUSED = 4403
"""The close code of one that is refused for any other reason."""


def close_code(status: int) -> int:
    """Say a refusal's HTTP status as a close code: 401 has its own."""
    return EXPIRED if status == 401 else REFUSED


async def close(answer: Respond, send: Send) -> None:
    """End the WebSocket, and say why."""
    code = close_code(answer.status)
    await send({"type": "websocket.close", "code": code, "reason": answer.reason})


def offering(headers: Any, subprotocols: list[str]) -> list[tuple[bytes, bytes]]:
    """Take the token out of the header fields too: applications log them."""
    name = b"sec-websocket-protocol"
    kept = [field for field in headers if field[0] != name]
    return [*kept, (name, ", ".join(subprotocols).encode())] if subprotocols else kept


class Socket:
    """What the application says on a WebSocket.

    *echo*: the browser fails the handshake unless one of its subprotocols is chosen.
    """

    def __init__(self, send: Send, *, echo: bool) -> None:
        self._send = send
        self._echo = echo
        self.state = ""
        """Nothing yet, ``accept``, or that it is over."""

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self.state = "accept"
            if self._echo and not message.get("subprotocol"):
                message["subprotocol"] = "bearer"
        elif kind != "websocket.send":
            self.state = "over"
        await self._send(message)


async def until(
    seconds: float,
    revoked: Future[None],
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Run *app*, but close its WebSocket when the token has ended or is revoked."""
    socket = _Ending(receive, send)
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(socket.end_after, max(0.0, seconds), revoked)
        try:
            await app(scope, socket.receive, socket.send)
        # A task group would wrap it in an ExceptionGroup, which servers and frameworks
        # do not expect from an application.
        except Exception as error:  # noqa: BLE001  # raised below, out of its group
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


class _Ending:
    """A WebSocket that ends at a given time, whether its application listens or not."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._closed = False
        self._ended = anyio.Event()
        self._arrived: deque[Message] = deque()
        """What was received for a caller who no longer waited for it."""

    async def end_after(self, seconds: float, revoked: Future[None]) -> None:
        # One wait for both: whichever comes first ends the connection.
        await await_for(revoked, seconds)
        reason = "revoked" if revoked.done() else "expired"
        self._ended.set()
        if not self._closed:
            self._closed = True
            with suppress(OSError):  # the client has left already
                await self._send(
                    {"type": "websocket.close", "code": EXPIRED, "reason": reason}
                )

    async def receive(self) -> Message:
        """Hand on what arrives; after the end, the disconnect."""
        if not self._arrived and not self._ended.is_set():
            await self._wait()
        if self._arrived and not self._ended.is_set():
            return self._arrived.popleft()
        return {"type": "websocket.disconnect", "code": EXPIRED}

    async def _wait(self) -> None:
        """Wait for a message or for the end.

        Whoever waits may be cancelled after a message has been taken from the server:
        the next one gets it.
        """
        failure: Exception | None = None
        async with anyio.create_task_group() as group:

            async def listen() -> None:
                nonlocal failure
                try:
                    self._arrived.append(await self._receive())
                except Exception as error:  # noqa: BLE001  # raised below
                    failure = error
                group.cancel_scope.cancel()

            group.start_soon(listen)
            await self._ended.wait()
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def send(self, message: Message) -> None:
        """Hand on; what is sent after the end goes nowhere, as after a disconnect."""
        if self._closed:
            if self._ended.is_set():
                raise OSError("the WebSocket was closed: its token has ended")
        elif message["type"] == "websocket.close":
            self._closed = True
        await self._send(message)
