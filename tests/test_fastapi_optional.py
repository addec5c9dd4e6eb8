"""FastAPI: optional callers, any of several scopes, roles, and what OpenAPI says."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Security
from starlette.testclient import TestClient

from jwtguard import ConfigurationError, Principal
from jwtguard.fastapi import FastAPIGuard
from jwtguard.starlette import (
    GuardMiddleware,
    require_any_scope,
    require_role,
    require_scope,
)
from jwtguard.testing import JWTIssuer

docs = FastAPIGuard(token_url="/oauth/token", scopes={"a": "Read", "b": "Write"})
Anybody = Annotated[Principal | None, Depends(docs.optional())]
router = APIRouter(prefix="/part")


@router.get("/decorated")
@require_scope("a", "b")
async def decorated(request: Request) -> str:
    """Need both scopes."""
    return request.url.path


def made(issuer: JWTIssuer) -> FastAPI:
    """Return an application with an operation of each kind."""
    app = FastAPI()
    guard = issuer.guard(
        optional_paths=("/maybe",), public_paths=("/openapi.json", "/docs", "/open")
    )
    app.add_middleware(GuardMiddleware, guard=guard)

    @app.get("/maybe")
    async def maybe(who: Anybody) -> str:
        return who.subject if who is not None else "nobody"

    @app.get("/any", dependencies=[Depends(docs.requires_any("a", "b"))])
    async def one_of() -> str:
        return "in"

    @app.get(
        "/both", dependencies=[Security(docs.requires_any("a", "b"), scopes=["c"])]
    )
    async def both() -> str:
        return "in"

    @app.get("/role")
    async def role(
        who: Annotated[Principal, Depends(docs.requires_role("admin"))],
    ) -> str:
        return who.subject

    @app.get("/any-decorated", responses={403: {"description": "Mine"}})
    @require_any_scope("a", "b")
    async def any_decorated(request: Request) -> str:
        return request.url.path

    @app.get("/role-decorated")
    @require_role("admin")
    async def role_decorated(request: Request) -> str:
        return request.url.path

    @app.get("/open")
    async def everybody() -> str:
        return "in"

    app.include_router(router)
    return app


@pytest.fixture
def app(jwt_issuer: JWTIssuer) -> FastAPI:
    """The application of this module."""
    return made(jwt_issuer)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    """A client on TLS."""
    return TestClient(app, base_url="https://testserver")


def test_optional_is_the_principal_or_none(
    client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """Without a token nobody, with one its subject, with a bad one 401."""
    assert client.get("/maybe").json() == "nobody"
    assert client.get("/maybe", headers=jwt_issuer.headers()).json() == "alice"
    bad = {"Authorization": f"Bearer {jwt_issuer.expired()}"}
    assert client.get("/maybe", headers=bad).status_code == 401


@pytest.mark.parametrize(
    ("path", "held", "status"),
    [
        ("/any", {"scope": "a"}, 200),
        ("/any", {"scope": "x b"}, 200),
        ("/any", {"scope": "x"}, 403),
        ("/any", None, 401),
        ("/both", {"scope": "b c"}, 200),
        ("/both", {"scope": "b"}, 403),
        ("/both", {"scope": "c"}, 403),
        ("/role", {"roles": ["admin"]}, 200),
        ("/role", {"scope": "admin"}, 403),
        ("/role", None, 401),
    ],
)
def test_any_scope_and_roles_are_asked_for(
    client: TestClient,
    jwt_issuer: JWTIssuer,
    path: str,
    held: dict[str, Any] | None,
    status: int,
) -> None:
    """As the decorators of the same name do."""
    headers = {} if held is None else jwt_issuer.headers(**held)
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    if status == 403 and path == "/any":
        assert 'scope="a b"' in answer.headers["WWW-Authenticate"]


def test_the_same_arguments_give_the_same_dependency() -> None:
    """So that tests can override it."""
    assert docs.optional() is docs.optional()
    assert docs.requires_any("a", "b") is docs.requires_any("a", "b")
    assert docs.requires_any("a") is not docs.requires("a")
    assert docs.requires_role("a") is not docs.requires_any("a")
    assert docs.requires_bound() is docs.requires_bound()
    assert docs.requires_acr("a") is docs.requires_acr("a")
    assert docs.requires_acr("a") is not docs.requires_role("a")
    assert docs.requires_fresh(300) is docs.requires_fresh(300)
    assert docs.requires_fresh(300) is not docs.requires_fresh(60)


def test_optional_without_the_middleware_fails() -> None:
    """It is never taken for a request without a token."""
    naked = FastAPI()

    @naked.get("/")
    async def root(_: Anybody) -> str:
        return "in"

    with pytest.raises(ConfigurationError, match="did not pass GuardMiddleware"):
        TestClient(naked).get("/")


LOCKS: list[tuple[str, list[dict[str, list[str]]], str]] = [
    ("/maybe", [{}, {"JWTGuard": []}], ""),
    ("/any", [{"JWTGuard": ["a"]}, {"JWTGuard": ["b"]}], "scope a or b"),
    (
        "/both",
        [{"JWTGuard": ["c", "a"]}, {"JWTGuard": ["c", "b"]}],
        "scope a or b and scope c",
    ),
    ("/role", [{"JWTGuard": []}], "role admin"),
    ("/role-decorated", [{"JWTGuard": []}], "role admin"),
    ("/part/decorated", [{"JWTGuard": ["a", "b"]}], "scope a and b"),
]


@pytest.mark.parametrize("row", LOCKS, ids=[row[0] for row in LOCKS])
def test_openapi_shows_locks_and_refusals(
    app: FastAPI, row: tuple[str, list[dict[str, list[str]]], str]
) -> None:
    """Of dependencies and of decorators alike, with the schema of the body."""
    path, locks, lacking = row
    docs.describe(app)
    document = app.openapi()
    operation = document["paths"][path]["get"]
    found = [
        {name: sorted(scopes) for name, scopes in one.items()}
        for one in operation["security"]
    ]
    wanted = [{name: sorted(scopes) for name, scopes in one.items()} for one in locks]
    assert found == wanted
    refused = operation["responses"]["401"]
    schema = refused["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/JWTGuardRefusal"}
    assert "WWW-Authenticate" in refused["headers"]
    if lacking:
        text = operation["responses"]["403"]["description"]
        assert sorted(text.removeprefix("The caller lacks ").split(" and ")) == sorted(
            lacking.split(" and ")
        )
    else:
        assert "403" not in operation["responses"]


def test_openapi_keeps_what_an_operation_declares(app: FastAPI) -> None:
    """And says nothing of operations without a decorator or a dependency."""
    docs.describe(app)
    document = app.openapi()
    assert document is app.openapi()
    paths = document["paths"]
    assert paths["/any-decorated"]["get"]["responses"]["403"]["description"] == "Mine"
    assert "security" not in paths["/open"]["get"]
    assert "401" not in paths["/open"]["get"]["responses"]
    schema = document["components"]["schemas"]["JWTGuardRefusal"]
    assert schema["required"] == ["error", "error_description"]


def test_a_document_of_decorators_alone_has_the_scheme(jwt_issuer: JWTIssuer) -> None:
    """Swagger UI then has its Authorize button."""
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=jwt_issuer.guard())
    app.include_router(router)
    docs.describe(app)
    scheme = app.openapi()["components"]["securitySchemes"]["JWTGuard"]
    assert scheme["type"] == "oauth2"
    assert scheme["flows"]["password"]["tokenUrl"] == "/oauth/token"
    assert scheme["flows"]["password"]["scopes"] == {"a": "Read", "b": "Write"}


def test_an_application_without_locks_gets_nothing() -> None:
    """No scheme, no schema."""
    app = FastAPI()

    @app.get("/open")
    async def everybody() -> str:
        return "in"

    docs.describe(app)
    assert "JWTGuard" not in str(app.openapi())


def test_the_document_is_served(client: TestClient, app: FastAPI) -> None:
    """Swagger UI loads what ``openapi`` returns."""
    docs.describe(app)
    document = client.get("/openapi.json").json()
    assert "JWTGuardRefusal" in document["components"]["schemas"]
    assert "swagger-ui" in client.get("/docs").text
