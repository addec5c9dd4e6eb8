"""RFC 6750 section 5.3: how a request travelled, as far as the policy believes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..model.client_cert import CertificateSource
from ..model.origins import Network
from ..model.request import Request
from . import forwarded
from .client_cert import certificate_of


class Wire(NamedTuple):
    """How one request travelled."""

    scheme: str
    """``http`` or ``https``: the server's word, or the outermost trusted proxy's."""
    secure: bool
    """A token may travel on it: TLS, or a connection that never leaves the machine."""
    certificate: str | None = None
    """SHA-256 of the client's certificate in base64url, if one was shown (RFC 8705)."""
    no_certificate: str = ""
    """Why there is none, for the log."""


TLS = Wire("https", secure=True)


def wire_of(
    request: Request,
    proxies: Sequence[Network | str],
    require_https: bool,
    certificates: CertificateSource | None = None,
) -> Wire:
    """Return how *request* travelled; *certificates*: where the client's comes from."""
    wire = _transport_of(request, proxies, require_https)
    if certificates is None:
        return wire
    shown = certificate_of(request, certificates, proxies)
    return wire._replace(certificate=shown.thumbprint, no_certificate=shown.problem)


def _transport_of(
    request: Request, proxies: Sequence[Network | str], require_https: bool
) -> Wire:
    if request.scheme == "https":
        return TLS
    scheme = forwarded.scheme(request, proxies)
    secure = scheme == "https" or not require_https or forwarded.is_loopback(request)
    return Wire(scheme, secure)
