"""RFC 6265bis: the token cookie, and the refresh token's beside it.

Over https both have a ``__Host-`` name: a browser takes such a cookie from this host
alone, so that no neighbour at the same domain can plant one.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .tokens import Tokens


def cookie_name(public_url: Collection[str]) -> str:
    """Return ``__Host-notes`` wherever a browser would take it: not on http."""
    return _hosted("notes", secure=_https(public_url))


def keep(request: Request, tokens: Tokens, answer: Response) -> Response:
    """Set the cookies. No script has business with them."""
    values = (tokens.access, tokens.refresh)
    for name, value in zip(_names(request), values, strict=True):
        if value:
            answer.set_cookie(
                name,
                value,
                secure=_is_secure(request),
                httponly=True,
                samesite="lax",
            )
    return answer


def leave(request: Request) -> Response:
    """Forget the cookies and show the form."""
    answer = RedirectResponse("/login", status_code=303)
    secure = _is_secure(request)
    for name in _names(request):
        answer.delete_cookie(name, secure=secure, httponly=True, samesite="lax")
    return answer


def refresh_token(request: Request) -> str | None:
    """Return the refresh token that came with the request."""
    return request.cookies.get(_names(request)[1])


def _names(request: Request) -> tuple[str, str]:
    """Return the names of the token's cookie and of the refresh token's."""
    first: str = request.app.state.guard.policy.cookie
    return first, _hosted("notes-refresh", secure=_is_secure(request))


def _hosted(name: str, *, secure: bool) -> str:
    return f"__Host-{name}" if secure else name


def _is_secure(request: Request) -> bool:
    https = request.url.scheme == "https"
    return https or _https(request.app.state.guard.policy.public_url)


def _https(public_url: Collection[str]) -> bool:
    return any(url.startswith("https://") for url in public_url)
