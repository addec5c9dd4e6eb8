"""Starlette and FastAPI: a decorator above the one that registers a route is refused.

The framework calls the function that it was given, not what our decorator returned.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from flask import Flask
from quart import Quart
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient

from jwtguard import ConfigurationError, Guard, asgi, flask, starlette
from jwtguard.application.endpoints import Endpoints
from jwtguard.testing import JWTIssuer

ABOVE = r"@require_scope\('admin'\) has no effect"


def secret(request: Request) -> Response:
    """Answer anybody."""
    return PlainTextResponse("secret")


def bare(kind: type | None = None) -> Any:
    """Return an endpoint whose guarded twin nobody calls."""
    if kind is None:

        async def endpoint(request: Request) -> Response:
            return secret(request)

        starlette.require_scope("admin")(endpoint)
        return endpoint
    made = type("Endpoint", (kind,), {"get": staticmethod(secret)})
    starlette.require_scope("admin")(made)
    return made


async def bare_socket(websocket: WebSocket) -> None:
    """Greet anybody."""
    await websocket.accept()


starlette.require_scope("admin")(bare_socket)


def fastapi_app() -> FastAPI:
    """A path operation."""
    app = FastAPI()

    @starlette.require_scope("admin")
    @app.get("/x")
    async def endpoint(request: Request) -> str:
        return "secret"

    return app


def fastapi_router() -> FastAPI:
    """A path operation of a router that is included in another one."""
    app, outer, inner = FastAPI(), APIRouter(), APIRouter()

    @starlette.require_scope("admin")
    @inner.get("/x")
    def endpoint(request: Request) -> str:
        return "secret"

    outer.include_router(inner)
    app.include_router(outer)
    return app


def fastapi_socket() -> FastAPI:
    """A WebSocket."""
    app = FastAPI()
    app.add_api_route("/x", lambda: "x")

    @starlette.require_scope("admin")
    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()

    return app


def fastapi_dependency() -> FastAPI:
    """A dependency of a path operation, decorated too late."""
    app = FastAPI()

    async def check(request: Request) -> None:
        """Check nothing."""

    @app.get("/x", dependencies=[Depends(check)])
    async def endpoint() -> str:
        return "secret"

    starlette.require_scope("admin")(check)
    return app


def fastapi_dependencies() -> FastAPI:
    """A dependency of a whole router."""

    async def check(request: Request) -> None:
        """Check nothing."""

    app, router = FastAPI(), APIRouter(dependencies=[Depends(check)])
    router.add_api_route("/x", lambda: "secret")
    app.include_router(router)
    starlette.require_scope("admin")(check)
    return app


def http_middleware() -> FastAPI:
    """A middleware function."""
    app = FastAPI()
    app.add_api_route("/x", lambda: "secret")

    @starlette.require_scope("admin")
    @app.middleware("http")
    async def check(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    return app


def flask_mounted() -> Starlette:
    """A Flask application inside of a Starlette one."""
    app = Flask(__name__)

    @flask.require_scope("admin")
    @app.get("/x")
    def view() -> str:
        return "secret"

    return Starlette(routes=[Mount("/", Wrapper(app))])


class Wrapper:
    """What wraps an application, as middleware and adapters do."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer anybody."""
        await PlainTextResponse("secret")(scope, receive, send)


def routes(*found: Any) -> Callable[[], Starlette]:
    """Return a maker of an application with these routes."""
    return lambda: Starlette(routes=found)


ASGI: dict[str, Callable[[], Starlette]] = {
    "route": routes(Route("/x", bare())),
    "class": routes(Route("/x", bare(HTTPEndpoint))),
    "mount": routes(Mount("/", routes=[Mount("/", routes=[Route("/x", bare())])])),
    "host": routes(Host("testserver", Router([Route("/x", bare())]))),
    "socket": routes(Route("/x", secret), WebSocketRoute("/ws", bare_socket)),
    "wrapped": routes(Mount("/", Wrapper(Router([Route("/x", bare())])))),
    "own middleware": routes(
        Route("/x", bare(), middleware=[Middleware(GZipMiddleware)])
    ),
    "fastapi": fastapi_app,
    "fastapi router": fastapi_router,
    "fastapi socket": fastapi_socket,
    "fastapi dependency": fastapi_dependency,
    "fastapi dependencies": fastapi_dependencies,
    "middleware": http_middleware,
    "flask": flask_mounted,
}


def inside(app: Starlette, guard: Guard) -> Any:
    """Put the guard among the middleware of *app*."""
    app.add_middleware(GZipMiddleware)
    app.add_middleware(asgi.GuardMiddleware, guard=guard)
    app.add_middleware(GZipMiddleware)
    return app


def start(app: Any) -> None:
    """Start *app* as a server does; a startup that fails is raised, once it is told."""
    told: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup" if not told else "lifespan.shutdown"}

    async def send(message: Any) -> None:
        told.append(message)

    try:
        anyio.run(app, {"type": "lifespan", "state": {}}, receive, send)
    except ConfigurationError as error:
        failed = {"type": "lifespan.startup.failed", "message": str(error)}
        assert told == [failed]
        raise


