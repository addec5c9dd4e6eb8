"""The token endpoint at your own origin: translate, ask the relay's flow, obey."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from .asgi import GUARD_KEY
from .asgi import read_body as aread_body
from .asgi import request_of as asgi_request_of
from .asgi import respond as arespond
from .core.relay.flow import RelayFlow, settled
from .errors import ConfigurationError
from .gateway.given import guard_or_env
from .guard import Guard
from .outside.http import HTTPClient
from .outside.relay_drivers import RelayDrivers
from .outside.sending import Sender
from .websocket import REFUSED
from .wsgi import read_body, request_of, respond

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = [
    "TokenRelay",
]


class TokenRelay:
    """``/oauth/token`` and ``/oauth/revoke`` at your own origin, WSGI or ASGI.

    Mount it at ``/oauth``, and list ``/oauth/*`` in ``public_paths``: it applies the
    rules of token paths itself. *guard* None means ``Guard.from_env()``. The settings
    of its policy that begin with ``relay_`` count. *transport* sends the requests to
    the issuer in place of the network, in tests: an object with ``handle_request``, as
    httpx has them. Raises ``ConfigurationError``.
    """

    def __init__(
        self, guard: Guard | None = None, *, transport: Sender | None = None
    ) -> None:
        self.guard = guard_or_env(guard)
        limiter = self.guard.guesses.limiter()
        self._flow = self.guard.relay_flow()
        self._drivers = RelayDrivers(self.guard, HTTPClient(transport), limiter)
        self.guard.relays.add(self)

    def wsgi(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve as a WSGI application."""
        flow = self._flow.decide(request_of(environ))
        answer = self._drivers.run(flow, lambda limit: read_body(environ, limit))
        if GUARD_KEY in environ:
            answer = settled(answer)
        return respond(answer, start_response)

    async def asgi(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Serve as an ASGI application; for HTTP alone."""
        if scope["type"] == "websocket":  # whoever mounts us hands these on too
            await receive()
            await send({"type": "websocket.close", "code": REFUSED})
            return
        if scope["type"] != "http":
            raise ConfigurationError(f"TokenRelay serves http, not {scope['type']}")
        flow = self._flow.decide(asgi_request_of(scope))
        answer = await self._drivers.arun(
            flow, lambda limit: aread_body(receive, limit)
        )
        if GUARD_KEY in scope:
            answer = settled(answer)
        await arespond(answer, send)

    def use(self, flow: RelayFlow) -> None:
        """Relay by the guard's new policy."""
        self._flow = flow

    def after_fork(self) -> None:
        """Drop what belongs to the parent process."""
        self._drivers.after_fork()
        self._flow.after_fork()
