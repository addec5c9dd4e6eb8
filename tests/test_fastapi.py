"""FastAPI: dependencies, OpenAPI, overrides and WebSockets, in real applications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Security, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from jwtguard import ConfigurationError, Principal
from jwtguard.fastapi import FastAPIGuard
from jwtguard.starlette import GuardMiddleware, require_scope
from jwtguard.testing import JWTIssuer

api = FastAPIGuard(
    token_url="/oauth/token",
    scopes={"notes:read": "Read notes", "notes:write": "Write notes"},
)
Reader = Annotated[Principal, Depends(api.requires("notes:read"))]
router = APIRouter(prefix="/admin", dependencies=[Depends(api.requires("notes:write"))])


def made(issuer: JWTIssuer) -> FastAPI:
    """Return an application with one path for each way to say what is needed."""
    app = FastAPI()
    app.add_middleware(
        GuardMiddleware,
        guard=issuer.guard(optional_paths=("/any", "/ws"), public_paths=("/docs/*",)),
    )

    @app.get("/any")
    async def any_token(who: Annotated[Principal, Depends(api)]) -> str:
        return who.subject

    @app.get("/requires")
    def requires(who: Reader) -> str:
        return who.subject

    @app.get("/security")
    def security(
        who: Annotated[Principal, Security(api, scopes=["notes:read"])],
    ) -> str:
        return who.subject

    @app.get("/both")
    def both(
        who: Annotated[
            Principal,
            Security(api.requires("notes:read"), scopes=["notes:write"]),
        ],
    ) -> str:
        return who.subject

    @app.websocket("/ws")
    async def ws(socket: WebSocket, who: Reader) -> None:
        await socket.accept()
        await socket.send_text(who.subject)
        await socket.close()

    app.include_router(router)
    return app


@router.get("/plain")
def plain() -> str:
    """Need what the router needs."""
    return "in"


@router.get("/decorated")
@require_scope("notes:read")
async def decorated(request: Request, number: int = 1) -> int:
    """Need that, and more."""
    return number


@pytest.fixture
def app(jwt_issuer: JWTIssuer) -> FastAPI:
    """The application of this module."""
    return made(jwt_issuer)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A browser, as it were, on TLS."""
    with TestClient(app, base_url="https://testserver") as found:
        yield found


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/any", ""),
        ("/requires", "notes:read"),
        ("/security", "notes:read"),
        ("/both", "notes:read notes:write"),
        ("/admin/plain", "notes:write"),
        ("/admin/decorated?number=1", "notes:read notes:write"),
    ],
)
def test_each_way_to_need_scopes_needs_them(
    client: TestClient, jwt_issuer: JWTIssuer, path: str, needed: str
) -> None:
    """All of them pass; without one of them the answer is the guard's 403."""
    assert client.get(path).status_code == 401
    good = client.get(path, headers=jwt_issuer.headers(scope=needed))
    assert good.status_code == 200
    for missing in needed.split():
        held = needed.replace(missing, "other")
        refused = client.get(path, headers=jwt_issuer.headers(scope=held))
        assert refused.status_code == 403
        assert refused.json()["error"] == "insufficient_scope"
        assert missing in refused.headers["WWW-Authenticate"]
        assert refused.headers["Cache-Control"] == "no-store"


def test_openapi_says_what_each_operation_needs(app: FastAPI) -> None:
    """Swagger UI shows a password form, and asks for these scopes."""
    document = app.openapi()
    scheme = document["components"]["securitySchemes"]["JWTGuard"]
    assert scheme["type"] == "oauth2"
    assert scheme["flows"]["password"]["tokenUrl"] == "/oauth/token"
    assert set(scheme["flows"]["password"]["scopes"]) == {"notes:read", "notes:write"}
    needed = {
        path: set(operations["get"]["security"][0]["JWTGuard"])
        for path, operations in document["paths"].items()
    }
    assert needed == {
        "/any": set(),
        "/requires": {"notes:read"},
        "/security": {"notes:read"},
        "/both": {"notes:read", "notes:write"},
        "/admin/plain": {"notes:write"},
        "/admin/decorated": {"notes:write"},
    }


def test_a_dependency_can_be_overridden_in_tests(
    app: FastAPI, client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """The same scopes give the same object; the guard itself can be replaced too."""
    bob = Principal(subject="bob", issuer="https://test.example")
    assert api.requires("notes:read") is api.requires("notes:read")
    for dependency in (api.requires("notes:read"), api):
        app.dependency_overrides = {dependency: lambda: bob}
        found = client.get("/requires", headers=jwt_issuer.headers())
        assert found.json() == "bob"


@pytest.mark.parametrize(
    ("scope", "status"), [(None, 401), ("", 403), ("notes:read", 101)]
)
def test_a_websocket_is_refused_before_accept(
    client: TestClient, jwt_issuer: JWTIssuer, scope: str | None, status: int
) -> None:
    """By the same dependency, with the same status."""
    headers = {} if scope is None else jwt_issuer.headers(scope=scope)
    url = "wss://testserver/ws"
    if status == 101:
        with client.websocket_connect(url, headers=headers) as socket:
            assert socket.receive_text() == "alice"
        return
    with (
        pytest.raises(WebSocketDenialResponse) as caught,
        client.websocket_connect(url, headers=headers),
    ):
        pass
    assert caught.value.status_code == status


def test_without_the_middleware_every_request_fails(jwt_issuer: JWTIssuer) -> None:
    """Even with a good token; the error says what is missing."""
    naked = FastAPI()

    @naked.get("/")
    def root(who: Annotated[Principal, Depends(api)]) -> str:
        return who.subject

    client = TestClient(naked, base_url="https://testserver")
    with pytest.raises(ConfigurationError, match="did not pass GuardMiddleware"):
        client.get("/", headers=jwt_issuer.headers(scope="notes:read"))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: api.requires("a b"), ValueError),
        (lambda: api.requires(["a"]), TypeError),  # type: ignore[arg-type]
        (lambda: FastAPIGuard(token_url="/t", scopes={"a b": "x"}), ValueError),
    ],
)
def test_an_invalid_scope_is_refused_at_start(
    wrong: Any, error: type[Exception]
) -> None:
    """It would be in a challenge, and nobody would ever hold it."""
    with pytest.raises(error, match="not a valid scope"):
        wrong()
