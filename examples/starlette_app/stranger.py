"""A page of somebody else's, on an origin that no client lists: it tries its luck.

A browser hides the answers from such a page. So its server sends each request once
more, with the page's ``Origin`` and cookies, and the page shows what was answered.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

HERE = Path(__file__).parent / "stranger"
TARGETS = {
    "api": ("NOTES_API_URL", "http://127.0.0.1:8000"),
    "www": ("NOTES_WWW_URL", "http://localhost:8001"),
}
FORM = "application/x-www-form-urlencoded"
REFRESH = "grant_type=refresh_token&client_id=spa&refresh_token=stolen"

templates = Jinja2Templates(HERE)


def tries(api: str, www: str) -> list[dict[str, str]]:
    """What the page tries. ``with`` is the token, the cookies, or nothing."""
    return [
        {
            "title": "Read the notes with the token",
            "method": "GET",
            "url": f"{api}/notes",
            "with": "token",
        },
        {
            "title": "Write a note by a plain form, without a preflight",
            "method": "POST",
            "url": f"{api}/notes",
            "body": "text=gotcha",
            "with": "nothing",
        },
        {
            "title": "Refresh as the client spa",
            "method": "POST",
            "url": f"{api}/oauth/token",
            "body": REFRESH,
            "with": "nothing",
        },
        {
            "title": "Sign the visitor out of the site, with the visitor's cookies",
            "method": "POST",
            "url": f"{www}/logout",
            "body": "",
            "with": "cookies",
        },
    ]


async def repeat(
    http: httpx.AsyncClient, attempt: Mapping[str, str], headers: Mapping[str, str]
) -> list[str]:
    """Send one try as the page's browser would; return each answer in a few words."""
    asked = []
    if "Authorization" in headers:
        preflight = {
            "Origin": headers["Origin"],
            "Access-Control-Request-Method": attempt["method"],
            "Access-Control-Request-Headers": "authorization",
        }
        answer = await http.options(attempt["url"], headers=preflight)
        asked.append(f"preflight {in_words(answer)}")
    answer = await http.request(
        attempt["method"], attempt["url"], headers=headers, content=attempt.get("body")
    )
    return [*asked, f"request {in_words(answer)}"]


def in_words(answer: httpx.Response) -> str:
    """Return the status and the error code, if there is one."""
    kind = answer.headers.get("Content-Type", "")
    error = answer.json().get("error") if kind == "application/json" else None
    return f"{answer.status_code} {error or answer.reason_phrase}"


def create_app(
    environ: Mapping[str, str] = os.environ,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """Build the page's server; ``NOTES_API_URL`` and ``NOTES_WWW_URL`` are its prey."""
    targets = {key: environ.get(*value) for key, value in TARGETS.items()}
    listed = tries(**targets)

    async def page(request: Request) -> Response:
        return templates.TemplateResponse(
            request, "index.html", {**targets, "tries": listed}
        )

    async def again(request: Request) -> Response:
        attempt = listed[request.path_params["number"]]
        given: dict[str, Any] = await request.json()
        headers = {"Origin": f"http://{request.headers['Host']}", "Content-Type": FORM}
        if attempt["with"] == "token":
            headers["Authorization"] = f"Bearer {given.get('token')}"
        if attempt["with"] == "cookies":
            headers["Cookie"] = request.headers.get("Cookie", "")
            headers["Sec-Fetch-Site"] = "same-site"
        async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
            try:
                answers = await repeat(http, attempt, headers)
            except httpx.TransportError as error:
                return JSONResponse({"failure": type(error).__name__})
        return JSONResponse({"answers": answers})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/again/{number:int}", again, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE)),
        ]
    )


def __getattr__(name: str) -> Starlette:
    """Build ``app`` when a server asks for it."""
    if name != "app":
        raise AttributeError(name)
    app = globals()["app"] = create_app()
    return app
