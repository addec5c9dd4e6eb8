"""Certificates for tests: an authority, servers and clients."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A certificate with its private key."""

    x509: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.x509.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.x509.public_bytes(Encoding.PEM).decode()

    @property
    def thumbprint(self) -> str:
        """RFC 8705 section 3.1: the value of ``x5t#S256``."""
        return urlsafe_b64encode(sha256(self.der).digest()).rstrip(b"=").decode()

    @property
    def key_pem(self) -> str:
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self.key.private_bytes(*form).decode()

    def saved(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write certificate and key; return both paths."""
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        paths[0].write_text(self.pem)
        paths[1].write_text(self.key_pem)
        return paths

    def in_form(self, form: str) -> str:
        """Return what a proxy sends that uses this format."""
        encoded = b64encode(self.der).decode()
        return {
            "rfc9440": f":{encoded}:",
            "pem-url": quote(self.pem, safe=""),
            "der-base64": encoded,
            "xfcc": f'By=spiffe://x;Hash={sha256(self.der).hexdigest()};Subject="CN=a"',
        }[form]


@cache
def certificate(name: str = "client", issuer: str | None = "authority") -> Certificate:
    """Return the certificate called *name*; without *issuer* it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    by = certificate(issuer, None) if issuer else None
    # COMMON_NAME may have 64 characters; a description has as many as a test needs.
    kind = NameOID.COMMON_NAME if len(name) <= 64 else x509.ObjectIdentifier("2.5.4.13")
    own = x509.Name([x509.NameAttribute(kind, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(by.x509.subject if by else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), True)
        .add_extension(
            x509.SubjectAlternativeName([
                x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")),
            ]), False,
        )
    )  # fmt: skip
    return Certificate(made.sign((by.key if by else key), hashes.SHA256()), key)
