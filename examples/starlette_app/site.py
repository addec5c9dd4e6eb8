"""The www server: pages made here with the token in a cookie, and an SPA page.

The token is verified here, on every page, by the guard; the same token goes on to the
API. Cookie rules (who may post, from where) are the guard's: no handler repeats them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from jwtguard import AuthError, Guard, Policy, Principal, load_policy
from jwtguard.forward import BearerForward
from jwtguard.starlette import GuardMiddleware

from .cookies import cookie_name, enter, leave, refresh_token
from .settings import Settings
from .tokens import SignInError, TokenServer

HERE = Path(__file__).parent
PATHS = {
    "JWTGUARD_PUBLIC_PATHS": "/healthz /login /session/* /spa /static/*",
    "JWTGUARD_OPTIONAL_PATHS": "/ /notes",
}
"""The site knows its own paths; whom to trust is for the environment to say."""

templates = Jinja2Templates(HERE / "templates")


def create_app(
    guard: Guard | None = None,
    settings: Settings | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """Build the site; without arguments, from ``JWTGUARD_*`` and ``NOTES_*``."""
    guard = guard or Guard(_policy())
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(GuardMiddleware, guard=guard)],
        lifespan=_lifespan,
    )
    app.state.guard = guard
    app.state.settings = settings or Settings.from_env(os.environ)
    app.state.transport = transport
    return app


def _policy() -> Policy:
    policy = load_policy({**PATHS, **os.environ})
    return replace(policy, cookie=policy.cookie or cookie_name(policy.public_url))


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    # One client for all visitors: it must not keep what a server sets for one of them.
    nobodys = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    async with httpx.AsyncClient(
        transport=app.state.transport, timeout=10, cookies=nobodys
    ) as http:
        app.state.http = http
        issuer = next(iter(app.state.guard.policy.issuers)).url
        app.state.tokens = TokenServer(issuer, app.state.settings, http)
        yield


async def home(request: Request) -> Response:
    """The notes, fetched from the API with the visitor's own token."""
    who = _visitor(request)
    if who is None:
        return _entrance(request)
    answer = await _api(request, who, "GET", "/notes")
    notes = answer.json()["notes"] if answer.status_code == 200 else []
    problem = "" if answer.status_code == 200 else _explain(answer)
    return _page(request, "notes.html", who=who, notes=notes, problem=problem)


async def add_note(request: Request) -> Response:
    """The form on the page: hand the text on to the API, then show the page again."""
    who = _visitor(request)
    if who is None:
        return _entrance(request)
    note = {"text": _field(await request.form(), "text")}
    answer = await _api(request, who, "POST", "/notes", note)
    if answer.status_code == 201:
        return RedirectResponse("/", status_code=303)
    problem = _explain(answer)
    return _page(request, "notes.html", 502, who=who, notes=[], problem=problem)


async def login(request: Request) -> Response:
    """The form, and what it posts: name and password become a cookie."""
    if request.method != "POST":
        return _page(request, "login.html", problem="")
    form = await request.form()
    server: TokenServer = request.app.state.tokens
    try:
        tokens = await server.sign_in(
            _field(form, "username"), _field(form, "password")
        )
        await request.app.state.guard.averify(tokens.access)
    except SignInError as error:
        return _page(request, "login.html", 401, problem=str(error))
    except AuthError as error:
        # Without this look, a token that our own guard refuses would send the person
        # from here to the home page and back for ever.
        return _page(request, "login.html", 502, problem=f"{error.description}.")
    return enter(request, tokens)


async def renew(request: Request) -> Response:
    """The access token expired: use the refresh token, or ask for the password."""
    kept = refresh_token(request)
    if not kept:
        return leave(request)
    try:
        return enter(request, await request.app.state.tokens.renew(kept))
    except SignInError:
        return leave(request)


async def logout(request: Request) -> Response:
    """Give the refresh token back, and forget both cookies."""
    kept = refresh_token(request)
    if kept:
        await request.app.state.tokens.revoke(kept)
    return leave(request)


async def spa(request: Request) -> Response:
    """A page that logs in and calls the API by itself, across origins."""
    return _page(request, "spa.html")


async def healthz(_request: Request) -> Response:
    """Public, and independent of the token server."""
    return PlainTextResponse("ok")


def _visitor(request: Request) -> Principal | None:
    who: Principal | None = request.scope["jwtguard.principal"]
    return who


def _entrance(request: Request) -> Response:
    """The guard says why there is no principal: an old token can be renewed."""
    expired = request.scope.get("jwtguard.refusal") == "expired"
    return RedirectResponse("/session/renew" if expired else "/login", status_code=303)


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


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _page(
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
    return templates.TemplateResponse(
        request,
        template,
        {"settings": settings, **context},
        status_code=status,
        headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"},
    )


def _origin(url: str) -> str:
    return str(httpx.URL(url).copy_with(raw_path=b"/")).rstrip("/")


ROUTES = [
    Route("/", home),
    Route("/notes", add_note, methods=["POST"]),
    Route("/login", login, methods=["GET", "POST"]),
    Route("/session/renew", renew),
    Route("/session/logout", logout, methods=["POST"]),
    Route("/spa", spa),
    Route("/healthz", healthz),
    Mount("/static", StaticFiles(directory=HERE / "static")),
]
