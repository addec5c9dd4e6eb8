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
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from jwtguard import AuthError, Guard, Policy, Principal, load_policy
from jwtguard.forward import BearerForward
from jwtguard.starlette import GuardMiddleware

from .cookies import cookie_name, keep, leave, refresh_token
from .guesses import Guesses, TooManyGuessesError
from .pages import ErrorPages, error_page, field, page
from .settings import Settings
from .sign_out import admin, entrance, live, logout, logout_all
from .tokens import TOO_MANY, SignInError, Tokens, TokenServer, TokenServerError
from .visitors import Visitors, visitor

HERE = Path(__file__).parent
PATHS = {
    "JWTGUARD_PUBLIC_PATHS": "/healthz /login /session/renew /spa /static/*",
    "JWTGUARD_OPTIONAL_PATHS": "/ /notes /session/logout /session/logout-all",
    "JWTGUARD_LOGOUT_PATHS": "/oidc/logout",
}
"""The site knows its own paths; whom to trust is for the environment to say."""


def create_app(
    guard: Guard | None = None,
    settings: Settings | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    guesses: Guesses | None = None,
) -> Starlette:
    """Build the site; without arguments, from ``JWTGUARD_*`` and ``NOTES_*``."""
    guard = guard or Guard(_policy())
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(ErrorPages), Middleware(GuardMiddleware, guard=guard)],
        lifespan=_lifespan,
    )
    app.state.guard = guard
    app.state.settings = settings or Settings.from_env(os.environ)
    app.state.transport = transport
    app.state.visitors = Visitors()
    app.state.guesses = Guesses() if guesses is None else guesses
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
    who = visitor(request)
    if who is None:
        return await entrance(request)
    answer = await _api(request, who, "GET", "/notes")
    notes = answer.json()["notes"] if answer.status_code == 200 else []
    problem = "" if answer.status_code == 200 else _explain(answer)
    return page(request, "notes.html", who=who, notes=notes, problem=problem)


async def add_note(request: Request) -> Response:
    """The form on the page: hand the text on to the API, then show the page again."""
    who = visitor(request)
    if who is None:
        return await entrance(request)
    note = {"text": field(await request.form(), "text")}
    answer = await _api(request, who, "POST", "/notes", note)
    if answer.status_code == 201:
        return RedirectResponse("/", status_code=303)
    problem = _explain(answer)
    return page(request, "notes.html", 502, who=who, notes=[], problem=problem)


async def login(request: Request) -> Response:
    """The form, and what it posts: name and password become a cookie."""
    if request.method != "POST":
        return page(request, "login.html", problem="")
    form = await request.form()
    name, password = field(form, "username"), field(form, "password")
    guesses: Guesses = request.app.state.guesses
    try:
        claimed = guesses.claim(name, request.client.host if request.client else "")
    except TooManyGuessesError as error:
        answer = page(request, "login.html", 429, problem=TOO_MANY)
        answer.headers["Retry-After"] = str(error.seconds)
        return answer
    server: TokenServer = request.app.state.tokens
    try:
        tokens = await server.sign_in(name, password)
    except SignInError as error:
        if error.status == 503:
            guesses.give_back(claimed)
        return page(request, "login.html", error.status, problem=str(error))
    guesses.give_back(claimed)
    if refused := await _refusal(request, tokens):
        status, problem = refused
        return page(request, "login.html", status, problem=problem)
    return keep(request, tokens, RedirectResponse("/", status_code=303))


async def renew(request: Request) -> Response:
    """The access token has expired: use the refresh token, or ask for the password.

    Anybody can link to this page. All that a link does is renew the session; it ends
    only if the token server says that the refresh token has ended.
    """
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        return error_page(request, 403)  # an image of a neighbour's, say
    kept = refresh_token(request)
    if not kept:
        return RedirectResponse("/login", status_code=303)
    try:
        tokens = await request.app.state.tokens.renew(kept)
    except TokenServerError as error:
        return error_page(request, error.status, str(error))
    except SignInError:
        return leave(request)
    # The old refresh token is spent: the new one is kept, whatever the guard says.
    refused = await _refusal(request, tokens)
    home = RedirectResponse("/", status_code=303)
    return keep(request, tokens, error_page(request, *refused) if refused else home)


async def _refusal(request: Request, tokens: Tokens) -> tuple[int, str] | None:
    """Return status and text if our own guard refuses the token.

    Without this look, such a token would send the person from here to the home page
    and back for ever.
    """
    try:
        await request.app.state.guard.averify(tokens.access)
    except AuthError as error:
        return 503 if error.status == 503 else 502, f"{error.description}."
    return None


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
    Route("/session/renew", renew),
    Route("/session/logout", logout, methods=["POST"]),
    Route("/session/logout-all", logout_all, methods=["POST"]),
    WebSocketRoute("/live", live),
    Route("/admin", admin, methods=["GET", "POST"]),
    Route("/spa", spa),
    Route("/healthz", healthz),
    Mount("/static", StaticFiles(directory=HERE / "static")),
]
