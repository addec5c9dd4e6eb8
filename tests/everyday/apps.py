"""One handler behind one decorator, in every framework and of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from fastapi import FastAPI
from flask import Flask
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from jwtguard import Guard, flask, starlette
from jwtguard.asgi import GuardMiddleware

BASE = "https://api.example"
Decorate = Callable[[Any], Callable[[Any], Any]]
"""Gets ``jwtguard.flask`` or ``jwtguard.starlette``, and returns a decorator."""
Send = Callable[..., Any]
Ran = list[str]


def _flask(app: Flask, guard: Guard) -> Send:
    flask.JWTGuard(app, guard)
    transport = httpx.WSGITransport(app=app, raise_app_exceptions=False)
    return httpx.Client(transport=transport, base_url=BASE).request


def _asgi(app: Any, guard: Guard) -> Send:
    guarded = GuardMiddleware(app, guard)
    client = TestClient(guarded, base_url=BASE, raise_server_exceptions=False)
    return client.request


def flask_plain(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """A plain view of Flask."""
    app = Flask("one")

    @app.get("/x")
    @decorate(flask)
    def view() -> str:
        ran.append("x")
        return "in"

    return _flask(app, guard)


def flask_async(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """An ``async`` view of Flask."""
    app = Flask("one")

    @app.get("/x")
    @decorate(flask)
    async def view() -> str:
        ran.append("x")
        return "in"

    return _flask(app, guard)


def flask_class(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """A class of Flask."""
    app = Flask("one")

    class View(MethodView):
        decorators = [decorate(flask)]  # noqa: RUF012

        def get(self) -> str:
            ran.append("x")
            return "in"

    app.add_url_rule("/x", view_func=View.as_view("x"))
    return _flask(app, guard)


def starlette_async(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """An ``async`` endpoint of Starlette."""

    @decorate(starlette)
    async def endpoint(request: Request) -> Response:
        ran.append("x")
        return PlainTextResponse("in")

    return _asgi(Starlette(routes=[Route("/x", endpoint)]), guard)


def starlette_plain(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """A plain endpoint of Starlette, which runs in a thread."""

    @decorate(starlette)
    def endpoint(request: Request) -> Response:
        ran.append("x")
        return PlainTextResponse("in")

    return _asgi(Starlette(routes=[Route("/x", endpoint)]), guard)


def starlette_class(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """A class of Starlette."""

    @decorate(starlette)
    class Endpoint(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            ran.append("x")
            return PlainTextResponse("in")

    return _asgi(Starlette(routes=[Route("/x", Endpoint)]), guard)


def fastapi_async(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """An ``async`` handler of FastAPI."""
    app = FastAPI()

    async def handler(request: Request) -> str:
        ran.append("x")
        return "in"

    app.get("/x")(decorate(starlette)(handler))
    return _asgi(app, guard)


def fastapi_plain(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """A plain handler of FastAPI."""
    app = FastAPI()

    def handler(request: Request) -> str:
        ran.append("x")
        return "in"

    app.get("/x")(decorate(starlette)(handler))
    return _asgi(app, guard)


APPS: Mapping[str, Callable[[Guard, Decorate, Ran], Send]] = {
    made.__name__: made
    for made in (
        flask_plain, flask_async, flask_class, starlette_async, starlette_plain,
        starlette_class, fastapi_async, fastapi_plain,
    )
}  # fmt: skip
