"""The www server: pages made here for visitors who are signed in, and an SPA page.

The guard keeps the session, refreshes and verifies its token on every page, and checks
who may post; the same token goes on to the API. No handler repeats any of it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from jwtguard import AuthError, Guard, Principal, load_policy
from jwtguard.forward import BearerForward
from jwtguard.starlette import GuardMiddleware, log_in

from .pages import ErrorPages, field, page
from .settings import Settings
from .sign_out import admin, live, logout, logout_all
from .visitors import Visitors, visitor

HERE = Path(__file__).parent
OWN = {
    "JWTGUARD_LOGIN_URL": "/login",
    "JWTGUARD_PUBLIC_PATHS": "/healthz /spa /static/*",
    "JWTGUARD_OPTIONAL_PATHS": "/logout /logout-all",
    "JWTGUARD_LOGOUT_PATHS": "/oidc/logout",
    "JWTGUARD_SESSION_CLIENT": "www",
    "JWTGUARD_SESSION_SCOPE": "openid notes:read notes:write",
}
"""The site knows its own paths; whom to trust is for the environment to say."""


def create_app(
    guard: Guard | None = None,
    settings: Settings | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """Build the site; without arguments, from ``JWTGUARD_*`` and ``NOTES_*``."""
    guard = guard or Guard(load_policy({**OWN, **os.environ}))
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(ErrorPages), Middleware(GuardMiddleware, guard=guard)],
        lifespan=_lifespan,
    )
    app.state.guard = guard
    app.state.settings = settings or Settings.from_env(os.environ)
    app.state.transport = transport
    app.state.visitors = Visitors()
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    # One client for all visitors: it must not keep what a server sets for one of them.
    nobodys = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    async with httpx.AsyncClient(
        transport=app.state.transport, timeout=10, cookies=nobodys
    ) as http:
        app.state.http = http
        yield


async def home(request: Request) -> Response:
    """The notes, fetched from the API with the visitor's own token."""
    who = visitor(request)
    answer = await _api(request, who, "GET", "/notes")
    notes = answer.json()["notes"] if answer.status_code == 200 else []
    problem = "" if answer.status_code == 200 else _explain(answer)
    return page(request, "notes.html", who=who, notes=notes, problem=problem)


async def add_note(request: Request) -> Response:
    """The form on the page: hand the text on to the API, then show the page again."""
    who = visitor(request)
    note = {"text": field(await request.form(), "text")}
    answer = await _api(request, who, "POST", "/notes", note)
    if answer.status_code == 201:
        return RedirectResponse("/", status_code=303)
    problem = _explain(answer)
    return page(request, "notes.html", 502, who=who, notes=[], problem=problem)


async def login(request: Request) -> Response:
    """The form, and what it posts: name and password become a session.

    ``next`` is where the visitor wanted to go; only paths of this site count.
    """
    guard: Guard = request.app.state.guard
    if request.method != "POST":
        wanted = guard.next_path(request.query_params.get("next"))
        return page(request, "login.html", problem="", wanted=wanted)
    form = await request.form()
    wanted = guard.next_path(field(form, "next"))
    try:
        await log_in(request, field(form, "username"), field(form, "password"))
    except AuthError as error:
        problem = f"{error.description}."
        answer = page(
            request, "login.html", error.status, problem=problem, wanted=wanted
        )
        answer.headers.update(dict(error.fields))
        return answer
    return RedirectResponse(wanted, status_code=303)


async def spa(request: Request) -> Response:
    """A page that logs in and calls the API by itself, across origins."""
    return page(request, "spa.html")


async def healthz(_request: Request) -> Response:
    """Public, and independent of the token server."""
    return PlainTextResponse("ok")


async def _api(
    request: Request,
    who: Principal,
    method: str,
    path: str,
    body: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Call the API as the visitor: the token goes to this one origin, nowhere else."""
    settings: Settings = request.app.state.settings
    http: httpx.AsyncClient = request.app.state.http
    auth = BearerForward(who, settings.api_url)
    try:
        return await http.request(
            method, f"{settings.api_url}{path}", json=body, auth=auth
        )
    except httpx.TransportError:
        return httpx.Response(502, json={"error_description": "no answer"})


def _explain(answer: httpx.Response) -> str:
    challenge = answer.headers.get("WWW-Authenticate", "")
    return f"The API answered {answer.status_code} {answer.reason_phrase}. {challenge}"


ROUTES = [
    Route("/", home),
    Route("/notes", add_note, methods=["POST"]),
    Route("/login", login, methods=["GET", "POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/logout-all", logout_all, methods=["POST"]),
    WebSocketRoute("/live", live),
    Route("/admin", admin, methods=["GET", "POST"]),
    Route("/spa", spa),
    Route("/healthz", healthz),
    Mount("/static", StaticFiles(directory=HERE / "static")),
]
