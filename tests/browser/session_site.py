"""A site whose visitors sign in at the session path; its pages are made here."""

from __future__ import annotations

from html import escape

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from jwtguard.starlette import GuardMiddleware

FORM = """<!doctype html><title>Sign in</title><p id=error>{error}</p>
<form method=post action=/session/login><input name=username><input name=password
type=password><input type=hidden name=next value="{next}"><button>Sign in</button>
</form>"""
PAGE = """<!doctype html><title>Home</title><p id=who>{who}</p>
<form method=post action=/session/logout><input type=hidden name=next value=/login>
<button>Sign out</button></form>"""


async def login(request: Request) -> HTMLResponse:
    """Show the form, and why it failed the last time."""
    said = {k: escape(request.query_params.get(k, "")) for k in ("error", "next")}
    return HTMLResponse(FORM.format(**said))


async def page(request: Request) -> HTMLResponse:
    """Say who is signed in."""
    return HTMLResponse(PAGE.format(who=escape(request.user.subject)))


app = Starlette(
    routes=[Route("/login", login), Route("/{path:path}", page)],
    middleware=[Middleware(GuardMiddleware)],
)
