"""RFC 6750 section 5.3: why a request counts as sent over plain HTTP. For the log."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.origins import Network
from ..model.request import Request, shows_proxy
from ..model.validation import quoted
from .forwarded import is_trusted

_REMEDIES = (
    "behind a proxy that ends TLS, name it in JWTGUARD_TRUSTED_PROXIES, or, in Flask, "
    "apply werkzeug's ProxyFix after JWTGuard(app), so that it stands outside of the "
    "guard; "
    'in tests, use base_url="https://testserver" or the fixtures of jwtguard.testing'
)


def plain_http(request: Request, proxies: Sequence[Network | str]) -> str:
    """Name the peer, what it sent, and what to change."""
    peer = f"plain HTTP from {quoted(request.peer) if request.peer else 'no peer'}"
    if is_trusted(request.peer, proxies):
        return f"{peer}, a trusted proxy, {_from_proxy(request)}"
    signs = [name for name in request.headers if shows_proxy(name)]
    if signs:
        peer += f", forwarded by a proxy ({field_name(signs[0])})"
    return f"{peer}; {_REMEDIES}"


def _from_proxy(request: Request) -> str:
    proto = request.header("x-forwarded-proto")
    if proto:
        return f"whose X-Forwarded-Proto is {quoted(proto)}, not https"
    # The usual mistake: the proxy sends X-Forwarded-SSL or Forwarded, and only
    # X-Forwarded-Proto is read.
    others = [
        name
        for name in request.headers
        if shows_proxy(name) and name not in ("x-forwarded-for", "via")
    ]
    sent = f"; {field_name(others[0])} was sent, and is not read" if others else ""
    return f"which sent no X-Forwarded-Proto{sent}: let the proxy set X-Forwarded-Proto"


def field_name(name: str) -> str:
    """Return a header name for the log, as documents write it."""
    return quoted(name.title())[1:-1]
