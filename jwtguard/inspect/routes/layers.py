"""What is worth saying of the layers around the routes of an application."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

from ...application.roots import own_roots
from ...guard import Guard
from .model import Finding, Place

_OUTSIDE = {
    "CORSMiddleware": (
        "weak",
        "answers preflights before the guard, for every client alike: take it out",
    ),
    "ProxyFix": ("note", "rewrites peer and scheme before the guard reads them"),
    "ProxyHeadersMiddleware": (
        "note",
        "rewrites peer and scheme before the guard reads them",
    ),
}
_INSIDE = {
    "CORSMiddleware": ("note", "is superfluous: the guard's CORS fields replace its"),
    "AuthenticationMiddleware": (
        "weak",
        "replaces request.user and request.auth, which the guard has set",
    ),
}


_PROXY_FIXES = frozenset({"ProxyFix", "ProxyHeadersMiddleware"})
_PROXY_FIX_INSIDE = (
    "stands inside the guard, which sees plain HTTP and refuses every token: put it "
    "outside (ProxyFix after JWTGuard(app)), or set JWTGUARD_TRUSTED_PROXIES"
)
_KNOWN = frozenset(
    {
        "DebuggedApplication", "ExceptionMiddleware", "GZipMiddleware",
        "HTTPSRedirectMiddleware", "LintMiddleware", "OpenTelemetryMiddleware",
        "ProfilerMiddleware", "RequestBodyLimitMiddleware", "SentryAsgiMiddleware",
        "SentryWsgiMiddleware", "ServerErrorMiddleware", "SessionMiddleware",
        "TrustedHostMiddleware", "WSGIMiddleware",
    }
)  # fmt: skip
"""Middleware that hands on method and path as they are."""
_UNKNOWN = (
    "stands between the guard and the routes: if it changes method or path, or answers "
    "by itself, that is not seen here"
)
_WAITRESS = (
    "waitress removes X-Forwarded-* and Forwarded before the guard sees them, so a "
    "proxy on this machine can look like loopback: serve with "
    "clear_untrusted_proxy_headers=False and JWTGUARD_TRUSTED_PROXIES, or with "
    "trusted_proxy and trusted_proxy_headers"
)


def waitress(guard: Guard) -> Iterator[Finding]:
    """Name the server that hides proxies, where it is installed."""
    # Which server will run is not known here; that it is installed is the best sign.
    if guard.policy.require_https and importlib.util.find_spec("waitress"):
        yield Finding("note", "transport", _WAITRESS)


def layer(name: str, place: Place) -> Iterator[Finding]:
    """Say what is worth saying of middleware *name* at *place*."""
    if place.guard is not None:
        policy = place.guard.policy
        if name in _PROXY_FIXES and policy.require_https and not policy.trusted_proxies:
            yield Finding("wrong", "order", f"{name} {_PROXY_FIX_INSIDE}")
        if name in _INSIDE:
            level, text = _INSIDE[name]
            yield Finding(level, "order", f"{name} {text}")
        elif name not in _PROXY_FIXES | _KNOWN:
            yield Finding("note", "order", f"{name} {_UNKNOWN}")
        return
    level, text = _OUTSIDE.get(
        name, ("note", "stands outside of the guard: it sees every request first")
    )
    yield Finding(level, "order", f"{name} {text}")


def own_root(app: Any) -> Iterator[Finding]:
    """Say what is wrong where *app*, behind a guard, sets a root path by itself."""
    for found in own_roots(app):
        yield Finding("wrong", "root path", str(found))
