"""RFC 6454 section 7.3 and Fetch metadata: which page a browser says it sends from."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.origins import Network, serialized
from ..model.request import Request
from .forwarded import scheme


def own_origins(
    request: Request, public_urls: frozenset[str], proxies: Sequence[Network | str]
) -> frozenset[str]:
    """The origins this application is served at."""
    if public_urls:
        return public_urls
    host = request.headers.get("host", ())
    if len(host) != 1:
        return frozenset()
    origin = serialized(f"{scheme(request, proxies)}://{host[0]}")
    return frozenset((origin,)) if origin else frozenset()


SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_FROM_ELSEWHERE = frozenset({"cross-site", "same-site"})


def origin_of(request: Request) -> str | None:
    """The one ``Origin`` sent, or None; several make one that is nobody's."""
    values = request.headers.get("origin")
    if not values:
        return None
    return values[0] if len(values) == 1 else "null"


def is_own(request: Request, own: frozenset[str]) -> bool:
    """The page that calls was served by this very application."""
    if request.header("sec-fetch-site") == "same-origin":
        return True
    origin = origin_of(request)
    return origin is not None and origin in own


def from_elsewhere(request: Request) -> bool:
    """The browser itself says that another site or origin is behind the request."""
    return request.header("sec-fetch-site") in _FROM_ELSEWHERE


def is_navigation(request: Request) -> bool:
    """A person follows a link: the page that opens is ours."""
    return (
        request.header("sec-fetch-mode") == "navigate"
        and request.header("sec-fetch-dest") == "document"
    )
