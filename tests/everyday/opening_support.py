"""Applications with open endpoints, asked without a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from jwtguard import Guard
from jwtguard.starlette import GuardMiddleware

BASE = "https://api.example"
Around = Callable[[Any, Guard], Any]


def inside(app: Any, guard: Guard) -> Any:
    """Among the middleware of the application."""
    app.add_middleware(GuardMiddleware, guard=guard)
    return app


def outside(app: Any, guard: Guard) -> Any:
    """Around the application."""
    return GuardMiddleware(app, guard)


def handler() -> Any:
    """Return an endpoint that no other test has decorated."""

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("in")

    return endpoint


def client_of(app: Any, base: str = BASE) -> TestClient:
    return TestClient(app, base_url=base, follow_redirects=False)


def statuses(app: Any, *paths: str, method: str = "GET", base: str = BASE) -> list[int]:
    """Return the statuses of requests without a token, each asked twice."""
    client = client_of(app, base)
    first = [client.request(method, path).status_code for path in paths]
    assert [client.request(method, path).status_code for path in paths] == first
    return first
