"""Refusals on a WebSocket: the guard's words, or an error handler's with our fields."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from jwtguard import AuthError, Guard
from jwtguard.errors import AccessDeniedError
from jwtguard.rules import problem_json
from jwtguard.starlette import GuardMiddleware, principal_of, require_scope
from jwtguard.testing import JWTIssuer


@require_scope("a")
async def decorated(websocket: WebSocket) -> None:
    """Need a scope."""
    await websocket.accept()


async def raising(_: WebSocket) -> None:
    """Raise a refusal before the socket is accepted."""
    raise AccessDeniedError("role_missing")


async def late(websocket: WebSocket) -> None:
    """Raise one afterwards."""
    await websocket.accept()
    raise AccessDeniedError("role_missing")


async def who(websocket: WebSocket) -> None:
    """Need anybody."""
    principal_of(websocket)


ROUTES = [
    WebSocketRoute("/decorated", decorated),
    WebSocketRoute("/raising", raising),
    WebSocketRoute("/late", late),
    WebSocketRoute("/who", who),
]


async def own(_: Any, error: Any) -> PlainTextResponse:
    """An error handler that knows Starlette's exceptions."""
    return PlainTextResponse(f"own: {error.detail}", error.status_code)


class World:
    """An application behind the guard; *told* is what was reported."""

    def __init__(self, issuer: JWTIssuer, handlers: Any = None, **more: Any) -> None:
        self.told: list[Any] = []
        guard = Guard(
            issuer.policy(optional_paths=("/who",)),
            clock=issuer.clock,
            transport=issuer.transport,
            on_event=lambda _, fields: self.told.append(fields.get("reason")),
            **more,
        )
        app = Starlette(routes=ROUTES, exception_handlers=handlers)
        self.client = TestClient(GuardMiddleware(app, guard))
        self.headers = issuer.headers(scope="b")

    def denied(self, path: str, *, token: bool = True) -> WebSocketDenialResponse:
        headers = self.headers if token else {}
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            self.client.websocket_connect(f"wss://testserver{path}", headers=headers),
        ):
            pass
        found: WebSocketDenialResponse = caught.value
        return found

    def refusals(self) -> list[str]:
        return [reason for reason in self.told if reason]


@pytest.mark.parametrize(
    ("path", "reason", "code"),
    [
        ("/decorated", "scope_missing", "insufficient_scope"),
        ("/raising", "role_missing", "access_denied"),
    ],
)
def test_a_refusal_before_accept_is_in_the_words_of_the_guard(
    jwt_issuer: JWTIssuer, path: str, reason: str, code: str
) -> None:
    """And reported once."""
    world = World(jwt_issuer)
    answer = world.denied(path)
    assert (answer.status_code, answer.json()["error"]) == (403, code)
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.refusals() == [reason]


def test_a_renderer_words_it(jwt_issuer: JWTIssuer) -> None:
    """As on every other path."""
    answer = World(jwt_issuer, render=problem_json).denied("/decorated")
    assert answer.json()["reason"] == "scope_missing"
    assert 'scope="a"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("kind", [HTTPException, 403, AuthError])
def test_an_error_handler_replaces_the_body_and_keeps_the_fields(
    jwt_issuer: JWTIssuer, kind: Any
) -> None:
    """If it answers the status of the refusal."""
    world = World(jwt_issuer, {kind: own})
    answer = world.denied("/decorated")
    assert answer.text == "own: The access token lacks a required scope"
    assert 'scope="a"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert world.refusals() == ["scope_missing"]


def test_without_a_token_the_principal_is_a_401(jwt_issuer: JWTIssuer) -> None:
    """With the challenges."""
    world = World(jwt_issuer)
    answer = world.denied("/who", token=False)
    assert answer.status_code == 401
    told = answer.headers["WWW-Authenticate"]
    assert told.startswith('Bearer realm="api", DPoP realm="api", ')
    assert world.refusals() == ["no_credentials"]


def test_after_accept_it_closes(jwt_issuer: JWTIssuer) -> None:
    """There is no body any more."""
    world = World(jwt_issuer)
    url = "wss://testserver/late"
    with (
        world.client.websocket_connect(url, headers=world.headers) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()
    assert (closed.value.code, closed.value.reason) == (4403, "role_missing")
    assert world.refusals() == ["role_missing"]
