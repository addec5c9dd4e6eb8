"""How a session ends: by its owner, on all devices, or by an admin."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.websockets import WebSocket

from jwtguard import Guard
from jwtguard.starlette import principal_of, require_role

from .cookies import leave, refresh_token
from .pages import error_page, field, page
from .visitors import visitor


async def logout(request: Request) -> Response:
    """End this session: a copy of the cookie is of no use either."""
    who = visitor(request)
    if who is not None:
        await _guard(request).arevoke(who)
    return await farewell(request)


async def logout_all(request: Request) -> Response:
    """End all sessions of the visitor, wherever they are signed in."""
    who = visitor(request)
    if who is not None:
        await _guard(request).arevoke_tokens(issuer=who.issuer, subject=who.subject)
    return await farewell(request)


async def live(socket: WebSocket) -> None:
    """Say nothing: the guard closes this when the session ends; the page notices."""
    await socket.accept()
    async for _ in socket.iter_bytes():
        pass


@require_role("admin")
async def admin(request: Request) -> Response:
    """For admins: who was here, and a button that ends all sessions of one of them."""
    who = principal_of(request)
    ended = ""
    if request.method == "POST":
        ended = field(await request.form(), "subject")
        if not ended:
            return error_page(request, 422, "Name the person.")
        await _guard(request).arevoke_tokens(issuer=who.issuer, subject=ended)
        request.app.state.visitors.forget(who.issuer, ended)
    people = request.app.state.visitors.others(who)
    shared = _guard(request).health().state["shared"]
    context = {"who": who, "people": people, "ended": ended, "shared": shared}
    return page(request, "admin.html", **context)


async def farewell(request: Request) -> Response:
    """Give the refresh token back, and forget both cookies."""
    kept = refresh_token(request)
    if kept:
        await request.app.state.tokens.revoke(kept)
    return leave(request)


def _guard(request: Request) -> Guard:
    guard: Guard = request.app.state.guard
    return guard


async def entrance(request: Request) -> Response:
    """The guard says why there is no principal.

    An old token can be renewed; where it was revoked, the refresh token ends with it.
    """
    reason = request.scope.get("jwtguard.refusal") or ""
    if reason.startswith("revoked_"):
        return await farewell(request)
    path = "/session/renew" if reason == "expired" else "/login"
    return RedirectResponse(path, status_code=303)
