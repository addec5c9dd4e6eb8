"""``@public`` and ``@optional`` in Starlette and FastAPI: what opens, what does not."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from jwtguard import ConfigurationError, Guard
from jwtguard.fastapi import FastAPIGuard
from jwtguard.starlette import GuardMiddleware, optional, public, require_scope
from jwtguard.testing import JWTIssuer
from tests.everyday.opening_support import (
    BASE,
    Around,
    client_of,
    handler,
    statuses,
)


def test_a_public_endpoint_needs_no_token(
    guard: Guard, around: Around, jwt_issuer: JWTIssuer
) -> None:
    """Wherever the guard stands; a bad token makes no difference."""
    routes = [
        Route("/open", public(handler())),
        Route("/plain", public(lambda request: PlainTextResponse("in"))),
        Route("/closed", handler()),
    ]
    app = around(Starlette(routes=routes), guard)
    assert statuses(app, "/open", "/plain", "/closed") == [200, 200, 401]
    odd = ("/open/", "/OPEN", "//open", "/open;x", "/x/%2e%2e/open", "/o%70en%2fx")
    assert statuses(app, *odd) == [401] * len(odd)
    assert statuses(app, "/open", method="HEAD") == [200]
    assert statuses(app, "/open", method="POST") == [401]
    assert statuses(app, "/open", method="OPTIONS") == [401]
    client = client_of(app)
    bad = {"Authorization": "Bearer x"}
    assert client.get("/open", headers=bad).status_code == 200
    assert client.get("/closed", headers=jwt_issuer.headers()).status_code == 200


def test_an_optional_endpoint_knows_its_caller(
    guard: Guard, around: Around, jwt_issuer: JWTIssuer
) -> None:
    """If there is a token: a bad one is refused."""

    @optional
    async def who(request: Request) -> Response:
        return PlainTextResponse(request.user.display_name or "nobody")

    client = client_of(around(Starlette(routes=[Route("/who", who)]), guard))
    assert client.get("/who").text == "nobody"
    assert client.get("/who", headers=jwt_issuer.headers()).text == "alice"
    bad = client.get("/who", headers={"Authorization": "Bearer x"})
    assert bad.status_code == 401


def test_two_routes_of_one_path(guard: Guard, around: Around) -> None:
    """Each method has its own; the first that fits runs, as in the router."""
    routes = [
        Route("/x", public(handler()), methods=["GET"]),
        Route("/x", handler(), methods=["POST"]),
        Route("/y", handler()),
        Route("/y", public(handler())),
        Route("/z/{name}", handler(), methods=["PUT"]),
        Route("/z/{name:path}", public(handler())),
    ]
    app = around(Starlette(routes=routes), guard)
    assert statuses(app, "/x", "/y", "/z/a", "/z/a/b") == [200, 401, 200, 200]
    assert statuses(app, "/x", "/z/a", method="POST") == [401, 401]
    assert statuses(app, "/z/a", method="PUT") == [401]


def test_a_catch_all_opens_only_what_it_gets(guard: Guard, around: Around) -> None:
    """What stands before it stays closed, mounts among it."""
    secret = Starlette(routes=[Route("/x", handler())])
    routes = [
        Route("/admin", handler()),
        Mount("/secret", secret),
        Mount("/files", StaticFiles(directory="docs", check_dir=False)),
        Route("/{rest:path}", public(handler())),
        Route("/after", handler()),
    ]
    app = around(Starlette(routes=routes), guard)
    assert statuses(app, "/", "/about/us", "/after") == [200, 200, 200]
    closed = ("/admin", "/secret/x", "/secret/y", "/secret/", "/files/index.md")
    assert statuses(app, *closed) == [401] * len(closed)


def test_redirects_lead_to_no_endpoint(guard: Guard, around: Around) -> None:
    """A slash more is another page, which needs a token to be told of."""
    routes = [Route("/about/", public(handler())), Route("/{word}", handler())]
    app = around(Starlette(routes=routes), guard)
    assert statuses(app, "/about/", "/about", "/x") == [200, 401, 401]
    app = around(Starlette(routes=[Route("/about", public(handler()))]), guard)
    assert statuses(app, "/about", "/about/") == [200, 401]


def test_mounts_hosts_and_root_paths(guard: Guard, around: Around) -> None:
    """Each router on the way is asked, and what it takes of the path counts."""
    inner = Starlette(
        routes=[Route("/open", public(handler())), Route("/closed", handler())]
    )
    deep = Router(routes=[Mount("/b", inner)])
    routes = [
        Mount("/a", deep),
        Host("open.example", Router(routes=[Route("/h", public(handler()))])),
        Host("{sub}.example", Router(routes=[Route("/h", handler())])),
        Route("/a/b/closed", public(handler())),
    ]
    app = around(Starlette(routes=routes), guard)
    assert statuses(app, "/a/b/open", "/a/b/closed", "/open") == [200, 401, 401]
    assert statuses(app, "/h", base="https://open.example") == [200]
    assert statuses(app, "/h", base="https://closed.example") == [401]
    rooted = TestClient(app, base_url=BASE, root_path="/api")
    assert rooted.get("/api/a/b/open").status_code == 200
    assert rooted.get("/api/a/b/closed").status_code == 401


class Page(HTTPEndpoint):
    """One method is open."""

    @public
    async def get(self, request: Request) -> Response:
        """Show."""
        return PlainTextResponse("in")

    async def post(self, request: Request) -> Response:
        """Change."""
        return PlainTextResponse("changed")


class Below(Page):
    """Another class, with a method of its own."""

    async def get(self, request: Request) -> Response:
        """Show something else."""
        return PlainTextResponse("secret")


class Strange(Page):
    """A class that calls what it likes."""

    async def dispatch(self) -> None:
        """Call another method."""
        response = await self.post(Request(self.scope, self.receive))
        await response(self.scope, self.receive, self.send)


@public
class Whole(HTTPEndpoint):
    """A class that is open."""

    async def get(self, request: Request) -> Response:
        """Show."""
        return PlainTextResponse("in")


class BelowWhole(Whole):
    """A class below it, which nobody has opened."""


def test_classes_are_opened_themselves_or_by_method(
    guard: Guard, around: Around
) -> None:
    """What is inherited counts for a method that is run, and not for a class."""
    kinds = {"p": Page, "b": Below, "s": Strange, "w": Whole, "bw": BelowWhole}
    routes = [Route(f"/{name}", kind) for name, kind in kinds.items()]
    app = around(Starlette(routes=routes), guard)
    assert statuses(app, "/p", "/b", "/s", "/w", "/bw") == [200, 401, 401, 200, 401]
    assert statuses(app, "/p", "/w", method="HEAD") == [200, 200]
    assert statuses(app, "/p", method="POST") == [401]
    assert statuses(app, "/w", method="POST") == [405]


def test_websockets_have_endpoints_of_their_own(
    guard: Guard, around: Around, jwt_issuer: JWTIssuer
) -> None:
    """An open page does not open the WebSocket of the same path."""

    @public
    async def opened(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("in")
        await websocket.close()

    @public
    class Socket(WebSocketEndpoint):
        async def on_connect(self, websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.send_text("in")
            await websocket.close()

    async def closed(websocket: WebSocket) -> None:
        await opened(websocket)

    routes = [
        WebSocketRoute("/open", opened),
        WebSocketRoute("/class", Socket),
        WebSocketRoute("/closed", closed),
        Route("/closed", public(handler())),
    ]
    app = around(Starlette(routes=routes), guard)
    assert statuses(app, "/open", "/closed") == [401, 200]
    client = TestClient(app)
    for path in ("/open", "/class"):
        with client.websocket_connect(f"wss://api.example{path}") as socket:
            assert socket.receive_text() == "in"
    with (
        pytest.raises(WebSocketDenialResponse),
        client.websocket_connect("wss://api.example/closed"),
    ):
        pass


def test_fastapi_routers_with_prefixes_and_parameters(
    guard: Guard, around: Around
) -> None:
    """Included ones, nested, mounted, with paths that overlap."""
    app, outer, inner = FastAPI(), APIRouter(prefix="/outer"), APIRouter()

    @inner.get("/notes/{number}")
    @public
    async def note(number: int) -> int:
        return number

    @inner.get("/notes/{number}/owner")
    async def owner(number: int) -> int:
        return number

    @inner.delete("/notes/{number}")
    async def delete(number: int) -> int:
        return number

    @app.get("/plain")
    @optional
    def plain() -> str:
        return "in"

    outer.include_router(inner, prefix="/v1")
    app.include_router(outer, prefix="/api")
    sub = FastAPI()
    sub.include_router(inner)
    app.mount("/sub", sub)
    guarded = around(app, guard)
    open_, closed = "/api/outer/v1/notes/1", "/api/outer/v1/notes/1/owner"
    assert statuses(guarded, open_, closed, "/plain") == [200, 401, 200]
    assert statuses(guarded, "/sub/notes/1", "/sub/notes/1/owner") == [200, 401]
    assert statuses(guarded, open_, method="DELETE") == [401]
    assert statuses(guarded, "/docs", "/openapi.json") == [401, 401]


def test_a_dependency_that_asks_still_asks(guard: Guard, around: Around) -> None:
    """A router's own check is not opened by a handler in it."""
    users = FastAPIGuard(token_url="/token")
    app = FastAPI()
    router = APIRouter(dependencies=[Depends(users.requires("a"))])

    @router.get("/x")
    @public
    async def x() -> str:
        return "in"

    app.include_router(router)
    assert statuses(around(app, guard), "/x") == [401]


