"""FastAPI: a router that requires a bound token, or a strong or recent login."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.testclient import TestClient, WebSocketDenialResponse

from jwtguard import Principal
from jwtguard.fastapi import FastAPIGuard
from jwtguard.starlette import GuardMiddleware
from jwtguard.testing import JWTIssuer

HERE = "https://testserver"
docs = FastAPIGuard(token_url="/oauth/token")
NEEDS = {
    "/bound": docs.requires_bound(),
    "/strong": docs.requires_acr("mfa", "otp"),
    "/recent": docs.requires_fresh(300),
}


@pytest.fixture
def app(jwt_issuer: JWTIssuer) -> FastAPI:
    """An application with a router for each of the dependencies."""
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=jwt_issuer.guard())
    for prefix, needed in NEEDS.items():
        router = APIRouter(prefix=prefix, dependencies=[Depends(needed)])

        @router.get("/")
        async def root() -> str:
            return "in"

        @router.websocket("/ws")
        async def ws(socket: WebSocket) -> None:
            await socket.accept()
            await socket.close()

        app.include_router(router)

    @app.get("/who")
    async def who(caller: Annotated[Principal, Depends(NEEDS["/bound"])]) -> str:
        return str(caller.bound)

    return app


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    """A client on TLS."""
    return TestClient(app, base_url=HERE)


def test_a_router_refuses_bearer_tokens(
    client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """A bound token with its proof passes, for requests and for WebSockets."""
    key, bearer = jwt_issuer.dpop(), jwt_issuer.headers()
    refused = client.get("/bound/", headers=bearer)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert (
        refused.json()["error_description"] == "The access token is not bound to a key"
    )
    assert "DPoP" in refused.headers["WWW-Authenticate"]
    assert client.get(
        "/bound/", headers=key.headers("GET", f"{HERE}/bound/")
    ).is_success
    answer = client.get("/who", headers=key.headers("GET", f"{HERE}/who"))
    assert answer.json() == "dpop"
    url = "wss://testserver/bound/ws"
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        client.websocket_connect(url, headers=bearer),
    ):
        pass
    assert denied.value.status_code == 401
    proven = key.headers("GET", f"{HERE}/bound/ws")
    with client.websocket_connect(url, headers=proven):
        pass


@pytest.mark.parametrize(
    ("path", "claims", "member"),
    [
        ("/strong/", {"acr": "otp"}, {"acr_values": "mfa otp"}),
        ("/recent/", {"auth_time": 0}, {"max_age": 300}),
    ],
)
def test_a_router_asks_for_the_login_that_it_needs(
    client: TestClient,
    jwt_issuer: JWTIssuer,
    path: str,
    claims: dict[str, Any],
    member: dict[str, Any],
) -> None:
    """The refusal says which one (RFC 9470), as that of the decorators does."""
    if "auth_time" in claims:
        claims = {"auth_time": jwt_issuer.clock.time() - 200}
    refused = client.get(path, headers=jwt_issuer.headers())
    assert refused.status_code == 401
    assert refused.json()["error"] == "insufficient_user_authentication"
    assert member.items() <= refused.json().items()
    assert client.get(path, headers=jwt_issuer.headers(claims=claims)).is_success


def test_openapi_shows_the_lock(app: FastAPI) -> None:
    """And the 401, but no 403: nothing that the user could be granted is missing."""
    docs.describe(app)
    for path in ("/bound/", "/strong/", "/recent/"):
        operation = app.openapi()["paths"][path]["get"]
        assert operation["security"] == [{"JWTGuard": []}]
        assert "401" in operation["responses"]
        assert "403" not in operation["responses"]
