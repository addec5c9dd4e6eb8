"""A user's Starlette application, for mypy to read."""

from __future__ import annotations

from typing import Any, assert_type

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from jwtguard import Guard, Principal
from jwtguard.starlette import (
    GuardMiddleware,
    principal_of,
    require_any_scope,
    require_role,
    require_scope,
)


@require_scope("notes:read")
async def notes(request: Request) -> JSONResponse:
    """List notes."""
    who = principal_of(request)
    assert_type(who, Principal)
    assert_type(who.scopes, frozenset[str])
    assert_type(who.client_id, str | None)
    assert_type(who.expires_at, float)
    assert_type(who.claims, dict[str, Any])
    return JSONResponse({"owner": who.subject})


@require_any_scope("a", "b")
def plain(request: Request) -> PlainTextResponse:
    """Answer in a thread."""
    return PlainTextResponse(principal_of(request).subject)


@require_role("chat")
async def chat(websocket: WebSocket) -> None:
    """Talk."""
    assert_type(principal_of(websocket), Principal)
    await websocket.accept()


@require_scope("a")
class Notes(HTTPEndpoint):
    """An endpoint class."""

    async def get(self, request: Request) -> PlainTextResponse:
        """Answer GET."""
        return PlainTextResponse("x")


def make(guard: Guard) -> Starlette:
    """Put it together."""
    return Starlette(
        routes=[
            Route("/notes", notes),
            Route("/plain", plain),
            Route("/class", Notes),
            WebSocketRoute("/chat", chat),
        ],
        middleware=[Middleware(GuardMiddleware, guard=guard)],
    )


async def use(request: Request) -> None:
    """The signatures are those that were written."""
    assert_type(await notes(request), JSONResponse)
    assert_type(plain(request), PlainTextResponse)
    await notes()  # type: ignore[call-arg]
    plain("x")  # type: ignore[arg-type]
    principal_of("x")  # type: ignore[arg-type]
    principal_of(request).subject = "mallory"  # type: ignore[misc]
