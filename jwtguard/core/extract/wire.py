"""RFC 6750 section 5.3: how a request travelled, as far as the policy believes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ..model.client_cert import CertificateSource
from ..model.origins import LONGEST, Network
from ..model.policy import Policy
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
        self._peers = lru_cache(maxsize=1024)(self._peer)

    @classmethod
    def under(cls, policy: Policy) -> Wires:
        """Return the wires of *policy*."""
        return cls(policy.proxies, policy.require_https, policy.certificates)

    def of(self, request: Request) -> Wire:
        """Return how *request* travelled."""
        wire = TLS if request.scheme == "https" else self._transport_of(request)
        if self._certificates is None:
            return wire
        shown = certificate_of(request, self._certificates, self._proxies)
        return wire._replace(certificate=shown.thumbprint, no_certificate=shown.problem)

    def _transport_of(self, request: Request) -> Wire:
        own, address = request.scheme, request.peer
        short = len(own) + len(address) <= LONGEST
        peer = (self._peers if short else self._peer)(own, address)
        scheme = peer.scheme
        if peer.rewrites:
            scheme = forwarded.scheme(request, scheme, self._proxies)
        # A proxy, or a middleware for one, may hand on what a stranger sent, and what
        # depends on the scheme is remembered.
        if len(scheme) > LONGEST:
            scheme = scheme[:LONGEST]
        secure = scheme == "https" or not self._require_https
        secure = secure or (peer.local and forwarded.is_direct(request))
        return _wire(scheme, secure)

    def _peer(self, scheme: str, address: str) -> forwarded.Peer:
        return forwarded.peer_of(scheme, address, self._proxies)
