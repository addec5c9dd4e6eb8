"""Mistakes in code, and their answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI
from flask import Flask
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from jwtguard import Guard
from jwtguard.asgi import GuardMiddleware
from jwtguard.fastapi import FastAPIGuard
from jwtguard.flask import JWTGuard, current_principal
from jwtguard.flask import require_scope as flask_scope
from jwtguard.forward import BearerForward
from jwtguard.starlette import require_scope as starlette_scope
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware as WSGIGuard

from .made import Made, Table, checked_app, log, raised

untyped: Any = flask_scope


async def fine(request: Request) -> Response:
    """Answer."""
    return JSONResponse({})


def flask(
    build: Callable[[Flask], object], *, guarded: bool = True, **issued: Any
) -> Made:
    """Make a Flask application, and send a good request."""

    def make(issuer: JWTIssuer) -> str:
        app = Flask(__name__)
        app.testing = True
        if guarded:
            JWTGuard(app, issuer.guard())

        def run() -> None:
            build(app)
            headers = issuer.headers(scope="notes:read", **issued)
            app.test_client().get("/notes", headers=headers)

        return raised(run)

    return make


def asgi(build: Callable[[Guard], Any]) -> Made:
    """Make an ASGI application, start it, and send a good request."""

    def make(issuer: JWTIssuer) -> str:
        def run() -> None:
            app = build(issuer.guard())
            with TestClient(app, base_url="https://testserver") as client:
                client.get("/notes", headers=issuer.headers(scope="notes:read"))

        return raised(run)

    return make


def called(call: Callable[[JWTIssuer], object]) -> Made:
    """Return the error of one call."""
    return lambda issuer: raised(lambda: call(issuer))


def above(app: Flask) -> None:
    """Put the decorator above the route."""
    flask_scope("notes:read")(app.get("/notes")(lambda: "milk"))


async def nothing() -> dict[str, str]:
    """Answer."""
    return {}


def without_guard(_: Guard) -> Starlette:
    """Forget the middleware."""
    return Starlette(routes=[Route("/notes", starlette_scope("notes:read")(fine))])


def fastapi_without_guard(_: Guard) -> FastAPI:
    """Use the dependency, and forget the middleware."""
    app = FastAPI()
    needs = FastAPIGuard(token_url="https://id.example.com/token").requires(
        "notes:read"
    )
    app.add_api_route("/notes", nothing, dependencies=[Depends(needs)])
    return app


def flask_names(guard: Guard) -> Starlette:
    """Use the names of jwtguard.flask in Starlette."""
    routes = [Route("/notes", flask_scope("notes:read")(fine))]
    return Starlette(routes=routes, middleware=[Middleware(GuardMiddleware, guard)])


def starlette_names(app: Flask) -> None:
    """Use the names of jwtguard.starlette in Flask."""

    def notes(request: Any = None) -> str:
        return "milk"

    app.add_url_rule("/notes", view_func=starlette_scope("notes:read")(notes))


def cors_outside(guard: Guard) -> Starlette:
    """Keep the CORS middleware of before, in front of the guard."""
    cors = Middleware(CORSMiddleware, allow_origins=["*"])
    middleware = [cors, Middleware(GuardMiddleware, guard)]
    return Starlette(routes=[Route("/notes", fine)], middleware=middleware)


def beside(guard: Guard) -> Starlette:
    """Guard one mounted application, and leave a route beside it."""
    api = GuardMiddleware(Starlette(routes=[Route("/notes", fine)]), guard)
    return Starlette(routes=[Mount("/api", api), Route("/admin", fine)])


def no_request(_: JWTIssuer) -> None:
    """Decorate an endpoint that does not take its request."""

    async def notes() -> Response:
        return JSONResponse({})

    starlette_scope("notes:read")(notes)


def public(issuer: JWTIssuer) -> str:
    """Ask for the caller on a public path, and send a token."""
    app = Flask(__name__)
    JWTGuard(app, issuer.guard(public_paths=["/notes"]))
    app.get("/notes")(lambda: current_principal.subject)
    with log() as logged:
        app.test_client().get("/notes", headers=issuer.headers())
    return "\n".join(logged)


class Notes(MethodView):
    """A class of views."""


CODE: Table = {
    "a decorator above the route": ("first request", flask(above)),
    "a decorator without parentheses": (
        "import",
        flask(lambda app: app.get("/notes")(untyped(lambda: "milk"))),
    ),
    "scopes in a list": ("import", called(lambda _: untyped(["a", "b"]))),
    "several scopes in one string": ("import", called(lambda _: untyped("a b"))),
    "a decorated Flask class": (
        "import",
        called(lambda _: untyped("notes:read")(Notes)),
    ),
    "a Starlette endpoint without its request": ("import", called(no_request)),
    "names of `jwtguard.starlette` in Flask": (
        "first request",
        flask(starlette_names),
    ),
    "names of `jwtguard.flask` in Starlette or FastAPI": (
        "first request",
        asgi(flask_names),
    ),
    "`JWTGuard(app)` or `init_app` is missing": (
        "first request",
        flask(
            lambda app: app.get("/notes")(lambda: current_principal.subject),
            guarded=False,
        ),
    ),
    "`GuardMiddleware` is missing": ("first request", asgi(without_guard)),
    "`GuardMiddleware` is missing behind `FastAPIGuard`": (
        "first request",
        asgi(fastapi_without_guard),
    ),
    "the WSGI middleware around FastAPI": (
        "start",
        called(lambda issuer: WSGIGuard(FastAPI(), issuer.guard())),  # type: ignore[arg-type]
    ),
    "the ASGI middleware around Flask": (
        "start",
        called(lambda issuer: GuardMiddleware(Flask("a"), issuer.guard())),  # type: ignore[arg-type]
    ),
    "`JWTGuard` around FastAPI": (
        "start",
        called(lambda issuer: JWTGuard(FastAPI(), issuer.guard())),  # type: ignore[arg-type]
    ),
    "an issuer's URL in place of a policy": (
        "start",
        called(lambda _: Guard("https://id.example.com")),  # type: ignore[arg-type]
    ),
    "a policy in place of a guard": (
        "start",
        asgi(lambda guard: GuardMiddleware(Starlette(), guard.policy)),  # type: ignore[arg-type]
    ),
    "two guards on one Flask application": (
        "start",
        flask(lambda app: JWTGuard(app, app.extensions["jwtguard"])),
    ),
    "`FastAPI(root_path=...)` behind the guard": (
        "start",
        asgi(lambda guard: GuardMiddleware(FastAPI(root_path="/api"), guard)),
    ),
    "another CORS middleware in front": ("check", checked_app(cors_outside)),
    "a route outside of the guarded application": ("check", checked_app(beside)),
    "a public path whose view asks for the caller": ("log", public),
    "a token with its scheme for `verify`": (
        "first request",
        called(lambda issuer: issuer.guard().verify(f"Bearer {issuer.token()}")),
    ),
    "bytes for `verify`": (
        "first request",
        called(lambda issuer: issuer.guard().verify(issuer.token().encode())),  # type: ignore[arg-type]
    ),
    "`BearerForward` with a path": (
        "first request",
        called(
            lambda issuer: BearerForward(
                issuer.guard().verify(issuer.token()), "https://api.example.com/v1"
            )
        ),
    ),
}
"""By the words of docs/mistakes.md."""
