"""One application, in every framework and in every position of the guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from fastapi import Depends, FastAPI
from flask import Blueprint, Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from jwtguard import AuthError, Client, Guard, flask
from jwtguard.errors import AccessDeniedError, KeysUnavailableError
from jwtguard.fastapi import FastAPIGuard
from jwtguard.rules import Render
from jwtguard.starlette import (
    GuardMiddleware,
    principal_of,
    require_role,
    require_scope,
)
from jwtguard.testing import JWTIssuer

BASE = "https://api.example"
PAGE = "https://www.example.com"
Handlers = Mapping[Any, Any]
"""What answers an exception class or a status: functions of the error alone."""
Send = Callable[..., Any]


def broken() -> str:
    """Raise an error that has nothing to do with the guard's decorators."""
    raise KeysUnavailableError(retry_after=7)


def denied() -> str:
    """Raise a refusal of the application's own."""
    raise AccessDeniedError("role_missing")


def _caught() -> str:
    try:
        return flask.current_principal.subject
    except AuthError:
        return "nobody"


def _register(app: Any) -> None:
    app.add_url_rule("/scope", "scope", flask.require_scope("a")(lambda: "in"))
    app.add_url_rule("/role", "role", flask.require_role("a")(lambda: "in"))
    app.add_url_rule("/who", "who", lambda: flask.current_principal.subject)
    app.add_url_rule("/caught", "caught", _caught)
    app.add_url_rule("/denied", "denied", denied)
    app.add_url_rule("/broken", "broken", broken)


def _flask_client(app: Flask, guard: Guard, handlers: Handlers) -> Send:
    for kind, answer in handlers.items():
        app.register_error_handler(kind, lambda e, answer=answer: answer(e))
    flask.JWTGuard(app, guard)
    transport = httpx.WSGITransport(app=app)
    return httpx.Client(transport=transport, base_url=BASE).request


def flask_app(guard: Guard, handlers: Handlers) -> Send:
    """Flask, with views of its own."""
    app = Flask("one")
    _register(app)
    return _flask_client(app, guard, handlers)


def flask_blueprint(guard: Guard, handlers: Handlers) -> Send:
    """Flask, with views of a blueprint."""
    app, blueprint = Flask("one"), Blueprint("part", __name__)
    _register(blueprint)
    app.register_blueprint(blueprint)
    return _flask_client(app, guard, handlers)


@require_scope("a")
async def scope(request: Request) -> Response:
    """Need a scope."""
    return PlainTextResponse(str(request))


@require_role("a")
def role(request: Request) -> Response:
    """Need a role."""
    return PlainTextResponse(str(request))


async def who(request: Request) -> Response:
    """Need anybody."""
    return PlainTextResponse(principal_of(request).subject)


async def caught(request: Request) -> Response:
    """Let nobody in, too."""
    try:
        return await who(request)
    except AuthError:
        return PlainTextResponse("nobody")


async def denied_here(_: Request) -> Response:
    """Raise a refusal."""
    return PlainTextResponse(denied())


def broken_here(_: Request) -> Response:
    """Raise an outage."""
    return PlainTextResponse(broken())


ROUTES = [
    Route("/scope", scope), Route("/role", role), Route("/who", who),
    Route("/caught", caught), Route("/denied", denied_here),
    Route("/broken", broken_here),
]  # fmt: skip


def _asgi(handlers: Handlers) -> dict[Any, Any]:
    def made(answer: Any) -> Any:
        async def handle(_: Request, error: Any) -> Response:
            body, status = answer(error)
            return Response(body, status)

        return handle

    return {kind: made(answer) for kind, answer in handlers.items()}


def _client(app: Any) -> Send:
    return TestClient(app, base_url=BASE).request


def starlette(guard: Guard, handlers: Handlers) -> Send:
    """Starlette, with the guard among its middleware."""
    middleware = [Middleware(GuardMiddleware, guard=guard)]
    app = Starlette(
        routes=ROUTES, middleware=middleware, exception_handlers=_asgi(handlers)
    )
    return _client(app)


def wrapped(guard: Guard, handlers: Handlers) -> Send:
    """Starlette, with the guard in front of it."""
    app = Starlette(routes=ROUTES, exception_handlers=_asgi(handlers))
    return _client(GuardMiddleware(app, guard))


def mounted(guard: Guard, handlers: Handlers) -> Send:
    """Starlette, mounted in another one that has the guard among its middleware."""
    app = Starlette(routes=ROUTES, exception_handlers=_asgi(handlers))
    middleware = [Middleware(GuardMiddleware, guard=guard)]
    return _client(Starlette(routes=[Mount("/", app)], middleware=middleware))


READS = ["GET", "HEAD"]


def _operations(app: FastAPI) -> FastAPI:
    docs = FastAPIGuard(token_url="/oauth/token")
    needs_a = [Depends(docs.requires("a"))]

    @app.api_route("/scope", methods=READS, dependencies=needs_a)
    async def operation() -> str:
        return "in"

    for endpoint in (role, who, caught, denied, broken):
        path = f"/{endpoint.__name__}"
        app.add_api_route(path, endpoint, methods=READS, response_model=None)
    return app


def fastapi(guard: Guard, handlers: Handlers) -> Send:
    """FastAPI, with the guard among its middleware."""
    app = _operations(FastAPI(exception_handlers=_asgi(handlers)))
    app.add_middleware(GuardMiddleware, guard=guard)
    return _client(app)


def fastapi_wrapped(guard: Guard, handlers: Handlers) -> Send:
    """FastAPI, with the guard in front of it."""
    app = _operations(FastAPI(exception_handlers=_asgi(handlers)))
    return _client(GuardMiddleware(app, guard))


def fastapi_mounted(guard: Guard, handlers: Handlers) -> Send:
    """FastAPI, mounted in another one that has the guard in front of it."""
    app = FastAPI()
    app.mount("/", _operations(FastAPI(exception_handlers=_asgi(handlers))))
    return _client(GuardMiddleware(app, guard))


def opaque(guard: Guard, handlers: Handlers) -> Send:
    """Starlette, behind a function that does not show what it calls."""
    hidden = {"app": Starlette(routes=ROUTES, exception_handlers=_asgi(handlers))}

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        await hidden["app"](dict(scope), receive, send)

    return _client(GuardMiddleware(dispatch, guard))


class World:
    """One application; *told* collects what was reported."""

    def __init__(
        self, make: Callable[[Guard, Handlers], Send], issuer: JWTIssuer
    ) -> None:
        self._make = make
        self.issuer = issuer
        self.told: list[tuple[str, Any]] = []

    def _hear(self, name: str, fields: Any) -> None:
        if name in ("refused", "render_failed"):
            self.told.append((name, fields["reason"]))

    def send(
        self, handlers: Handlers | None = None, render: Render | None = None
    ) -> Send:
        """Return what sends a request to a new application."""
        guard = Guard(
            self.issuer.policy(
                optional_paths=("/who", "/caught"),
                public_paths=("/broken",),
                clients=[Client(id="spa", origins=[PAGE])],
            ),
            clock=self.issuer.clock,
            transport=self.issuer.transport,
            on_event=self._hear,
            render=render,
        )
        return self._make(guard, handlers or {})


WORLDS: Mapping[str, Callable[[Guard, Handlers], Send]] = {
    "flask": flask_app,
    "blueprint": flask_blueprint,
    "starlette": starlette,
    "wrapped": wrapped,
    "mounted": mounted,
    "fastapi": fastapi,
    "fastapi-wrapped": fastapi_wrapped,
    "fastapi-mounted": fastapi_mounted,
}
