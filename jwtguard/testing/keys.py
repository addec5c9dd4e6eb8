"""Private keys for tests, and their public half as an issuer publishes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_CURVES: Mapping[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}


def new_key(alg: str) -> PrivateKey:
    """Return a new key for *alg*."""
    if alg in _CURVES:
        return ec.generate_private_key(_CURVES[alg]())
    if alg in ("EdDSA", "Ed25519"):
        return ed25519.Ed25519PrivateKey.generate()
    if alg[:2] not in ("RS", "PS"):
        raise ValueError(f"{alg} is not an asymmetric algorithm of the test kit")
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk_of(private: PrivateKey, kid: str, alg: str) -> dict[str, Any]:
    """Return the public half of *private* as an issuer publishes it."""
    return {**public_members(private), "kid": kid, "alg": alg, "use": "sig"}


def public_members(private: PrivateKey) -> dict[str, Any]:
    """Return the public half of *private* as a JWK, without any metadata."""
    public = private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        members = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        members = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        members = OKPAlgorithm.to_jwk(public, as_dict=True)
    members.pop("key_ops", None)
    return members
