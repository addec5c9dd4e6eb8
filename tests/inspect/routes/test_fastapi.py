"""``jwtguard check`` reads a FastAPI application: dependencies and documents too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Security, WebSocket

from jwtguard import Principal
from jwtguard.fastapi import FastAPIGuard
from jwtguard.starlette import GuardMiddleware, require_scope
from jwtguard.testing import JWTIssuer
from tests.inspect.routes.listed import levels, reported, table

guard = FastAPIGuard(token_url="/oauth/token", scopes={"read": "Read"})


def reader(who: Annotated[Principal, Security(guard, scopes=["read"])]) -> Principal:
    """Ask for a scope on behalf of whoever depends on it."""
    return who


def made(issuer: JWTIssuer, **options: Any) -> FastAPI:
    """Return an application without documents, with the guard in front."""
    app = FastAPI(**{"openapi_url": None, **options})
    public = ["/docs", "/docs/oauth2-redirect", "/openapi.json"]
    public = public if app.openapi_url else []
    app.add_middleware(GuardMiddleware, guard=issuer.guard(public_paths=public))
    return app


def test_each_dependency_is_read(issuer: JWTIssuer) -> None:
    """``Depends``, ``Security``, ``requires``, nested, and on the router."""
    app = made(issuer)

    @app.get("/plain")
    async def plain(who: Annotated[Principal, Depends(guard)]) -> None: ...

    @app.get("/nested")
    async def nested(who: Annotated[Principal, Depends(reader)]) -> None: ...

    @app.post("/both")
    async def both(
        who: Annotated[Principal, Depends(guard.requires("read", "write"))],
    ) -> None: ...

    @app.get("/none/{item}")
    async def none(item: int) -> None: ...

    @app.websocket("/ws")
    async def ws(
        websocket: WebSocket, who: Annotated[Principal, Depends(reader)]
    ) -> None: ...

    router = APIRouter(dependencies=[Security(guard, scopes=["admin"])])

    @router.delete("/item")
    async def item() -> None: ...

    outer = APIRouter(prefix="/outer")
    outer.include_router(router, prefix="/inner")
    app.include_router(outer)
    assert table(app) == {
        "GET /plain": "any token",
        "GET /nested": "scope read",
        "POST /both": "scope read and write",
        "GET /none/{item}": "any token",
        "WEBSOCKET /ws": "scope read",
        "DELETE /outer/inner/item": "scope admin",
    }


def test_any_of_several_scopes_and_roles_are_read(issuer: JWTIssuer) -> None:
    """Beside the scopes that a parent asks for."""
    app = made(issuer)
    both = Security(guard.requires_any("a", "b"), scopes=["c"])

    @app.get("/any", dependencies=[Depends(guard.requires_any("a", "b"))])
    async def one_of() -> None: ...

    @app.get("/both", dependencies=[both])
    async def both_of() -> None: ...

    @app.get("/role", dependencies=[Depends(guard.requires_role("admin"))])
    async def role() -> None: ...

    assert table(app) == {
        "GET /any": "scope a or b",
        "GET /both": "scope a or b and scope c",
        "GET /role": "role admin",
    }


def test_what_a_router_requires_of_the_login_and_the_token_is_read(
    issuer: JWTIssuer,
) -> None:
    """Of each of its routes, beside what the route itself requires."""
    app = made(issuer)
    needs = [
        Depends(guard.requires_bound()),
        Depends(guard.requires_acr("mfa", "otp")),
        Depends(guard.requires_fresh(300)),
    ]
    router = APIRouter(prefix="/payments", dependencies=needs)

    @router.get("/", dependencies=[Depends(guard.requires_role("admin"))])
    async def payments() -> None: ...

    app.include_router(router)
    asked = "bound token and acr mfa or otp and a login at most 300 s ago"
    assert table(app) == {"GET /payments/": f"{asked} and role admin"}


def test_optional_callers_need_an_optional_path(issuer: JWTIssuer) -> None:
    """Elsewhere nobody comes without a token, or nobody is ever found."""
    app = FastAPI(openapi_url=None)
    settings: Any = {"optional_paths": ["/good"], "public_paths": ["/public"]}
    app.add_middleware(GuardMiddleware, guard=issuer.guard(**settings))
    needs = [Depends(guard.optional())]

    async def open_to_all() -> None: ...

    for path in ("/good", "/public", "/other"):
        app.add_api_route(path, open_to_all, dependencies=needs)
    assert levels(app) == {
        "GET /good": "note",
        "GET /public": "weak",
        "GET /other": "weak",
    }
    found = table(app)
    assert found["GET /good"] == "nothing: a token is read if one is sent"
    for path in ("/public", "/other"):
        assert found[f"GET {path}"].endswith("list it in optional_paths")


def test_dependencies_without_the_middleware_fail(issuer: JWTIssuer) -> None:
    """They are the face of the middleware, and let nobody in without it."""
    app = FastAPI(openapi_url=None)

    @app.get("/a")
    async def a(who: Annotated[Principal, Depends(guard.requires("read"))]) -> None: ...

    assert levels(app) == {"GET /a": "wrong"}
    assert reported(app, "wrong guard", "missing")


def test_documents_are_open_or_useless(issuer: JWTIssuer) -> None:
    """An open document is told of; a page that cannot be opened, or loaded, too."""
    app = made(issuer, openapi_url="/openapi.json", redoc_url="/redoc")
    assert levels(app)["GET /openapi.json"] == "note"
    assert reported(app, "note /openapi.json", "open to everyone")
    assert reported(app, "note /redoc", "public_paths", "with redoc_url=None")
    assert not reported(app, "/docs:")
    app = made(issuer, openapi_url="/schema.json", redoc_url=None)
    assert reported(app, "weak /docs", "/schema.json")
    app = made(issuer, openapi_url="/openapi.json", docs_url="/help")
    assert reported(app, "note /help", "with docs_url=None")


def test_mounted_applications_are_followed(issuer: JWTIssuer) -> None:
    """A sub-application has its own routes and documents, behind the same guard."""
    sub = FastAPI(docs_url=None, redoc_url=None)

    @sub.get("/item")
    async def item() -> None: ...

    app = made(issuer)
    app.mount("/sub", sub)
    assert table(app) == {
        "GET /sub/item": "any token",
        "GET /sub/openapi.json": "any token",
    }


def test_a_decorator_above_a_path_operation_is_wrong(issuer: JWTIssuer) -> None:
    """Of the application, and of a router that is included."""
    app, router = made(issuer), APIRouter()

    @require_scope("read")
    @app.get("/x")
    async def one(request: Request) -> None: ...

    @require_scope("read")
    @router.get("/y")
    def other(request: Request) -> None: ...

    app.include_router(router, prefix="/r")
    assert levels(app) == {"GET /x": "wrong", "GET /r/y": "wrong"}
    assert "@require_scope('read') has no effect" in table(app)["GET /r/y"]


def test_a_frontend_is_named(issuer: JWTIssuer, tmp_path: Path) -> None:
    """Its files are served where no route matches, and are not in the table."""
    app: Any = made(issuer)
    if not hasattr(app, "frontend"):
        pytest.skip("missing: FastAPI.frontend")
    app.frontend("/ui", directory=tmp_path)
    assert reported(app, "note routes", "the frontend at /ui is not listed")
