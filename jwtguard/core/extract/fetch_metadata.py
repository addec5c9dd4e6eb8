"""RFC 6454 section 7.3 and Fetch metadata: which page a browser says it sends from."""

from __future__ import annotations

from ..model.request import Request

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_FROM_ELSEWHERE = frozenset({"cross-site", "same-site"})


def origin_of(request: Request) -> str | None:
    """The one ``Origin`` sent, or None; several give one that matches no client."""
    values = request.headers.get("origin")
    if not values:
        return None
    return values[0] if len(values) == 1 else "null"


def from_elsewhere(request: Request) -> bool:
    """The browser itself says that another site or origin is behind the request."""
    return request.header("sec-fetch-site") in _FROM_ELSEWHERE


def is_navigation(request: Request) -> bool:
    """A person follows a link: the page that opens is ours."""
    return (
        request.header("sec-fetch-mode") == "navigate"
        and request.header("sec-fetch-dest") == "document"
    )