def test_middleware_in_front_of_the_guard_is_looked_at_too(
    jwt_issuer: JWTIssuer,
) -> None:
    """FastAPI puts what is added later outside of what was added before."""
    app = FastAPI()
    app.add_middleware(asgi.GuardMiddleware, guard=jwt_issuer.guard())

    @starlette.require_scope("admin")
    @app.middleware("http")
    async def check(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    with pytest.raises(ConfigurationError, match=ABOVE):
        start(app)


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
@pytest.mark.parametrize("name", ASGI)
def test_asgi_refuses_to_start(jwt_issuer: JWTIssuer, name: str, around: Any) -> None:
    """The startup fails; where there is none, each request does."""
    app = around(ASGI[name](), jwt_issuer.guard())
    with pytest.raises(ConfigurationError, match=ABOVE):
        start(app)
    client = TestClient(app, base_url="https://testserver")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=ABOVE):
            client.get("/x", headers=jwt_issuer.headers())
    with (
        pytest.raises(ConfigurationError, match=ABOVE),
        client.websocket_connect("/ws", headers=jwt_issuer.headers()),
    ):
        pass


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
def test_a_guard_that_is_a_mount_of_its_own_looks_at_what_is_behind_it(
    jwt_issuer: JWTIssuer, around: Any
) -> None:
    """It never sees the lifespan, and is not asked about its neighbours."""
    for inner, outer in ((bare(), secret), (secret, bare())):
        guarded = around(Starlette(routes=[Route("/x", inner)]), jwt_issuer.guard())
        routes = [Mount("/api", guarded), Route("/x", outer)]
        with TestClient(Starlette(routes=routes), base_url="https://api") as client:
            if inner is secret:
                response = client.get("/api/x", headers=jwt_issuer.headers())
                assert response.text == "secret"
                continue
            with pytest.raises(ConfigurationError, match=ABOVE):
                client.get("/api/x", headers=jwt_issuer.headers())


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
def test_routes_that_come_later_are_seen(jwt_issuer: JWTIssuer, around: Any) -> None:
    """By a decorator, or by an include."""
    headers = jwt_issuer.headers()

    def by_decorator(app: FastAPI) -> None:
        @starlette.require_scope("admin")
        @app.get("/late")
        async def late(request: Request) -> str:
            return "secret"

    router = APIRouter()
    router.add_api_route("/late", bare(), response_model=None)

    def by_include(app: FastAPI) -> None:
        app.include_router(router)

    for register in (by_decorator, by_include):
        app = FastAPI()
        app.add_api_route("/x", lambda: "x")
        guarded = around(app, jwt_issuer.guard())
        with TestClient(guarded, base_url="https://testserver") as client:
            assert client.get("/x", headers=headers).status_code == 200
            register(app)
            with pytest.raises(ConfigurationError, match=ABOVE):
                client.get("/late", headers=headers)


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
def test_routes_of_the_startup_are_seen(jwt_issuer: JWTIssuer, around: Any) -> None:
    """Which runs after the guard has looked for the first time."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        app.routes.pop()
        app.add_api_route("/late", endpoint, response_model=None)
        yield

    endpoint, app = bare(), FastAPI(lifespan=lifespan)
    app.add_api_route("/x", lambda: "x")
    guarded = around(app, jwt_issuer.guard())
    with (
        TestClient(guarded, base_url="https://testserver") as client,
        pytest.raises(ConfigurationError, match=ABOVE),
    ):
        client.get("/late", headers=jwt_issuer.headers())


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
def test_an_application_without_routes_may_get_some(
    jwt_issuer: JWTIssuer, around: Any
) -> None:
    """By an include, long after they were decorated."""
    app, router = Starlette(), [Route("/x", bare())]
    guarded = around(app, jwt_issuer.guard())
    with TestClient(guarded, base_url="https://testserver") as client:
        headers = jwt_issuer.headers()
        assert client.get("/x", headers=headers).status_code == 404
        app.routes.extend(router)
        with pytest.raises(ConfigurationError, match=ABOVE):
            client.get("/x", headers=headers)


def test_an_application_like_flask_is_looked_at(jwt_guard: Guard) -> None:
    """Quart keeps its views as Flask does."""
    app: Any = Quart(__name__)

    async def view() -> str:
        return "secret"

    app.add_url_rule("/x", view_func=view)
    flask.require_scope("admin")(view)
    with pytest.raises(ConfigurationError, match=ABOVE):
        start(asgi.GuardMiddleware(app, jwt_guard))


def test_the_last_of_many_routes_is_looked_at(jwt_guard: Guard) -> None:
    """Applications have thousands."""
    routes: list[BaseRoute] = [
        Route(f"/{n}", lambda request: None) for n in range(2500)
    ]
    app = Starlette(routes=[*routes, Route("/x", bare())])
    with pytest.raises(ConfigurationError, match=ABOVE):
        Endpoints(app).check(jwt_guard)


def test_a_guard_hidden_from_the_routes_asks_the_application(
    jwt_issuer: JWTIssuer,
) -> None:
    """Starlette names it in the scope, whatever stands between."""
    hidden: list[Any] = []

    def closing(app: Any) -> Any:
        hidden.append([[app]])

        async def closed(scope: Any, receive: Any, send: Any) -> None:
            await hidden[-1][0][0](scope, receive, send)

        return closed

    app = Starlette(
        routes=[Route("/x", bare())],
        middleware=[
            Middleware(asgi.GuardMiddleware, guard=jwt_issuer.guard()),
            Middleware(closing),
        ],
    )
    with pytest.raises(ConfigurationError, match=ABOVE):
        start(app)


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
def test_the_right_order_starts(jwt_issuer: JWTIssuer, around: Any) -> None:
    """And the decorator decides."""
    app, router = FastAPI(), APIRouter()

    @router.get("/x")
    @starlette.require_scope("admin")
    async def endpoint(request: Request) -> str:
        return "in"

    app.include_router(router)
    app.mount("/m", Starlette(routes=[Route("/x", starlette.require_scope()(secret))]))
    guarded = around(app, jwt_issuer.guard())
    with TestClient(guarded, base_url="https://testserver") as client:
        assert client.get("/x", headers=jwt_issuer.headers()).status_code == 403
        good = jwt_issuer.headers(scope="admin")
        assert client.get("/x", headers=good).json() == "in"
        assert client.get("/m/x", headers=good).text == "secret"
