"""How a session ends: by its owner, on all devices, or by an admin."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.websockets import WebSocket

from jwtguard import Guard, Principal
from jwtguard.starlette import log_out, principal_of, require_role

from .pages import error_page, field, page


async def logout(request: Request) -> Response:
    """End this session: a copy of the cookie is of no use either."""
    await log_out(request)
    return RedirectResponse("/login", status_code=303)


async def logout_all(request: Request) -> Response:
    """End all sessions of the visitor, wherever they are signed in."""
    who: Principal | None = request.scope["jwtguard.principal"]
    await log_out(request)
    if who is not None:
        await _guard(request).arevoke_tokens(issuer=who.issuer, subject=who.subject)
    return RedirectResponse("/login", status_code=303)


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


def _guard(request: Request) -> Guard:
    guard: Guard = request.app.state.guard
    return guard
