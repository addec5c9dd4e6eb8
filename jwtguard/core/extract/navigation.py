"""Whether a person waits for a page, or a script for data: Fetch metadata, and
RFC 9110 section 12.5.1 for clients that do not send it.
"""

from __future__ import annotations

from ..model.request import Request

_PAGES = frozenset({"text/html", "application/xhtml+xml"})


def wants_page(request: Request) -> bool:
    """Whether *request* opens a page in a browser.

    ``Sec-Fetch-Mode`` decides, as no script can set it. Without it, ``Accept`` must
    name a type of pages, and prefer it to JSON.
    """
    if request.websocket:
        return False
    mode = request.header("sec-fetch-mode")
    if mode is not None:
        return mode == "navigate"
    return _prefers_pages(request.header("accept") or "")


def _prefers_pages(accept: str) -> bool:
    page, other = 0.0, 0.0
    for item in accept.split(","):
        kind, _, params = item.partition(";")
        kind = kind.strip(" \t").lower()
        if kind in _PAGES:
            page = max(page, _weight(params))
        elif kind.startswith("application/") and kind.endswith("json"):
            other = max(other, _weight(params))
    return page > other


def _weight(params: str) -> float:
    """Return ``q`` (RFC 9110 section 12.4.2): 1 if absent, 0 if it is malformed."""
    for param in params.split(";"):
        name, equals, value = param.partition("=")
        if equals and name.strip(" \t").lower() == "q":
            digits = value.strip(" \t")
            plain = digits.isascii() and digits.replace(".", "", 1).isdigit()
            return min(float(digits), 1.0) if plain and len(digits) <= 5 else 0.0
    return 1.0
