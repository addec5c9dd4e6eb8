"""RFC 6454: origins. Which are ours, which a client's, and how the request came in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from .messages import NameTable, Request, shows_proxy

_DEFAULT_PORTS = {"http": 80, "https": 443}
_OF_SOCKETS = {"ws": "http", "wss": "https"}
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_HOST_AND_PORT = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?")
_APP_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9_.-]+(?::[0-9]{1,5})?")
_ADDRESS_AND_PORT = re.compile(
    r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?"
)
_LONGEST = 255
"""Characters. No address or host name is longer, and what is read is remembered."""

_shows_proxy = NameTable(shows_proxy).__getitem__

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def serialized(origin: str) -> str | None:
    """RFC 6454 section 6.2: the one way to write *origin*, or None if it is no origin.

    Schemes of apps (``capacitor://localhost``) count as they are written.
    """
    if not origin.isascii() or origin != origin.strip():
        return None
    lowered = origin.lower()
    try:
        parts = urlsplit(lowered)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS:
        return lowered if _APP_SCHEME.fullmatch(lowered) else None
    host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    if not _HOST.fullmatch(host) or port == 0:
        return None
    if lowered != f"{parts.scheme}://{parts.netloc}":
        return None
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


@lru_cache(maxsize=1024)
def is_loopback_host(host: str) -> bool:
    """Whether *host*, with or without port, is a name of this very machine."""
    found = _HOST_AND_PORT.fullmatch(host.lower())
    if found is None:
        return False
    name = found[1].strip("[]").removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or _loopback(name)


def is_plain(origin: str) -> bool:
    """Whether pages of *origin* travel over an open wire: http, and not loopback."""
    scheme, _, host = origin.partition("://")
    return scheme == "http" and not is_loopback_host(host)


@lru_cache(maxsize=1024)
def _loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def client_address(request: Request, proxies: Sequence[Network | str]) -> str:
    """The address of the caller: the first from the right that is no proxy of ours."""
    return _hops(request, proxies)[-1]


def _hops(request: Request, proxies: Sequence[Network | str]) -> list[str]:
    """The peer, then each forwarded address that a trusted hop vouches for."""
    hops = [request.peer]
    if not proxies:
        return hops
    fields = request.headers.get("x-forwarded-for", ())
    for text in reversed(",".join(fields).split(",")):
        address = _forwarded_address(text.strip())
        if address is None or not is_trusted(hops[-1], proxies):
            break
        hops.append(address)
    return hops


def _forwarded_address(text: str) -> str | None:
    """The address alone: some proxies add the port, which differs each time."""
    found = _ADDRESS_AND_PORT.fullmatch(text)
    bare = (found[1] or found[2]) if found else text
    return bare if len(bare) <= _LONGEST and _address(bare) is not None else None


@lru_cache(maxsize=1024)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_trusted(peer: str, proxies: Sequence[Network | str]) -> bool:
    if peer == "unix":
        return "unix" in proxies
    address = _address(peer)
    return address is not None and any(
        not isinstance(network, str) and address in network for network in proxies
    )


def scheme(request: Request, proxies: Sequence[Network | str]) -> str:
    """``http`` or ``https``: as the server says, or as the outermost trusted hop does.

    Each hop appends, so values are read from the right, one for each hop we trust.
    """
    own = _OF_SOCKETS.get(request.scheme, request.scheme)
    if own == "https" or not proxies or not is_trusted(request.peer, proxies):
        return own
    said = request.header("x-forwarded-proto")
    if not said:
        return own
    values = [value.strip().lower() for value in said.split(",")]
    trusted = sum(is_trusted(hop, proxies) for hop in _hops(request, proxies))
    value = values[-min(trusted, len(values))]
    return _OF_SOCKETS.get(value, value)


def is_loopback(request: Request) -> bool:
    """This machine talks to itself, and nobody forwarded the request."""
    host = request.header("host")
    return (
        _loopback(request.peer)
        and host is not None
        and len(host) <= _LONGEST
        and is_loopback_host(host)
        and not any(map(_shows_proxy, request.headers))
    )


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