class Digits(Convertor[str]):
    """A part of a path that is a number, as text."""

    regex = "[0-9]+"

    def convert(self, value: str) -> str:
        """Return it."""
        return value

    def to_string(self, value: str) -> str:
        """Return it."""
        return value


def test_path_converters_decide(guard: Guard, around: Around) -> None:
    """Those of the application too."""
    register_url_convertor("digits", Digits())
    routes = [
        Route("/n/{x:digits}", handler()),
        Route("/n/{x:int}/y", public(handler())),
        Route("/n/{x}", public(handler())),
    ]
    app = around(Starlette(routes=routes), guard)
    assert statuses(app, "/n/1", "/n/a", "/n/1/y", "/n/a/y") == [401, 200, 200, 401]
    assert statuses(app, "/n/1%0a", "/n/%D9%A1") == [401, 200]


def test_what_is_remembered_is_bounded(guard: Guard) -> None:
    """Strangers choose paths and hosts."""
    app = GuardMiddleware(
        Starlette(routes=[Route("/{rest:path}", public(handler()))]), guard
    )
    client = client_of(app)
    for number in range(1100):
        assert client.get(f"/{number}").status_code == 200
    known: Any = app.endpoints.opener
    assert len(known._known) <= 1024
    before = len(known._known)
    assert client.get("/" + "x" * 500).status_code == 200
    assert len(known._known) == before


