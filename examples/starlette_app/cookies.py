"""RFC 6265bis: the token cookie, and the refresh token's beside it."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .tokens import Tokens

REFRESH_PATH = "/session"
"""The refresh token travels to these few paths only."""


def cookie_name(public_url: Collection[str]) -> str:
    """Return ``__Host-notes`` wherever a browser would take it: not on http."""
    return "__Host-notes" if _secure(public_url) else "notes"


def enter(request: Request, tokens: Tokens) -> Response:
    """Set the cookies and show the home page. No script has business with them."""
    answer = RedirectResponse("/", status_code=303)
    for name, path, value in _cookies(request, tokens.access, tokens.refresh):
        if value:
            answer.set_cookie(
                name,
                value,
                path=path,
                secure=_is_secure(request),
                httponly=True,
                samesite="lax",
            )
    return answer


def leave(request: Request) -> Response:
    """Forget the cookies and show the form."""
    answer = RedirectResponse("/login", status_code=303)
    for name, path, _ in _cookies(request):
        secure = _is_secure(request)
        answer.delete_cookie(name, path, secure=secure, httponly=True, samesite="lax")
    return answer


def refresh_token(request: Request) -> str | None:
    """Return the refresh token that came with the request."""
    name, _, _ = _cookies(request)[1]
    return request.cookies.get(name)


def _cookies(
    request: Request, access: str | None = None, refresh: str | None = None
) -> list[tuple[str, str, str | None]]:
    """Name, path and value of each; only ``__Host-`` insists on the path ``/``."""
    second = "__Secure-notes-refresh" if _is_secure(request) else "notes-refresh"
    first: str = request.app.state.guard.policy.cookie
    return [(first, "/", access), (second, REFRESH_PATH, refresh)]


def _is_secure(request: Request) -> bool:
    return _secure(request.app.state.guard.policy.public_url)


def _secure(public_url: Collection[str]) -> bool:
    return any(url.startswith("https://") for url in public_url)
