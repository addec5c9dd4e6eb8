"""What the transcripts talk to: it says one word to whoever gets through."""

from __future__ import annotations

import os
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from jwtguard import Guard
from jwtguard.starlette import GuardMiddleware


async def fine(_: Request) -> Response:
    """Let the reader see that the application was reached."""
    return PlainTextResponse("fine\n")


def app() -> Any:
    """Return the application behind its guard; with the relay where one is set up."""
    guard = Guard.from_env()
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes: list[Any] = [Route("/{path:path}", fine, methods=methods)]
    if "JWTGUARD_RELAY_URL" in os.environ:
        from jwtguard.relay import TokenRelay

        routes.insert(0, Mount("/oauth", TokenRelay(guard).asgi))
    return GuardMiddleware(Starlette(routes=routes), guard)
