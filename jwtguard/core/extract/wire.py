"""RFC 6750 section 5.3: how a request travelled, as far as the policy believes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
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


_wire = lru_cache(maxsize=64)(Wire)
"""The same object for the same values, of which trusted proxies send few."""


class Wires:
    """Tells how requests travelled, as far as one policy believes it.

    *certificates*: where the client's certificate comes from.
    """

    def __init__(
        self,
        proxies: Sequence[Network | str],
        require_https: bool,
        certificates: CertificateSource | None = None,
    ) -> None:
        self._proxies = proxies
        self._require_https = require_https
        self._certificates = certificates
        self._trusts = forwarded.trusting(proxies)

    def of(self, request: Request) -> Wire:
        """Return how *request* travelled."""
        wire = TLS if request.scheme == "https" else self._transport_of(request)
        if self._certificates is None:
            return wire
        shown = certificate_of(request, self._certificates, self._proxies)
        return wire._replace(certificate=shown.thumbprint, no_certificate=shown.problem)

    def _transport_of(self, request: Request) -> Wire:
        scheme = forwarded.scheme(request, self._trusts)
        secure = scheme == "https" or not self._require_https
        return _wire(scheme, secure or forwarded.is_loopback(request))
