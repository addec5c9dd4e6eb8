"""A verifier in plain Python, as small as it can be: the floor for any Python library.

Split, base64url, JSON, signature, expiry, issuer and audience. It has no strict
parsing, no choice of keys, and no scopes or origins.
"""

from __future__ import annotations

import json
import time
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.utils import raw_to_der_signature

from jwtguard.core.model.jwk import PublicKey

from .site import Site

_URL_SAFE = bytes.maketrans(b"-_", b"+/")

Check = Callable[[bytes, bytes], object]
"""Takes a signature and what it signs; raises ``InvalidSignature``."""


def signature_check(public: PublicKey) -> Check:
    """Return the check of the crypto library, prepared."""
    if isinstance(public, rsa.RSAPublicKey):
        scheme, digest = padding.PKCS1v15(), SHA256()
        return lambda signature, signed: public.verify(
            signature, signed, scheme, digest
        )
    if isinstance(public, ed25519.Ed25519PublicKey):
        return public.verify
    ecdsa, curve = ec.ECDSA(SHA256()), public.curve
    return lambda signature, signed: public.verify(
        raw_to_der_signature(signature, curve), signed, ecdsa
    )


def prepared_check(public: PublicKey, token: str) -> Callable[[], object]:
    """Return the check of one token's signature, and nothing around it."""
    signed, _, signature = token.encode().rpartition(b".")
    raw = decoded(signature)
    if isinstance(public, rsa.RSAPublicKey):
        scheme, digest = padding.PKCS1v15(), SHA256()
        return lambda: public.verify(raw, signed, scheme, digest)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return lambda: public.verify(raw, signed)
    der, ecdsa = raw_to_der_signature(raw, public.curve), ec.ECDSA(SHA256())
    return lambda: public.verify(der, signed, ecdsa)


def decoded(segment: bytes) -> bytes:
    """Decode base64url."""
    return a2b_base64(segment.translate(_URL_SAFE) + b"==")


def verifier(
    site: Site, check: Check | None = None
) -> Callable[[str], dict[str, Any] | None]:
    """Return a function from a token to its claims; None: the token is refused.

    *check* replaces the signature check.
    """
    verify = check or signature_check(site.key)
    alg, issuer, audience = site.alg, site.issuer, site.audience

    def claims_of(token: str) -> dict[str, Any] | None:
        signed, _, signature = token.encode().rpartition(b".")
        header, _, payload = signed.partition(b".")
        if json.loads(decoded(header))["alg"] != alg:
            return None
        try:
            verify(decoded(signature), signed)
        except InvalidSignature:
            return None
        claims: dict[str, Any] = json.loads(decoded(payload))
        good = claims["exp"] > time.time() and claims["iss"] == issuer
        return claims if good and claims["aud"] == audience else None

    return claims_of
