"""What a person is shown: templates, and a page where the guard would answer JSON."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import httpx
from starlette.datastructures import FormData, Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .settings import Settings

OURS = {b"content-type", b"content-length", b"cache-control"}
TEXTS = {
    401: "You are not signed in, or not any more.",
    403: "This was refused. If a link or form of another site led here, start over.",
    503: "The token server does not answer at the moment. You were not signed out.",
}

templates = Jinja2Templates(Path(__file__).parent / "templates")


def page(
    request: Request, template: str, status: int = 200, **context: object
) -> Response:
    """Render a page that runs our scripts only, and calls our own servers only."""
    settings: Settings = request.app.state.settings
    servers = {settings.api_url, _origin(settings.browser_token_url)}
    frames = settings.stranger_url or "'none'"
    policy = (
        f"default-src 'self'; connect-src 'self' {' '.join(sorted(servers))}; "
        f"frame-src {frames}; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    context = {"settings": settings, **context}
    return templates.TemplateResponse(
        request, template, context, status_code=status, headers=headers
    )


def error_page(request: Request, status: int, text: str = "") -> Response:
    """Say what went wrong, and offer to try again."""
    title = HTTPStatus(status).phrase
    text = text or TEXTS.get(status, "")
    return page(request, "error.html", status, title=title, text=text)


def field(form: FormData, name: str) -> str:
    """Return one field of a form; "" for a file, or if it is not there."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


class ErrorPages:
    """Stands in front of the guard: whoever asks for a page gets no JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on; put a page in the place of an error without one."""
        wanted = scope["type"] == "http" and Headers(scope=scope).get("accept", "")
        if not wanted or "text/html" not in wanted:
            await self.app(scope, receive, send)
            return
        replaced = False

        async def as_page(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _is_bare_error(message):
                replaced = True
                answer = error_page(Request(scope), message["status"])
                kept = [one for one in message["headers"] if one[0].lower() not in OURS]
                answer.raw_headers[:0] = kept
                await answer(scope, receive, send)
            elif not replaced:
                await send(message)

        await self.app(scope, receive, as_page)


def _is_bare_error(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return message["status"] >= 400 and kind.startswith(
        ("application/json", "text/plain")
    )


def _origin(url: str) -> str:
    return str(httpx.URL(url).copy_with(raw_path=b"/")).rstrip("/")
