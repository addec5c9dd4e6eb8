"""RFC 9440, and what proxies send in its place: from a field's value to a digest.

A certificate is never parsed: what is compared is the SHA-256 of its bytes (RFC 8705
section 3.1).
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from hashlib import sha256
from urllib.parse import unquote_to_bytes

from .xfcc import last_element

LONGEST = 16384
"""In characters; a longer value is not read."""
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_HEX_DIGITS = 64


def of_der(der: bytes) -> bytes:
    """Return the digest of a certificate in DER (X.690)."""
    if not der:
        raise ValueError("empty")
    return sha256(der).digest()


def of_base64(text: str) -> bytes:
    """RFC 4648 section 4: padded, canonical, nothing else."""
    given = text.encode("ascii")
    der = a2b_base64(given, strict_mode=True)
    # Python ignores spare bits; one spelling is enough.
    if b2a_base64(der, newline=False) != given:
        raise ValueError("not canonical base64")
    return of_der(der)


def of_pem(text: str) -> bytes:
    """RFC 7468 section 5: the first certificate of a chain."""
    head, end, rest = text.strip("\r\n").partition(_END)
    rest = rest.lstrip("\r\n")
    if not head.startswith(_BEGIN) or not end or not (rest + _BEGIN).startswith(_BEGIN):
        raise ValueError("not a PEM certificate")
    lines = head.removeprefix(_BEGIN).replace("\r\n", "\n").split("\n")
    return of_base64("".join(lines))


def of_byte_sequence(text: str) -> bytes:
    """RFC 9440 section 2.1: a byte sequence (RFC 9651 section 3.3.5)."""
    if len(text) < 2 or text[0] != ":" or text[-1] != ":":
        raise ValueError("not a byte sequence between colons")
    return of_base64(text[1:-1])


def of_pem_url(text: str) -> bytes:
    """Read percent-encoded PEM (RFC 3986 section 2.1); ``+`` is not a blank."""
    # What is not valid percent-encoding is left alone here, and is no base64.
    return of_pem(unquote_to_bytes(text).decode("ascii"))


def of_der_base64(text: str) -> bytes:
    """Read base64; of several certificates between commas, the first."""
    # A blank after the comma is how fields are joined, and not how a chain is sent.
    return of_base64(text.partition(",")[0] if " " not in text else text)


def of_xfcc(text: str) -> bytes:
    """Read Envoy's field: the last element is that of the nearest proxy."""
    element = last_element(text)
    # Envoy always writes it, and it is the cheaper one to read.
    if "hash" in element:
        digest = bytes.fromhex(element["hash"])
        if len(element["hash"]) != _HEX_DIGITS or len(digest) != sha256().digest_size:
            raise ValueError("Hash is not a SHA-256")
        return digest
    if "cert" not in element:
        raise ValueError("its last element has neither Hash nor Cert")
    return of_pem_url(element["cert"])


DIGESTS: Mapping[str, Callable[[str], bytes]] = {
    "rfc9440": of_byte_sequence,
    "pem-url": of_pem_url,
    "der-base64": of_der_base64,
    "xfcc": of_xfcc,
}
"""What reads each format; raises ``ValueError``."""
