"""``jwtguard check`` reads a Starlette application: routes, mounts and WebSockets."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.relay import TokenRelay
from jwtguard.starlette import GuardMiddleware, require_role, require_scope
from jwtguard.testing import JWTIssuer
from tests.inspect.routes.listed import levels, reported, table


async def page(request: Request) -> Response:
    return PlainTextResponse("page")


@require_scope("read")
async def reading(request: Request) -> Response:
    return PlainTextResponse("read")


@require_role("chat")
async def chat(websocket: WebSocket) -> None:
    await websocket.accept()


@require_scope("all")
class Both(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        return PlainTextResponse("get")

    @require_scope("write")
    async def post(self, request: Request) -> Response:
        return PlainTextResponse("post")


def guarded(
    routes: Sequence[BaseRoute], issuer: JWTIssuer, *inside: Any, **settings: Any
) -> Starlette:
    """Return an application with the guard in front, and *inside* behind it."""
    guard = Middleware(GuardMiddleware, guard=issuer.guard(**settings))
    return Starlette(routes=routes, middleware=[guard, *inside])


def test_each_endpoint_is_read(issuer: JWTIssuer) -> None:
    """Functions, partials, classes with a decorator per method, WebSockets."""
    routes = [
        Route("/page", page, methods=["GET", "POST"]),
        Route("/read", functools.partial(reading)),
        Route("/both", Both),
        WebSocketRoute("/chat", chat),
        WebSocketRoute("/talk", WebSocketEndpoint),
    ]
    assert table(guarded(routes, issuer)) == {
        "GET POST /page": "any token",
        "GET /read": "scope read",
        "GET /both": "scope all",
        "POST /both": "scope all and scope write",
        "WEBSOCKET /chat": "role chat",
        "WEBSOCKET /talk": "any token",
    }


def test_what_the_table_says_is_what_happens(issuer: JWTIssuer) -> None:
    """The decorated class asks for both scopes where the table says so."""
    from starlette.testclient import TestClient

    app = guarded([Route("/both", Both)], issuer)
    client = TestClient(app, base_url="https://testserver")
    one = issuer.headers(scope="all")
    assert client.get("/both", headers=one).status_code == 200
    assert client.post("/both", headers=one).status_code == 403
    both = issuer.headers(scope="all write")
    assert client.post("/both", headers=both).status_code == 200


def test_without_the_middleware_nothing_is_guarded(issuer: JWTIssuer) -> None:
    """WebSockets among it."""
    app = Starlette(routes=[Route("/page", page), WebSocketRoute("/chat", chat)])
    assert set(levels(app).values()) == {"wrong"}
    assert reported(app, "wrong guard", "GuardMiddleware")


def test_mounts_are_followed(issuer: JWTIssuer) -> None:
    """Routers, applications, static files and foreign applications, hosts too."""
    inner = Starlette(routes=[Route("/page", page)])

    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        """Any ASGI application."""

    app = guarded(
        [
            Mount("/router", routes=[Route("/read", reading)]),
            Mount("/inner", app=inner),
            Mount("/static", app=StaticFiles()),
            Mount("/foreign", app=foreign),
            Host("docs.example", app=Router(routes=[Route("/", page)])),
        ],
        issuer,
        public_paths=["/static/*"],
    )
    assert table(app) == {
        "GET /router/read": "scope read",
        "GET /inner/page": "any token",
        "GET /static/*": "nothing: public",
        "any /foreign/*": "any token, and whatever it asks for itself",
        "GET //docs.example/": "any token",
    }


def test_a_guard_in_one_mount_leaves_the_rest_open(issuer: JWTIssuer) -> None:
    """A guard sees paths from its own mount on, and guards nothing beside it."""
    guard = Middleware(GuardMiddleware, guard=issuer.guard(public_paths=["/open"]))
    api = Starlette(
        routes=[Route("/open", page), Route("/closed", page)], middleware=[guard]
    )
    own = Route("/own", page, middleware=[guard])
    app = Starlette(routes=[Mount("/api", app=api), Route("/page", page), own])
    assert table(app) == {
        "GET /api/open": "nothing: public",
        "GET /api/closed": "any token",
        "GET /own": "any token",
        "GET /page": "NOTHING: no guard stands in front",
    }
    assert reported(app, "wrong guard", "/page")


def test_the_application_may_be_wrapped(issuer: JWTIssuer) -> None:
    """``app = GuardMiddleware(app)`` stands outside, even of the handler of a 500."""
    app = GuardMiddleware(Starlette(routes=[Route("/page", page)]), issuer.guard())
    assert table(app) == {"GET /page": "any token"}
    assert not reported(app, "500")
    assert reported(guarded([Route("/page", page)], issuer), "note order", "500")


class Backend(AuthenticationBackend):
    """Anybody's."""

    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[AuthCredentials, SimpleUser] | None:
        return None


