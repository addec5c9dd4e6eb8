"""RFC 7638: the name of a key that is made of the key alone."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

_REQUIRED = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}
"""Members that make the key, in the order of section 3.3 (RFC 8037 section 2)."""


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the thumbprint of a public key of a known type, in base64url."""
    members = {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}
    return digest(json.dumps(members, separators=(",", ":")).encode())


def digest(octets: bytes) -> str:
    """Return the SHA-256 of *octets*, in base64url."""
    return encoded(sha256(octets).digest())


def encoded(octets: bytes) -> str:
    """Return *octets* in base64url, without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()
