"""RFC 6454: how an origin is written, and which hosts are this machine."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")

_HOST_AND_PORT = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?")

# Ionic and Capacitor apps send `capacitor://localhost` or `ionic://localhost`.
_APP_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9_.-]+(?::[0-9]{1,5})?")

LONGEST = 255

"""Characters. No address or host name is longer, and what is read is remembered."""

_LONGEST_ORIGIN = 2 * LONGEST

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def serialized(origin: str) -> str | None:
    """RFC 6454 section 6.2: the serialized form of *origin*, or None if it is not one.

    Schemes of apps (``capacitor://localhost``) count as they are written.
    """
    if len(origin) > _LONGEST_ORIGIN:  # the standard library remembers what it splits
        return None
    # Browsers send the host in punycode, so a letter outside ASCII means that it was
    # not written by one.
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
    # Path, query and user info have no place in an origin:
    # `https://good.example@evil.example` ends here.
    if lowered != f"{parts.scheme}://{parts.netloc}":
        return None
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def is_loopback_host(host: str) -> bool:
    """Whether *host*, with or without port, is a name of this very machine."""
    return len(host) <= LONGEST and _is_loopback_host(host)


@lru_cache(maxsize=1024)
def _is_loopback_host(host: str) -> bool:
    found = _HOST_AND_PORT.fullmatch(host.lower())
    if found is None:
        return False
    # RFC 6761 section 6.3: every name below `localhost` is this machine, and a final
    # dot changes nothing.
    name = found[1].strip("[]").removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or _loopback(name)


def is_plain(origin: str) -> bool:
    """Whether pages of *origin* travel over an open wire: http, and not loopback."""
    scheme, _, host = origin.partition("://")
    return scheme == "http" and not is_loopback_host(host)


def _loopback(text: str) -> bool:
    return len(text) <= LONGEST and _is_loopback(text)


@lru_cache(maxsize=1024)
def _is_loopback(text: str) -> bool:
    found = _address(text)
    return found is not None and found.is_loopback


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address in *text*, IPv4 if it is mapped into IPv6; else None."""
    return _address(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=1024)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket shows 127.0.0.1 as ::ffff:127.0.0.1, which is_loopback does
    # not know before Python 3.13.
    return getattr(found, "ipv4_mapped", None) or found


def claimed_origins(claims: Mapping[str, Any], name: str | None) -> frozenset[str]:
    """Return the origins that the claim called *name* lists, as far as they count."""
    # The claim is a list at every issuer known. A single string is not read: it could
    # be a list that somebody joined.
    listed = claims.get(name) if name else None
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(o for o in listed if isinstance(o, str) and _https(o))


def _https(origin: str) -> bool:
    """A well-formed https origin; loopback may do without TLS."""
    # Keycloak writes `*` into `allowed-origins` for a client without restriction, and
    # that must not open every origin.
    if serialized(origin) != origin:
        return False
    return origin.startswith(("https://", "http://")) and not is_plain(origin)