def test_wrong_order_is_told(issuer: JWTIssuer) -> None:
    """CORS outside and inside, what replaces the caller, and anything else outside."""
    guard = Middleware(GuardMiddleware, guard=issuer.guard())
    cors, gzip = Middleware(CORSMiddleware), Middleware(GZipMiddleware)
    outside = Starlette(
        routes=[Route("/", page)], middleware=[gzip, cors, guard, guard]
    )
    assert reported(outside, "weak order", "CORSMiddleware", "preflights")
    assert reported(outside, "note order", "GZipMiddleware", "outside")
    assert reported(outside, "weak order", "behind another")
    auth = Middleware(AuthenticationMiddleware, backend=Backend())
    inside = guarded([Route("/", page)], issuer, cors, gzip, auth)
    assert reported(inside, "note order", "CORSMiddleware", "superfluous")
    assert reported(inside, "weak order", "AuthenticationMiddleware", "request.user")
    assert not reported(inside, "GZipMiddleware")


def test_scopes_by_path_are_added(issuer: JWTIssuer) -> None:
    """A path rule and a decorator ask together; a path without a rule is refused."""
    rules = [ScopeRule(path="/read", methods=["GET"], require=["path"])]
    app = guarded([Route("/read", reading), Route("/page", page)], issuer, scopes=rules)
    assert table(app) == {
        "GET /read": "scope path and scope read",
        "GET /page": "refused: no scope rule opens the path",
    }


def test_the_relay_is_open_or_it_is_wrong(issuer: JWTIssuer) -> None:
    """Behind the guard its path has to be public: who signs in has no token yet."""
    guard = issuer.guard()
    app = GuardMiddleware(
        Starlette(routes=[Mount("/oauth", app=TokenRelay(guard).asgi)]), guard
    )
    assert levels(app) == {"any /oauth/*": "wrong"}
    guard = issuer.guard(public_paths=["/oauth/*"])
    app = GuardMiddleware(
        Starlette(routes=[Mount("/oauth", app=TokenRelay(guard).asgi)]), guard
    )
    assert table(app) == {"any /oauth/*": "the rules of token paths"}


def test_a_plain_application_is_one_row(issuer: JWTIssuer) -> None:
    """What cannot be read is still guarded, and its path rules are told."""

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        """Any ASGI application."""

    app = GuardMiddleware(plain, issuer.guard(public_paths=["/healthz"]))
    assert table(app) == {
        "any /*": "any token, and whatever it asks for itself",
        "any /* as /healthz": "nothing: public",
    }
    assert levels(app)["any /*"] == "note"
    assert reported(app, "note routes", "plain", "cannot be listed")
    assert not reported(app, "covers only a part")


def test_an_endpoint_registered_before_it_is_decorated_is_wrong(
    issuer: JWTIssuer,
) -> None:
    """Functions, classes and WebSockets: the route calls the bare one."""

    async def bare(request: Request) -> Response:
        return PlainTextResponse("bare")

    class Bare(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            return PlainTextResponse("bare")

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()

    routes: list[BaseRoute] = [Route("/x", bare, methods=["GET"]), Route("/y", Bare)]
    app = guarded(
        [*routes, Mount("/m", routes=[WebSocketRoute("/ws", socket)])], issuer
    )
    assert set(levels(app).values()) == {"ok"}
    for endpoint in (bare, Bare, socket):
        require_scope("read")(endpoint)
    assert set(levels(app).values()) == {"wrong"}
    assert "@require_scope('read') has no effect" in table(app)["WEBSOCKET /m/ws"]
