"""The application: routers, Swagger UI, the guard, and the token path."""

from __future__ import annotations

import os

from fastapi import FastAPI

from jwtguard import Guard, load_policy
from jwtguard.relay import TokenRelay
from jwtguard.starlette import GuardMiddleware

from . import live, messages, security

PATHS = {"JWTGUARD_PUBLIC_PATHS": "/docs /openapi.json /oauth/* /healthz"}
"""Swagger UI and the token path; who may call is for the environment to say."""


def create_app(guard: Guard | None = None) -> FastAPI:
    """Build the API; without an argument, from ``JWTGUARD_*``."""
    guard = guard or Guard(load_policy({**PATHS, **os.environ}))
    app = FastAPI(title="Rooms", redoc_url=None)
    app.add_middleware(GuardMiddleware, guard=guard)
    security.guard.describe(app)
    app.include_router(messages.router)
    app.include_router(live.router)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.mount("/oauth", TokenRelay(guard).asgi)
    return app


async def healthz() -> dict[str, str]:
    """Answer anyone, even while the token server is down."""
    return {"status": "ok"}
