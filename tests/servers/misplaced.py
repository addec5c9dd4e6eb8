"""Applications with a decorator above the one that registers the route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from flask import Flask

from jwtguard import asgi, flask, starlette, wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def fastapi_app() -> FastAPI:
    """Serve a path operation, and a health check."""
    app = FastAPI()
    app.add_middleware(asgi.GuardMiddleware)

    @starlette.require_scope("admin")
    @app.get("/notes")
    async def notes(request: Request) -> str:
        return "secret"

    return app


def flask_app(guard_first: str = "") -> WSGIApplication:
    """Serve a view; guarded before it is registered, or after."""
    app = Flask(__name__)
    if guard_first:
        flask.JWTGuard(app)

    @flask.require_scope("admin")
    @app.get("/notes")
    def notes() -> str:
        return "secret"

    return app if guard_first else wsgi.GuardMiddleware(app)
