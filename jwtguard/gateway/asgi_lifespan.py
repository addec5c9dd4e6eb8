"""ASGI's lifespan: what is wrong with an application fails its startup."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigurationError
from .asgi_messages import Receive, Scope, Send


async def lifespan(middleware: Any, scope: Scope, receive: Receive, send: Send) -> None:
    """Check what the application of *middleware* has registered, and start it."""
    try:
        middleware.endpoints.check(middleware.guard, scope.get("app"))
    except ConfigurationError as error:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        raise  # as Starlette does: test clients wait for that
    middleware.endpoints.count = -1  # startup handlers may register more
    await middleware.app(scope, receive, send)
