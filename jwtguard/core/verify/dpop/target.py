"""RFC 9449 section 4.3, check 9: ``htu`` is the URL of this request.

That is one of ``JWTGUARD_PUBLIC_URL`` with the path as it arrived, and never what
``X-Forwarded-*`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from ...model.origins import serialized
from ...model.request import Request
from ...model.url_values import split_public_url

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""RFC 6455 section 3: the handshake of a WebSocket is an HTTP request."""
# Parsers differ in what they do with these, and no client has to send them.
_UNCLEAR = re.compile(r"[\x00-\x20\x7f\\]|%(?![0-9A-Fa-f]{2})")
_PLAIN = re.compile(r"/|(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
"""A path in which nothing is escaped, empty or a dot segment."""
_LONGEST_HOST = 255
"""Characters. What is read of a host is remembered."""
_HIDDEN = re.compile(r"%(2f|5c)", re.IGNORECASE)
"""An escaped slash or backslash: some servers decode it, others leave it."""


class Target(NamedTuple):
    """A URL, in the one form in which two of them are compared."""

    origin: str
    path: tuple[bytes, ...]
    """Its segments, decoded."""


class Targets:
    """The URLs that one application is reached at; empty: as ``Host`` says."""

    def __init__(self, public_urls: Iterable[str]) -> None:
        split = [split_public_url(url) for url in sorted(public_urls)]
        self._bases = [(origin, _segments(prefix)) for origin, prefix in split]
        self._plain = [
            origin + prefix
            for origin, prefix in split
            if _PLAIN.fullmatch(f"{prefix}/") and not prefix.endswith("/")
        ]

    def spell(self, url: str, request: Request, scheme: str) -> bool:
        """Whether *url* is one of them to the letter; if not, that says nothing yet.

        Most clients write the URL as it is written here, and to compare two texts
        takes a tenth of the time.
        """
        # With an escape in it, a path has several spellings.
        path = request.root + request.path
        if "%" in (request.raw_path or "") or not _PLAIN.fullmatch(path):
            return False
        if self._bases:
            return any(url == base + path for base in self._plain)
        host = request.header("host") or ""
        origin = f"{scheme}://{host}"
        return url == origin + path and len(host) <= _LONGEST_HOST and _is_one(origin)

    def of(self, request: Request, scheme: str) -> list[Target]:
        """Return the URLs that *request*, on *scheme*, may have been sent to."""
        # Several public URLs are several names of one application: each will do.
        path = _segments(_path_of(request))
        if self._bases:
            return [Target(origin, (*prefix, *path)) for origin, prefix in self._bases]
        origin = serialized(f"{scheme}://{request.header('host') or ''}")
        return [] if origin is None else [Target(origin, path)]


@lru_cache(maxsize=256)
def _is_one(origin: str) -> bool:
    return serialized(origin) == origin


def _path_of(request: Request) -> str:
    """Return the path, with its escapes, below the prefix."""
    raw = (request.raw_path or "").partition("?")[0]
    # Only the raw path says which slashes were escaped. Otherwise the decoded one is
    # better: some servers show a whole URL as the raw one, or leave the root out.
    if raw.startswith("/") and _HIDDEN.search(raw):
        return raw
    return (request.root + request.path).replace("%", "%25")


def target_of(url: str, raw_path: str | None) -> Target | None:
    """Return the URL of a proof to be compared, or None if it cannot be one of ours.

    Query and fragment do not count. *raw_path* is the request's, where it is known:
    what is not escaped there may hide no slash here.
    """
    if _UNCLEAR.search(url):
        return None
    try:
        parts = urlsplit(url)  # not urlparse, which takes parameters off the path
    except ValueError:
        return None
    if parts.scheme not in _SCHEMES or _hides(parts.path, raw_path or ""):
        return None
    # RFC 3986 section 6.2.3: an empty port is the default one.
    host = parts.netloc.removesuffix(":")
    origin = serialized(f"{_SCHEMES[parts.scheme]}://{host}")
    if origin is None:
        return None
    return Target(origin, _resolved(_segments(parts.path or "/")))


def _hides(path: str, raw_path: str) -> bool:
    given = {found.lower() for found in _HIDDEN.findall(path)}
    return not given <= {found.lower() for found in _HIDDEN.findall(raw_path)}


def _segments(path: str) -> tuple[bytes, ...]:
    """Split at slashes, then decode (RFC 3986 section 6.2.2.2)."""
    split = path.encode("utf-8", "replace").split(b"/")[1:]
    return tuple(unquote_to_bytes(segment) for segment in split)


def _resolved(segments: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """RFC 3986 section 5.2.4: without dot segments, as clients send a path.

    Ours is compared as it arrived: a client that leaves them in would have the proof of
    another path pass.
    """
    kept: list[bytes] = []
    for segment in segments:
        if segment == b"..":
            del kept[-1:]
        elif segment != b".":
            kept.append(segment)
    # A dot segment at the end leaves the slash before it.
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return tuple(kept)
