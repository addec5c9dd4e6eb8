"""RFC 6750 section 5.3: how a request travelled, as far as the policy believes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import origins
from .messages import Request
from .origins import Network


class Wire(NamedTuple):
    """How one request travelled."""

    scheme: str
    """``http`` or ``https``: the server's word, or the outermost trusted proxy's."""
    secure: bool
    """A token may travel on it: TLS, or a connection that never leaves the machine."""


TLS = Wire("https", secure=True)


def wire_of(
    request: Request, proxies: Sequence[Network | str], require_https: bool
) -> Wire:
    """Return how *request* travelled."""
    if request.scheme == "https":
        return TLS
    scheme = origins.scheme(request, proxies)
    secure = scheme == "https" or not require_https or origins.is_loopback(request)
    return Wire(scheme, secure)
