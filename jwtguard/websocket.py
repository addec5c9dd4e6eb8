"""ASGI's WebSocket (RFC 6455): a connection that ends with its token.

What is here runs for sockets that were let in, or closes those that were not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import anyio

from .core.extract.credentials import chosen, without_bearer
from .core.model.decision import Proceed, Respond
from .core.model.request import Request
from .core.respond.decorating import raw, text
from .errors import AuthError
from .gateway.asgi_messages import ASGIApp, Message, Receive, Scope, Send, respond
from .gateway.ending import Ending, TokenEndedError, is_ours
from .guard import Guard

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


async def deny(answer: Respond, scope: Scope, send: Send) -> None:
    """Refuse before accept; servers without the extension say 403 by themselves."""
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await respond(answer, send, "websocket.http")
    else:
        await close(answer, send)


def offering(headers: Any, subprotocols: list[str]) -> list[tuple[bytes, bytes]]:
    """Take the token out of the header fields too: applications log them."""
    name = b"sec-websocket-protocol"
    kept = [field for field in headers if field[0] != name]
    return [*kept, (name, ", ".join(subprotocols).encode())] if subprotocols else kept


class Admitted(NamedTuple):
    """A handshake that was let in, and by whom."""

    guard: Guard
    request: Request
    decision: Proceed
    refused: Sequence[AuthError] = ()
    """What was refused and reported since."""

    def handled(self, message: Message) -> None:
        """Add the fields of a refusal to what the application answers to it."""
        if self.refused:
            given, status = text(message.get("headers", ())), message["status"]
            caller = self.decision.principal
            fields = self.guard.handled(self.refused, status, given, caller)
            message["headers"] = raw(fields)


async def serve(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, admitted: Admitted
) -> None:
    """Run *app* for a WebSocket that was let in, until its token ends."""
    guard, request, decision, refused = admitted
    by_subprotocol = decision.carrier == "subprotocol"
    echo = chosen(scope.get("subprotocols", ())) if by_subprotocol else ""
    outgoing = Socket(send, admitted, echo=echo)
    if by_subprotocol:
        offered = without_bearer(scope.get("subprotocols", ()))
        scope["subprotocols"] = offered
        scope["headers"] = offering(scope["headers"], offered)
    try:
        if decision.principal is None:
            await app(scope, receive, outgoing)
            return
        socket = _Open(receive, outgoing)
        ending = Ending(guard, decision.principal, socket.end)
        ending.start()
        try:
            await app(scope, socket.receive, socket.send)
        finally:
            ending.stop()
    except (OSError, ExceptionGroup) as error:
        if not is_ours(error):
            raise
    except AuthError as error:
        answer = guard.refuse(error, request, decision, refused)
        if outgoing.state == "accept":
            await close(answer, send)
        elif not outgoing.state:
            await deny(answer, scope, send)


class Socket:
    """What the application says on a WebSocket.

    *echo*: the browser fails the handshake unless one of its subprotocols is chosen.
    """

    def __init__(self, send: Send, admitted: Admitted, *, echo: str) -> None:
        self._send = send
        self._admitted = admitted
        self._outbox = admitted.decision.outbox
        self._echo = echo
        self.state = ""
        """Nothing yet, ``accept``, or that it is over."""

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self.state = "accept"
            if self._outbox is not None:
                cookies = (("Set-Cookie", value) for value in self._outbox.fields())
                made = raw((*cookies, *self._outbox.report_fields()))
                message["headers"] = [*message.get("headers", ()), *made]
            if self._echo and not message.get("subprotocol"):
                message["subprotocol"] = self._echo
        elif kind != "websocket.send":
            if kind == "websocket.http.response.start":
                self._admitted.handled(message)
            self.state = "over"
        await self._send(message)


class _Open:
    """A WebSocket that ends at a given time, whether its application listens or not."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._closed = False
        self._ended = anyio.Event()
        self._arrived: deque[Message] = deque()
        """What was received for a caller who no longer waited for it."""

    async def end(self, reason: str) -> None:
        """Tell the application, and close the WebSocket unless somebody has."""
        self._ended.set()
        if not self._closed:
            self._closed = True
            closing = {"type": "websocket.close", "code": EXPIRED, "reason": reason}
            await self._send(closing)

    async def receive(self) -> Message:
        """Hand on what arrives; after the end, the disconnect."""
        if not self._arrived and not self._ended.is_set():
            await self._wait()
        if self._arrived and not self._ended.is_set():
            return self._arrived.popleft()
        return {"type": "websocket.disconnect", "code": EXPIRED}

    async def _wait(self) -> None:
        """Wait for a message or for the end.

        The caller may be cancelled after a message was received from the server; the
        next caller then gets it.
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
                raise TokenEndedError("the WebSocket was closed: its token has ended")
        elif message["type"] == "websocket.close":
            self._closed = True
        await self._send(message)
