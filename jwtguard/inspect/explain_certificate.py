"""RFC 8705: whether a token is bound to a certificate, and to this one."""

from __future__ import annotations

import ssl
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from ..core.model.client_cert import CertificateSource
from ..core.model.request import Request
from ..core.verify.jose import Compact
from ..core.verify.token_kind import CERTIFICATE
from ..guard import Guard
from . import hints
from .shown import Check, failed

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_DER_SEQUENCE = b"\x30"


def read_certificate(path: str) -> bytes:
    """Return the first certificate of a file, as DER; else ``ValueError``."""
    try:
        found = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if found[:1] == _DER_SEQUENCE:
        return found
    _, begin, rest = found.decode("latin-1").partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    try:
        return ssl.PEM_cert_to_DER_cert(begin + body + end)
    except ValueError:
        text = f"{path} is not a certificate in PEM or DER"
        raise ValueError(text) from None


def certificate_checks(
    guard: Guard, compact: Compact, certificate: bytes | None
) -> Iterator[Check]:
    """Compare *certificate*, in DER, with the one that a token is bound to."""
    cnf = compact.claims.get("cnf")
    bound = cnf.get(CERTIFICATE) if isinstance(cnf, dict) else None
    name = "certificate"
    if not isinstance(bound, str):
        if certificate is not None:
            yield Check(name=name, passed=True, found="the token is not bound to one")
        return
    if guard.policy.certificates is None:
        reason = "certificate_missing"
        text, hint = f"bound to {bound}, and JWTGUARD_CLIENT_CERT is off", _SET_IT
        yield failed(name, reason, "JWTGUARD_CLIENT_CERT", text, hint)
    elif certificate is None:
        found = f"bound to {bound}; --cert FILE compares a certificate with it"
        yield Check(name=name, passed=True, found=found)
    elif (found := _thumbprint(certificate)) != bound:
        hint = hints.hint_of("certificate_mismatch")
        yield failed(name, "certificate_mismatch", bound, found, hint)
    else:
        yield Check(name=name, passed=True, expected=bound, found=found)


_SET_IT = "set it to tls, or to the header field of your proxy: docs/mtls.md"


def _thumbprint(certificate: bytes) -> str:
    return urlsafe_b64encode(sha256(certificate).digest()).rstrip(b"=").decode()


def with_certificate(guard: Guard, request: Request, certificate: bytes) -> Request:
    """Return *request* as it arrives if the client shows *certificate*, in DER."""
    source = guard.policy.certificates
    if source is None:
        return request
    if not source.field:
        return request._replace(certificate=certificate)
    proxy = guard.policy.proxies[0]
    peer = proxy if isinstance(proxy, str) else str(proxy.network_address)
    headers = {**request.headers, source.field: (_value(source, certificate),)}
    return request._replace(headers=headers, peer=peer)


def _value(source: CertificateSource, certificate: bytes) -> str:
    """Write *certificate* as a proxy does."""
    if source.format == "xfcc":
        return f"Hash={sha256(certificate).hexdigest()}"
    if source.format == "pem-url":
        return quote(ssl.DER_cert_to_PEM_cert(certificate), safe="")
    encoded = b64encode(certificate).decode()
    return f":{encoded}:" if source.format == "rfc9440" else encoded
