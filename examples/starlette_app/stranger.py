"""A page of somebody else's, on an origin that no client lists: it tries its luck."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

HERE = Path(__file__).parent / "stranger"
TARGETS = {
    "api": ("NOTES_API_URL", "http://127.0.0.1:8000"),
    "www": ("NOTES_WWW_URL", "http://localhost:8001"),
}

templates = Jinja2Templates(HERE)


def create_app(environ: Mapping[str, str] = os.environ) -> Starlette:
    """Build the page's server; ``NOTES_API_URL`` and ``NOTES_WWW_URL`` are its prey."""
    targets = {key: environ.get(*value) for key, value in TARGETS.items()}

    async def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "index.html", targets)

    return Starlette(
        routes=[Route("/", page), Mount("/static", StaticFiles(directory=HERE))]
    )


def __getattr__(name: str) -> Starlette:
    """Build ``app`` when a server asks for it."""
    if name != "app":
        raise AttributeError(name)
    app = globals()["app"] = create_app()
    return app
