"""Redirects to the login page, with the way back (RFC 9110 section 15.4.4)."""

from __future__ import annotations

from urllib.parse import quote

from ...errors import AuthError, GrantError, LoginRedirectError
from ..extract.fetch_metadata import SAFE_METHODS
from ..extract.navigation import wants_page
from ..model.request import Request
from ..model.site_path import is_site_path

_IN_PATH = "/:@!$&'()*+,;=~-._"
"""Characters that a path need not encode (RFC 3986 section 3.3)."""


def redirected(error: AuthError, request: Request, login_url: str | None) -> AuthError:
    """Return *error*, or a redirect to *login_url* if it refuses a navigation.

    Only a 401 for a missing or invalid token is redirected, because signing in does not
    help otherwise. The login page does not redirect to itself.
    """
    if login_url is None or error.status != 401 or isinstance(error, GrantError):
        return error
    if request.path == login_url or not wants_page(request):
        return error
    return LoginRedirectError(error, _location(request, login_url))


def login_page(request: Request, login_url: str) -> str:
    """Return the path of the login page in the browser, with the root of the mount."""
    return own_path(request, login_url)


def own_path(request: Request, path: str) -> str:
    """Return a path of this application with the root that the browser sees."""
    found = _root(request) + path
    return found if is_site_path(found) else path  # a server may name a strange root


def _root(request: Request) -> str:
    return _quoted(request.root.rstrip("/"))


def _location(request: Request, login_url: str) -> str:
    page = login_page(request, login_url)
    back = _asked_for(request, _root(request))
    return f"{page}?next={quote(back, safe='/')}" if back else page


def _asked_for(request: Request, root: str) -> str:
    """Return path and query of *request*, or "" if the browser cannot return there.

    The path of a posted form may not accept GET, so the result is "" for it.
    """
    if request.method not in SAFE_METHODS:
        return ""
    path = root + _quoted(request.path)
    back = f"{path}?{request.query}" if request.query else path
    return back if is_site_path(back) else ""


def _quoted(path: str) -> str:
    # Half a surrogate pair has no UTF-8. No browser sends such a path, but a server may
    # hand one on.
    return quote(path, safe=_IN_PATH, errors="replace")
