"""The OpenAPI document of handlers that need no token, or check by themselves."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from jwtguard.fastapi import FastAPIGuard
from jwtguard.starlette import (
    GuardMiddleware,
    optional,
    public,
    require,
    require_any_scope,
    require_fresh,
    require_role,
    require_scope,
)
from jwtguard.testing import JWTIssuer

DOCS = FastAPIGuard(token_url="/oauth/token")


def test_the_document_shows_what_a_handler_says_of_itself() -> None:
    """No lock, an open lock, and a 403 for a check of its own."""
    app = FastAPI()

    @app.get("/open")
    @public
    async def open_() -> str:
        return "in"

    @app.get("/who")
    @optional
    async def who() -> str:
        return "in"

    @app.get("/own")
    @require(lambda who: who.subject == "alice")
    async def own(request: Request) -> str:
        return "in"

    @app.get("/fresh")
    @require_fresh(60)
    async def fresh(request: Request) -> str:
        return "in"

    DOCS.describe(app)
    paths = app.openapi()["paths"]
    assert "security" not in paths["/open"]["get"]
    assert paths["/who"]["get"]["security"] == [{}, {"JWTGuard": []}]
    assert "403" not in paths["/who"]["get"]["responses"]
    refused = paths["/own"]["get"]["responses"]["403"]
    assert refused["description"] == "The caller may not do this"
    assert refused["content"]["application/json"]["example"] == {
        "error": "access_denied",
        "error_description": "The caller may not do this",
    }
    assert paths["/fresh"]["get"]["security"] == [{"JWTGuard": []}]
    assert set(paths["/fresh"]["get"]["responses"]) >= {"200", "401"}


def test_the_examples_are_what_the_guard_answers(jwt_issuer: JWTIssuer) -> None:
    """Swagger UI shows the body of the very refusal: of a scope, and of a role."""
    app = FastAPI()

    @app.get("/scope")
    @require_scope("a")
    async def scope(request: Request) -> str:
        return "in"

    @app.get("/role")
    @require_role("a")
    async def role(request: Request) -> str:
        return "in"

    DOCS.describe(app)
    app.add_middleware(GuardMiddleware, guard=jwt_issuer.guard())
    paths = app.openapi()["paths"]
    http = TestClient(app, base_url="https://api.example")
    for path in ("/scope", "/role"):
        described = paths[path]["get"]["responses"]["403"]["content"]
        answer = http.get(path, headers=jwt_issuer.headers(scope="b"))
        assert answer.json() == described["application/json"]["example"]


def test_what_is_needed_together_is_joined_by_and() -> None:
    """One of several scopes goes without saying where one of them is needed anyway."""
    app = FastAPI()

    @app.get("/both")
    @require_scope("read")
    @require_any_scope("read", "write")
    async def both(request: Request) -> str:
        return "in"

    @app.get("/either")
    @require_scope("read")
    @require_any_scope("write", "admin")
    @require_role("editor")
    async def either(request: Request) -> str:
        return "in"

    DOCS.describe(app)
    said = {
        path: app.openapi()["paths"][path]["get"]["responses"]["403"]["description"]
        for path in ("/both", "/either")
    }
    assert said["/both"] == "The caller lacks scope read"
    lacking, *others = said["/either"].split(" and ")
    assert lacking == "The caller lacks scope read"
    assert sorted(others) == ["role editor", "scope write or admin"]
