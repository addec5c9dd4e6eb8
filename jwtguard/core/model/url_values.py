"""URLs and origins that a setting may name (RFC 8414 section 3, RFC 6454)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from .origins import is_loopback_host, serialized

_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f]")


def fetchable(url: str, http_hosts: Collection[str]) -> bool:
    """RFC 8414 section 3: https; plain http on loopback or where it was allowed."""
    if not isinstance(url, str) or _NOT_IN_URL.search(url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # urlsplit checks the port only when it is asked for; afterwards it would fail
        # in the HTTP client.
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    plain = is_loopback_host(parts.netloc) or host in http_hosts
    return parts.scheme == "https" or (parts.scheme == "http" and plain)


def without_user(url: object) -> str:
    """Return what can be shown of a URL: a password may stand before an ``@``."""
    return str(url).rpartition("@")[2]


def origin_problem(origin: str) -> str:
    """Say why *origin* is not accepted, and what to write."""
    if "@" in origin:
        return "an origin has no @; expected one like https://www.example.com"
    if "*" in origin:
        text = "wildcards are not supported; list each origin, or use origin_patterns"
        return f"{origin!r}: {text}"
    right = serialized(origin.rstrip("/"))
    hint = f"write {right}" if right else "expected one like https://www.example.com"
    return f"{origin!r} is not a valid origin; {hint}"


def network_problem(text: str) -> str:
    """Say why *text* is not a peer that may be trusted, and what to write."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return (
            f"{text!r} is not valid; expected an address, a network like 10.0.0.0/8, "
            "or unix"
        )
    return f"{text!r} is an address in a network; write {network}"


def split_public_url(url: str) -> tuple[str, str]:
    """Return the origin of a public URL, and its path prefix; mostly there is none."""
    scheme, colon, rest = url.partition("://")
    host, slash, prefix = rest.partition("/")
    return scheme + colon + host, slash + prefix


def public_url_problem(url: str) -> str | None:
    """Say why *url* cannot be where this application is reached, and what to write."""
    origin, prefix = split_public_url(url)
    if serialized(origin) != origin or prefix == "/":
        return origin_problem(url)
    if not prefix or _PREFIX.fullmatch(prefix):
        return None
    return f"{url!r} is not valid; expected one like https://www.example.com/api"


def url_problem(url: str) -> str:
    """Say why *url* is not fetched, and what to write."""
    if "@" in str(url):
        return (
            "must be an https URL without user name or password (not shown, as it "
            "holds an @)"
        )
    if isinstance(url, str) and "#" in url:
        return f"{url!r} has a fragment (#): leave it out"
    return (
        f"{url!r} is not a valid https URL; plain http is accepted for loopback and "
        "for the hosts in JWTGUARD_HTTP_HOSTS"
    )
