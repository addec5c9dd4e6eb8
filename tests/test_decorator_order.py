"""A decorator above the one that registers a route: refused, never a pass.

The framework calls the function that it was given, not what our decorator returned.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from flask import Blueprint, Flask
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from jwtguard import ConfigurationError, Guard, asgi, flask, starlette, wsgi
from jwtguard.core.profiles import GENERIC
from jwtguard.testing import JWTIssuer

ABOVE = r"@require_scope\('admin'\) has no effect"


# Flask.


def view_of(app: Flask) -> None:
    """A view."""

    @flask.require_scope("admin")
    @app.get("/x")
    def view() -> str:
        return "secret"


def async_view_of(app: Flask) -> None:
    """An async view, registered by ``route``."""

    @flask.require_scope("admin")
    @app.route("/x", methods=["GET", "POST"])
    async def view() -> str:
        return "secret"


def blueprint_of(app: Flask) -> None:
    """A view of a nested blueprint."""
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)

    @flask.require_scope("admin")
    @inner.get("/x")
    def view() -> str:
        return "secret"

    outer.register_blueprint(inner)
    app.register_blueprint(outer)


def method_view_of(app: Flask) -> None:
    """What ``as_view`` returns, registered before it is decorated."""

    class View(MethodView):
        def get(self) -> str:
            return "secret"

    view = View.as_view("x")
    app.add_url_rule("/x", view_func=view)
    flask.require_scope("admin")(view)


def before_request_of(app: Flask) -> None:
    """A check of a whole blueprint that checks nothing."""
    app.add_url_rule("/x", "x", lambda: "secret")

    @flask.require_scope("admin")
    @app.before_request
    def check() -> None:
        """Check nothing."""


FLASK = [view_of, async_view_of, blueprint_of, method_view_of, before_request_of]


def get(app: Any, issuer: JWTIssuer, path: str = "/x") -> Any:
    """GET *path* of a WSGI application, with a token that has no scope."""
    return Client(app).get(path, headers=issuer.headers(), base_url="https://api")


@pytest.mark.parametrize("register", FLASK)
def test_flask_refuses_the_first_request(
    jwt_issuer: JWTIssuer, register: Callable[[Flask], None]
) -> None:
    """Routes come after ``JWTGuard(app)``, so it is told then; and every time."""
    app = Flask(__name__)
    flask.JWTGuard(app, jwt_issuer.guard())
    register(app)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=ABOVE):
            get(app, jwt_issuer)


@pytest.mark.parametrize("register", FLASK)
def test_flask_is_not_guarded_after_its_routes(
    jwt_guard: Guard, register: Callable[[Flask], None]
) -> None:
    """At construction, so that the server does not start."""
    app = Flask(__name__)
    register(app)
    with pytest.raises(ConfigurationError, match=ABOVE):
        flask.JWTGuard(app, jwt_guard)
    for outer in (app, DispatcherMiddleware(Flask("front"), {"/api": app})):
        with pytest.raises(ConfigurationError, match=ABOVE):
            wsgi.GuardMiddleware(outer, jwt_guard)


def test_a_view_that_comes_later_is_seen(jwt_issuer: JWTIssuer) -> None:
    """Whether decorated before or after a request that was answered."""
    app = Flask(__name__)
    flask.JWTGuard(app, jwt_issuer.guard())
    app.add_url_rule("/fine", "fine", flask.require_scope()(lambda: "fine"))

    def view() -> str:
        return "secret"

    flask.require_scope("admin")(view)
    assert get(app, jwt_issuer, "/fine").text == "fine"
    app.view_functions["late"] = view  # as Flask refuses to do by now
    with pytest.raises(ConfigurationError, match=ABOVE):
        get(app, jwt_issuer, "/fine")


def test_the_right_order_is_no_error(jwt_issuer: JWTIssuer) -> None:
    """Views, blueprints, method views and checks before requests."""
    app, blueprint = Flask(__name__), Blueprint("b", __name__)
    flask.JWTGuard(app, jwt_issuer.guard())

    @app.get("/x")
    @flask.require_scope("admin")
    def view() -> str:
        return "x"

    @blueprint.before_request
    @flask.require_scope("admin")
    def check() -> None:
        """Check the scope."""

    class View(MethodView):
        decorators = [flask.require_scope("admin")]  # noqa: RUF012

        @flask.require_scope("more")
        def get(self) -> str:
            return "secret"

    blueprint.add_url_rule("/y", view_func=View.as_view("y"))
    app.register_blueprint(blueprint)
    assert get(app, jwt_issuer).status_code == 403
    assert get(app, jwt_issuer, "/y").status_code == 403


# Starlette and FastAPI.


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


def flask_mounted() -> Starlette:
    """A Flask application inside of a Starlette one."""
    app = Flask(__name__)
    view_of(app)
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
    "flask": flask_mounted,
}


def inside(app: Starlette, guard: Guard) -> Any:
    """Put the guard among the middleware of *app*."""
    app.add_middleware(GZipMiddleware)
    app.add_middleware(asgi.GuardMiddleware, guard=guard)
    app.add_middleware(GZipMiddleware)
    return app


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
@pytest.mark.parametrize("name", ASGI)
def test_asgi_refuses_to_start(jwt_issuer: JWTIssuer, name: str, around: Any) -> None:
    """The startup fails; where there is none, each request does."""
    app = around(ASGI[name](), jwt_issuer.guard())
    with (
        pytest.raises(ConfigurationError, match=ABOVE),
        TestClient(app, base_url="https://testserver"),
    ):
        pass
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


def test_a_guard_hidden_from_the_routes_asks_the_application(
    jwt_issuer: JWTIssuer,
) -> None:
    """Starlette names it in the scope, whatever stands between."""

    def closing(app: Any) -> Any:
        async def closed(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)

        return closed

    app = Starlette(
        routes=[Route("/x", bare())],
        middleware=[
            Middleware(asgi.GuardMiddleware, guard=jwt_issuer.guard()),
            Middleware(closing),
        ],
    )
    with pytest.raises(ConfigurationError, match=ABOVE), TestClient(app):
        pass


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


# Roles that no token can have.

NO_ROLES = r"@require_role\('admin'\): no trusted issuer has roles \(profile legacy\)"


@pytest.fixture
def roleless() -> JWTIssuer:
    """An issuer of a profile that reads no roles."""
    profile = replace(GENERIC, name="legacy", role_claims=())
    return JWTIssuer(alg="ES256", profile=profile)


def test_flask_refuses_a_role_that_nobody_can_have(roleless: JWTIssuer) -> None:
    """At construction, on the first request, or where only the view knows."""
    app = Flask(__name__)
    app.testing = True
    flask.JWTGuard(app, roleless.guard())

    class View(MethodView):
        @flask.require_role("admin")
        def get(self) -> str:
            return "in"

    app.add_url_rule("/x", view_func=View.as_view("x"))
    with pytest.raises(ConfigurationError, match=NO_ROLES):
        app.test_client().get("/x", headers=roleless.headers())
    late = Flask(__name__)
    late.add_url_rule("/x", "x", flask.require_role("admin")(lambda: "in"))
    with pytest.raises(ConfigurationError, match=NO_ROLES):
        flask.JWTGuard(late, roleless.guard())


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
def test_asgi_refuses_a_role_that_nobody_can_have(
    roleless: JWTIssuer, around: Any
) -> None:
    """In FastAPI too; a method of a class is asked when it is called."""
    app = FastAPI()

    @app.get("/x")
    @starlette.require_role("admin")
    def endpoint(request: Request) -> str:
        return "in"

    guarded = around(app, roleless.guard())
    with pytest.raises(ConfigurationError, match=NO_ROLES), TestClient(guarded):
        pass

    class Endpoint(HTTPEndpoint):
        @starlette.require_role("admin")
        def get(self, request: Request) -> Response:
            return secret(request)

    late = Starlette(routes=[Route("/x", Endpoint)])
    guarded = around(late, roleless.guard())
    with TestClient(guarded, base_url="https://testserver") as client:
        with pytest.raises(ConfigurationError, match=NO_ROLES):
            client.get("/x", headers=roleless.headers())
        assert client.get("/x").status_code == 401


def test_the_default_profile_reads_roles(jwt_issuer: JWTIssuer) -> None:
    """From ``roles`` (RFC 9068 section 2.2.3.1)."""
    app = Flask(__name__)
    flask.JWTGuard(app, jwt_issuer.guard())
    app.add_url_rule("/x", "x", flask.require_role("admin")(lambda: "in"))
    client = app.test_client()
    admin = jwt_issuer.headers(roles=["admin"])
    assert client.get("/x", headers=admin).text == "in"
    assert client.get("/x", headers=jwt_issuer.headers()).status_code == 403
