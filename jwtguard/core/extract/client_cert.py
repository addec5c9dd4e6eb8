"""RFC 8705 section 3: the thumbprint of the certificate that the client showed."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import NamedTuple

from ..model.client_cert import CertificateSource
from ..model.origins import Network
from ..model.request import Request
from .cert_formats import DIGESTS, LONGEST, of_der, of_pem
from .forwarded import is_trusted


class ShownCertificate(NamedTuple):
    """What is known of a client's certificate."""

    thumbprint: str | None = None
    """As in ``x5t#S256``: the base64url of the SHA-256 of the certificate."""
    problem: str = ""
    """Why there is none, for the log."""


def certificate_of(
    request: Request, source: CertificateSource, proxies: Sequence[Network | str]
) -> ShownCertificate:
    """Return the thumbprint of the certificate, or why there is none."""
    try:
        digest = (
            _of_field(request, source, proxies) if source.field else _of_tls(request)
        )
    except UnicodeError:
        return ShownCertificate(problem=f"{_named(source)} is not ASCII")
    except ValueError as error:
        return ShownCertificate(problem=f"{_named(source)}: {error}")
    return ShownCertificate(urlsafe_b64encode(digest).rstrip(b"=").decode())


def _named(source: CertificateSource) -> str:
    return source.field.title() if source.field else "TLS"


def _of_field(
    request: Request, source: CertificateSource, proxies: Sequence[Network | str]
) -> bytes:
    # Before the value is looked at: a stranger's field must not even cost time.
    if not is_trusted(request.peer, proxies):
        raise ValueError(
            "not read: the request does not come from JWTGUARD_TRUSTED_PROXIES"
        )
    values = request.headers.get(source.field, ())
    if not values or values[0] == "":
        raise ValueError("the proxy sent none")
    if len(values) > 1:
        raise ValueError("sent more than once")
    if len(values[0]) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    return DIGESTS[source.format](values[0].strip(" \t"))


def _of_tls(request: Request) -> bytes:
    shown = request.certificate
    if not shown:
        raise ValueError("the client showed no certificate, or the server hides it")
    if isinstance(shown, str):
        return of_pem(shown)
    return of_der(shown)