def test_public_and_a_requirement_contradict_each_other(
    guard: Guard, around: Around
) -> None:
    """No token is read, so nobody could have the scope."""
    app = Starlette(routes=[Route("/x", public(require_scope("a")(handler())))])
    with (
        pytest.raises(ConfigurationError, match="contradict each other"),
        TestClient(around(app, guard)),
    ):
        pass


def test_optional_and_a_requirement_mean_both(
    guard: Guard, around: Around, jwt_issuer: JWTIssuer
) -> None:
    """The requirement asks for a caller."""
    app = Starlette(routes=[Route("/x", optional(require_scope("a")(handler())))])
    client = client_of(around(app, guard))
    assert client.get("/x").status_code == 401
    assert client.get("/x", headers=jwt_issuer.headers(scope="a")).status_code == 200


def test_a_decorator_above_the_route_is_an_error(guard: Guard, around: Around) -> None:
    """FastAPI has the function without the mark."""
    app = FastAPI()
    public(app.get("/x")(handler()))
    with (
        pytest.raises(ConfigurationError, match="@public has no effect"),
        TestClient(around(app, guard)),
    ):
        pass


def test_a_preflight_of_a_public_endpoint_is_answered_by_the_guard(
    guard: Guard, around: Around
) -> None:
    """The browser asks before it knows: the clients' pages are let in."""
    app = around(Starlette(routes=[Route("/x", public(handler()))]), guard)
    asked = {"Origin": "https://www.example", "Access-Control-Request-Method": "GET"}
    answer = client_of(app).options("/x", headers=asked)
    assert answer.headers["access-control-allow-origin"] == "https://www.example"
    evil = client_of(app).options(
        "/x", headers={**asked, "Origin": "https://e.example"}
    )
    assert "access-control-allow-origin" not in evil.headers


def test_a_handler_that_is_called_by_itself_is_what_it_was(guard: Guard) -> None:
    """Its signature and its name stay, and it may be called in tests."""

    @public
    def named(request: Request) -> str:
        """Say so."""
        return "in"

    assert (named.__name__, named.__doc__) == ("named", "Say so.")
    assert named(Request({"type": "http"})) == "in"
