"""The applications of the browser tests, and switches that break a rule before them.

``BREAK`` in the environment names rules that are switched off, to see that a test
notices. The product knows nothing of it: what it sends is changed on its way out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from examples.flask_app import api as flask_example
from examples.starlette_app import site as starlette_example
from jwtguard import Guard, load_policy
from jwtguard.relay import TokenRelay
from jwtguard.starlette import GuardMiddleware, principal_of, require_scope

BROKEN = frozenset(os.environ.get("BREAK", "").split())
Field = tuple[str, str]


def broken(name: str, value: str) -> Field | None:
    """Return the header field as the broken rules leave it; None drops it."""
    lower = name.lower()
    if "exposed" in BROKEN and lower == "access-control-expose-headers":
        return None
    if "cached" in BROKEN and lower == "access-control-max-age":
        return name, "0"
    if "httponly" in BROKEN and lower == "set-cookie":
        return name, re.sub("; httponly", "", value, flags=re.IGNORECASE)
    if "stored" in BROKEN and lower == "vary":
        return None
    if "stored" in BROKEN and lower == "cache-control":
        return name, "max-age=600"
    return name, value


def lost(scope: Any, name: bytes) -> bool:
    """Whether a browser never gets the field: the cookie of a refreshed session."""
    refreshed = scope.get("method", "GET") == "GET"
    return "forgetful" in BROKEN and refreshed and name.lower() == b"set-cookie"


DEAF = {
    "/sign-out": "/whoami",
    "/sign-out-everywhere": "/whoami",
    "/oidc/logout": "/healthz",
    "/oauth/revoke": "/healthz",
    "/logout": "/login",
    "/logout-all": "/login",
    "/admin": "/login",
}
"""Where requests go that nobody hears of, with ``signout`` broken."""


def deaf(method: str, path: str) -> tuple[str, str]:
    """Return the method and path that the application is asked with."""
    if "signout" in BROKEN and method == "POST" and path in DEAF:
        return "GET", DEAF[path]
    return method, path


class BrokenASGI:
    """An ASGI application whose answers have lost what the switches take away."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                kept = [
                    broken(name.decode(), value.decode())
                    for name, value in message.get("headers", ())
                    if not lost(scope, name)
                ]
                message["headers"] = [
                    (field[0].encode(), field[1].encode()) for field in kept if field
                ]
            await send(message)

        if scope["type"] == "http":
            asked = scope["method"], scope["path"]
            if (instead := deaf(*asked)) != asked:
                method, path = instead
                raw_path = path.encode()
                scope = {**scope, "method": method, "path": path, "raw_path": raw_path}
        await self.app(scope, receive, sending)


class BrokenWSGI:
    """The same for WSGI."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[Field], exc_info: Any = None) -> Any:
            kept = [field for field in (broken(*field) for field in headers) if field]
            return start_response(status, kept, exc_info)

        asked = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (instead := deaf(*asked)) != asked:
            method, path = instead
            environ.update(REQUEST_METHOD=method, PATH_INFO=path, RAW_URI=path)
        found: Iterable[bytes] = self.app(environ, start)
        return found


@require_scope("notes:read")
async def list_notes(request: Request) -> Response:
    """Return the caller's notes."""
    kept = request.app.state.notes.get(principal_of(request).identity, [])
    return JSONResponse({"notes": kept})


@require_scope("notes:write")
async def add_note(request: Request) -> Response:
    """Keep a note."""
    text = (await request.json())["text"]
    kept = request.app.state.notes.setdefault(principal_of(request).identity, [])
    kept.append({"text": text})
    return JSONResponse({"text": text}, 201)


async def whoami(request: Request) -> Response:
    """Say whom the API takes the caller for."""
    return JSONResponse({"subject": principal_of(request).subject})


async def sign_out(request: Request) -> Response:
    """End the caller's session."""
    await request.app.state.guard.arevoke(principal_of(request))
    return Response(status_code=204)


async def live(socket: WebSocket) -> None:
    """Greet the caller, then tick until somebody closes. The guard alone keeps it."""
    await socket.accept()
    who = socket.scope["jwtguard.principal"]
    try:
        await socket.send_text(f"hello {who.subject if who else 'nobody'}")
        while True:
            await anyio.sleep(0.1)
            await socket.send_text("tick")
    except (WebSocketDisconnect, OSError):
        return


async def healthz(_: Request) -> Response:
    """Public."""
    return PlainTextResponse("ok")


def starlette_api() -> Any:
    """Return the API of the Flask example, on ASGI, with a WebSocket."""
    paths = {"JWTGUARD_PUBLIC_PATHS": "/healthz /oauth/*"}
    guard = Guard(load_policy({**paths, **os.environ}))
    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/notes", list_notes),
            Route("/notes", add_note, methods=["POST"]),
            Route("/whoami", whoami),
            Route("/sign-out", sign_out, methods=["POST"]),
            WebSocketRoute("/live", live),
            Mount("/oauth", TokenRelay(guard).asgi),
        ]
    )
    app.state.notes = {}
    app.state.guard = guard
    return BrokenASGI(GuardMiddleware(app, guard=guard))


def flask_api() -> Any:
    """Return the Flask example."""
    return BrokenWSGI(flask_example.create_app())


def starlette_site() -> Any:
    """Return the Starlette example; what its guard tells is printed into the log."""
    policy = load_policy({**starlette_example.OWN, **os.environ})
    guard = Guard(policy, on_event=lambda event, _: print(f"event={event}", flush=True))
    return BrokenASGI(starlette_example.create_app(guard))
