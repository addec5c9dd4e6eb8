"""Event streams of several ASGI frameworks behind one guard.

``/events`` sends one event after the other, ``/idle`` one and then waits for ever. Both
print when they are closed. ``/sign-out`` ends the caller's tokens.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from typing import Any

import anyio
import django
import falcon.asgi
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path
from litestar import Litestar, get
from litestar.response import ServerSentEvent, Stream
from quart import Quart
from quart import Response as QuartResponse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from jwtguard.asgi import GuardMiddleware
from jwtguard.guard import Guard

guard = Guard.from_env()
TYPE = "text/event-stream"


async def chunks(path: str) -> AsyncIterator[bytes]:
    """Yield events."""
    try:
        yield b"data: 0\n\n"
        while "idle" in path:
            await anyio.sleep_forever()
        while True:
            await anyio.sleep(0.02)
            yield b"data: 1\n\n"
    finally:
        # In one piece: the log of another thread goes to the same file.
        print(f"closed {path}", flush=True)


def watched() -> int:
    """Return by how many names open connections are watched."""
    return len(guard._flow.revocations.watches._by_key)


async def _health(_: Request) -> Response:
    gc.collect()  # what was cancelled while it sent leaves its generator behind
    return JSONResponse({"watched": watched()})


async def _sign_out(request: Request) -> Response:
    who = request.user
    await guard.arevoke_tokens(issuer=who.issuer, subject=who.subject)
    return Response()


async def _stream(request: Request) -> Response:
    return StreamingResponse(chunks(request.url.path), media_type=TYPE)


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.receive()
    print(f"closed {socket.url.path}", flush=True)


async def _as_it_is(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    return response


def _starlette(*middleware: Middleware) -> Starlette:
    routes = [
        Route("/healthz", _health),
        Route("/sign-out", _sign_out, methods=["POST"]),
        Route("/events", _stream),
        Route("/idle", _stream),
        WebSocketRoute("/socket", _socket),
    ]
    return Starlette(routes=routes, middleware=list(middleware))


def _litestar() -> Any:
    @get("/events")
    async def events() -> Stream:
        return Stream(chunks("/litestar/events"), media_type=TYPE)

    @get("/idle")
    async def idle() -> ServerSentEvent:
        return ServerSentEvent(chunks("/litestar/idle"))

    return Litestar([events, idle], openapi_config=None)


def _quart() -> Any:
    app = Quart(__name__)

    @app.get("/<path:name>")
    async def stream(name: str) -> QuartResponse:
        response = QuartResponse(chunks(f"/quart/{name}"), mimetype=TYPE)
        response.timeout = None
        return response

    return app


def _falcon() -> Any:
    class Streams:
        async def on_get(self, _: Any, resp: Any, name: str) -> None:
            resp.content_type = TYPE
            resp.stream = chunks(f"/falcon/{name}")

    app = falcon.asgi.App()
    app.add_route("/{name}", Streams())
    return app


def _django() -> Any:
    async def stream(_: HttpRequest, name: str) -> StreamingHttpResponse:
        return StreamingHttpResponse(chunks(f"/django/{name}"), content_type=TYPE)

    class Urls:
        urlpatterns = (path("<name>", stream),)

    settings.configure(ROOT_URLCONF=Urls, ALLOWED_HOSTS=["*"])
    django.setup()
    return get_asgi_application()


async def _raw(scope: Any, receive: Any, send: Any) -> None:
    """Only send, and never ask whether anybody is there."""
    fields = [(b"content-type", TYPE.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    try:
        while True:
            await anyio.sleep(0.02)
            await send(
                {"type": "http.response.body", "body": b"data\n\n", "more_body": True}
            )
    finally:
        print("closed /raw/events", flush=True)


MOUNTED = {
    "/litestar": _litestar,
    "/quart": _quart,
    "/falcon": _falcon,
    "/django": _django,
    "/raw": lambda: _raw,
    "/starlette": _starlette,
    "/base": lambda: _starlette(Middleware(BaseHTTPMiddleware, dispatch=_as_it_is)),
}
_made: dict[str, Any] = {}


async def routed(scope: Any, receive: Any, send: Any) -> None:
    """Hand on to the framework that the path begins with."""
    first = "/" + scope.get("path", "/").split("/")[1]
    if scope["type"] == "lifespan" or first not in MOUNTED:
        await _plain(scope, receive, send)
        return
    if first not in _made:
        _made[first] = MOUNTED[first]()  # type: ignore[no-untyped-call]
    path = scope["path"].removeprefix(first)
    inner = {**scope, "path": path, "raw_path": path.encode()}
    await _made[first](inner, receive, send)


_plain = _starlette()
app = GuardMiddleware(routed, guard)
