"""Which handler a request reaches is the application's own router's answer."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwtguard import Principal
from jwtguard.asgi import GuardMiddleware
from jwtguard.fastapi import FastAPIGuard
from jwtguard.flask import JWTGuard, require_scope
from jwtguard.inspect.routes.resolve import Requirements, requirements_at
from jwtguard.starlette import require_scope as scope_of_starlette
from jwtguard.testing import JWTIssuer

need = FastAPIGuard(token_url="/oauth/token", scopes={"read": "Read"})


async def page(request: Request) -> Response:
    return PlainTextResponse("page")


@scope_of_starlette("read")
async def reading(request: Request) -> Response:
    return PlainTextResponse("read")


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()


def handler(found: Requirements) -> str | None:
    """Return the handler's name, or None if none runs."""
    return found.route.handler if found.route else None


def notes() -> Flask:
    app = Flask("notes", static_folder=None)
    app.add_url_rule("/n/<int:n>", "by_number", require_scope("read")(lambda n: ""))
    app.add_url_rule("/n/new", "new", lambda: "", methods=["POST"])
    app.add_url_rule("/deep/", "deep", lambda: "")
    return app


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/n/7", "by_number"),
        ("HEAD", "/n/7", "by_number"),
        ("GET", "/n/x", None),
        ("POST", "/n/7", None),
        ("POST", "/n/new", "new"),
        ("OPTIONS", "/n/7", None),
        ("GET", "/deep/", "deep"),
        ("GET", "/deep", None),
        ("GET", "//deep/", "deep"),
        ("GET", "/in/n/7", "by_number"),
        ("GET", "/in/deep", None),
    ],
)
def test_werkzeug_chooses(
    issuer: JWTIssuer, method: str, path: str, expected: str | None
) -> None:
    """Converters, methods and redirects count; so do mounts of the dispatcher."""
    app = notes()
    mounts: dict[str, Any] = {"/in": notes()}
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, mounts)  # type: ignore[method-assign]
    JWTGuard(app, issuer.guard())
    found = requirements_at(app, method, path)
    assert handler(found) == expected
    if expected:
        ((_, request),) = found.guards
        assert request.path == path


def test_requirements_and_parameters_come_along(issuer: JWTIssuer) -> None:
    """What a decorator asks for is there to be asked."""
    app = notes()
    JWTGuard(app, issuer.guard())
    found = requirements_at(app, "GET", "/n/7")
    assert [str(requirement) for requirement in found.requirements] == ["scope read"]
    assert found.parameters == (("n", "7"),)


@pytest.mark.parametrize(
    ("method", "path", "host", "expected"),
    [
        ("GET", "/page", "a.invalid", "page"),
        ("POST", "/page", "a.invalid", None),
        ("GET", "/page/", "a.invalid", None),
        ("WEBSOCKET", "/talk", "a.invalid", "talk"),
        ("GET", "/talk", "a.invalid", None),
        ("GET", "/in/read", "a.invalid", "reading"),
        ("GET", "/static/x.css", "a.invalid", "StaticFiles"),
        ("GET", "/only", "docs.invalid", "reading"),
        ("GET", "/only", "a.invalid", None),
        ("GET", "/flask/n/7", "a.invalid", None),
    ],
)
def test_starlette_chooses(
    issuer: JWTIssuer, method: str, path: str, host: str, expected: str | None
) -> None:
    """Mounts, hosts, WebSockets, methods and trailing slashes count."""
    app = Starlette(
        routes=[
            Route("/page", page),
            WebSocketRoute("/talk", talk),
            Mount("/in", routes=[Route("/read", reading)]),
            Mount("/static", app=StaticFiles()),
            Host("docs.invalid", app=Router(routes=[Route("/only", reading)])),
        ],
        middleware=[Middleware(GuardMiddleware, guard=issuer.guard())],
    )
    found = requirements_at(app, method, path, host=host)
    assert handler(found) == expected


def test_a_guard_in_a_mount_sees_what_is_below(issuer: JWTIssuer) -> None:
    """What each guard on the way reads of the request is kept, outermost first."""
    inner = Starlette(
        routes=[Route("/page", page)],
        middleware=[Middleware(GuardMiddleware, guard=issuer.guard())],
    )
    app = GuardMiddleware(Starlette(routes=[Mount("/in", app=inner)]), issuer.guard())
    found = requirements_at(app, "GET", "/in/page")
    assert [request.path for _, request in found.guards] == ["/in/page", "/page"]


def test_fastapi_chooses(issuer: JWTIssuer) -> None:
    """Included routers and their dependencies count."""
    router = APIRouter(prefix="/r")

    @router.get("/{item}")
    async def item(
        item: int, who: Annotated[Principal, Depends(need.requires("read"))]
    ) -> None: ...

    app = FastAPI(openapi_url=None)
    app.include_router(router, prefix="/v1")
    app.add_middleware(GuardMiddleware, guard=issuer.guard())
    found = requirements_at(app, "GET", "/v1/r/7")
    assert [str(requirement) for requirement in found.requirements] == ["scope read"]
    assert requirements_at(app, "DELETE", "/v1/r/7").route is None


@pytest.mark.filterwarnings("ignore:The `root_path` parameter")
@pytest.mark.parametrize("outside", [True, False])
def test_a_root_path_of_the_application_counts(
    issuer: JWTIssuer, outside: bool
) -> None:
    """The handler is reached with it; what the guard sees depends on where it is."""
    app: Any = FastAPI(openapi_url=None, root_path="/api")
    app.get("/x")(lambda: "")
    if outside:
        app = GuardMiddleware(app, issuer.guard())
    else:
        app.add_middleware(GuardMiddleware, guard=issuer.guard())
    for path in ("/x", "/api/x"):
        ((_, request),) = requirements_at(app, "GET", path).guards
        assert request.path == (path if outside else "/x")


async def fallback(scope: Any, receive: Any, send: Any) -> None:
    """Any ASGI application."""


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/page", "page"),
        ("GET", "/else", "fallback"),
        ("POST", "/page", None),
        ("GET", "/page/", None),
    ],
)
@pytest.mark.parametrize("make", [Starlette, FastAPI])
def test_what_runs_where_no_route_matches(
    issuer: JWTIssuer, make: Any, method: str, path: str, expected: str | None
) -> None:
    """``router.default`` is a handler, after redirects and 405."""
    app = make(routes=[Route("/page", page)])
    app.router.default = fallback
    guarded = GuardMiddleware(app, issuer.guard())
    assert handler(requirements_at(guarded, method, path)) == expected
    assert handler(requirements_at(make(), method, path)) is None
