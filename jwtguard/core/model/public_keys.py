"""A public key out of one JWK or PEM block (RFC 7517 section 4, RFC 7518 section 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

from .encoding import decode_segment
from .jwk import Key
from .weak_keys import _check_ed25519, _check_rsa

# A published private key is everybody's, so what it signed proves nothing.
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")

# RFC 7518 section 6.2.1.2: coordinates have the full length of the field, leading zeros
# included.
_CURVES: Mapping[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
}

_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})

_CURVE_ALGORITHMS = {  # by the names of SEC 2
    "secp256r1": frozenset({"ES256"}),
    "secp384r1": frozenset({"ES384"}),
    "secp521r1": frozenset({"ES512"}),
}

_ED_ALGORITHMS = frozenset({"EdDSA", "Ed25519"})


def key_of_pem(block: bytes) -> Key | None:
    # An error and not a skipped key: the private key is in the configuration by
    # mistake, and somebody should know.
    if b"PRIVATE" in block.partition(b"\n")[0]:
        raise ValueError("a private key: only public keys belong here")
    try:
        if block.startswith(b"-----BEGIN CERTIFICATE"):
            public: object = load_pem_x509_certificate(block).public_key()
        else:
            public = load_pem_public_key(block)
    except (UnsupportedAlgorithm, TypeError, ValueError) as error:
        # Older versions of cryptography raise ValueError for an unknown kind of key,
        # too; newer ones UnsupportedAlgorithm.
        broken = isinstance(error, ValueError)
        if broken and not str(error).startswith("Unknown key type"):
            raise
        return None
    return _prepared(public, None, None)


def key_of_member(member: Any) -> Key | None:
    """RFC 7517 section 4: the key of one member, or None if it cannot verify here."""
    if not isinstance(member, dict) or not _for_signatures(member):
        return None
    kid, alg = member.get("kid"), member.get("alg")
    if not isinstance(kid, str | None) or not isinstance(alg, str | None):
        return None
    try:
        key = _prepared(_public(member), kid, alg)
        return key if key is None else _named(key, member)
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None


def _named(key: Key, member: dict[str, Any]) -> Key:
    """Add whose tokens the key may sign, where the member says so (Entra)."""
    if "issuer" not in member:
        return key
    issuer = member["issuer"]
    return replace(key, issuer=issuer if isinstance(issuer, str) else "")


def _for_signatures(member: dict[str, Any]) -> bool:
    operations = member.get("key_ops")
    if member.get("use") not in (None, "sig") or any(n in member for n in _PRIVATE):
        return False
    return operations is None or (
        isinstance(operations, list) and "verify" in operations
    )


def _public(member: dict[str, Any]) -> object:
    """RFC 7518 section 6 and RFC 8037 section 2."""
    kty = member.get("kty")
    if kty == "RSA":
        n, e = _integer(member["n"]), _integer(member["e"])
        # Before OpenSSL sees it: with a huge modulus the import alone is slow.
        _check_rsa(n, e)
        return rsa.RSAPublicNumbers(e, n).public_key()
    if kty == "EC":
        curve, size = _CURVES[member["crv"]]
        x, y = (_octets(member[name]) for name in ("x", "y"))
        # Shorter coordinates are accepted by some libraries after padding; then one key
        # has several texts and several hashes.
        if not len(x) == len(y) == size:
            return None
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)
    if kty == "OKP" and member["crv"] == "Ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(_octets(member["x"]))
    return None


def _octets(value: Any) -> bytes:
    return decode_segment(str.encode(value))  # TypeError unless it is a string


def _integer(value: Any) -> int:
    return int.from_bytes(_octets(value))


def _prepared(public: object, kid: str | None, alg: str | None) -> Key | None:
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        _check_rsa(numbers.n, numbers.e)
        fit = _RSA_ALGORITHMS
    elif (
        isinstance(public, ec.EllipticCurvePublicKey)
        and public.curve.name in _CURVE_ALGORITHMS
    ):
        fit = _CURVE_ALGORITHMS[public.curve.name]
    elif isinstance(public, ed25519.Ed25519PublicKey):
        _check_ed25519(public)
        fit = _ED_ALGORITHMS
    else:
        return None
    if alg is not None:
        # RFC 9864 renames EdDSA: for an Ed25519 key the two names mean one thing.
        same = _ED_ALGORITHMS if alg in _ED_ALGORITHMS else {alg}
        # RFC 8725 section 3.1: the key's `alg` binds it, so an RS256 key does not
        # verify PS256 either.
        fit = fit & same
    if not fit:
        return None
    # The hash is over the key itself, so the token cache recognizes it under another
    # `kid` or in another format.
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(kid, fit, public, hashlib.sha256(spki).digest())
