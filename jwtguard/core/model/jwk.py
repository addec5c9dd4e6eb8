"""RFC 7517: a JWK set becomes keys that are ready to verify, the rest is left out.

Unusable members are skipped; a set without a usable member is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate
from jwt.algorithms import (
    Algorithm,
    ECAlgorithm,
    OKPAlgorithm,
    RSAAlgorithm,
    RSAPSSAlgorithm,
)

from .encoding import decode_segment, parse_json
from .weak_keys import _check_ed25519, _check_rsa

MAX_KEYS = 1000

"""Members that are read; an issuer has a handful."""

MAX_TRIED = 8

"""Keys that are tried for one token."""

# A published private key is everybody's, so what it signed proves nothing.
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")

# RFC 7518 section 6.2.1.2: coordinates have the full length of the field, leading zeros
# included.
_CURVES: Mapping[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
}

_ALGORITHMS: Mapping[str, Algorithm] = {
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "PS384": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384),
    "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
    "ES256": ECAlgorithm(ECAlgorithm.SHA256),
    "ES384": ECAlgorithm(ECAlgorithm.SHA384),
    "ES512": ECAlgorithm(ECAlgorithm.SHA512),
    "EdDSA": OKPAlgorithm(),
    "Ed25519": OKPAlgorithm(),
}

_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})

_CURVE_ALGORITHMS = {  # by the names of SEC 2
    "secp256r1": frozenset({"ES256"}),
    "secp384r1": frozenset({"ES384"}),
    "secp521r1": frozenset({"ES512"}),
}

_ED_ALGORITHMS = frozenset({"EdDSA", "Ed25519"})

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and the algorithms it may be used with."""

    kid: str | None
    algorithms: frozenset[str]
    public: PublicKey = field(repr=False, compare=False)
    material: bytes
    """SHA-256 of the key itself: two names for one key have the same."""

    def verifies(self, alg: str, signing_input: bytes, signature: bytes) -> bool:
        """RFC 7515 section 5.2: whether this key made *signature*."""
        return _ALGORITHMS[alg].verify(signing_input, self.public, signature)


@dataclass(frozen=True, slots=True, eq=False)
class KeySet:
    """The usable keys of one issuer."""

    keys: tuple[Key, ...]
    skipped: int = 0
    unusable: frozenset[str] = frozenset()
    """The ``kid`` values of members that cannot verify here."""
    published: frozenset[tuple[bytes, str]] = field(init=False)
    """The material of each key, with each algorithm that it may be used with."""
    by_kid: Mapping[str | None, tuple[Key, ...]] = field(init=False)
    named: bool = field(init=False)

    def __post_init__(self) -> None:
        by_kid: dict[str | None, tuple[Key, ...]] = {}
        for key in self.keys:
            by_kid[key.kid] = (*by_kid.get(key.kid, ()), key)
        object.__setattr__(self, "by_kid", by_kid)
        object.__setattr__(self, "named", any(kid is not None for kid in by_kid))
        pairs = ((key.material, alg) for key in self.keys for alg in key.algorithms)
        object.__setattr__(self, "published", frozenset(pairs))

    def select(self, alg: str, kid: str | None, kidless: str) -> Sequence[Key]:
        """Return the keys worth trying for a token with this ``alg`` and ``kid``.

        A ``kid`` decides where the set has any; else *kidless* says how to go on.
        """
        if kid is not None and self.named:
            found = self.by_kid.get(kid, ())
            # The usual case without a loop and a list: this runs for each new token.
            if len(found) == 1:  # as it should be
                return found if alg in found[0].algorithms else ()
            # Each try is a signature check: a set with hundreds of keys must not turn
            # one token into hundreds of them.
            return [key for key in found if alg in key.algorithms][:MAX_TRIED]
        fitting = [key for key in self.keys if alg in key.algorithms]
        # Where several keys fit, a token without `kid` could have been signed by any of
        # them, also one for other purposes.
        if kidless == "never" or (kidless == "one" and len(fitting) != 1):
            return ()
        return fitting[:MAX_TRIED]


def parse_jwk_set(text: bytes) -> KeySet:
    """Read a JWK set document; ValueError if it has no usable keys."""
    document = parse_json(text)
    if not isinstance(document, dict):
        raise ValueError("a JWK set must be a JSON object")
    return parse_members(document)


def parse_members(document: Mapping[str, Any]) -> KeySet:
    """Read the members of a JWK set; ValueError if none is usable."""
    members = document.get("keys")
    if not isinstance(members, list):
        raise ValueError("keys is not an array")
    # An unusable member is not an error: issuers publish keys for encryption, and new
    # types, in the same set.
    found = [_key(member) for member in members[:MAX_KEYS]]
    unusable = (m for m, key in zip(members, found, strict=False) if key is None)
    return _usable(found, frozenset(_kids(unusable)))


def _kids(members: Iterable[Any]) -> Iterator[str]:
    for member in members:
        kid = member.get("kid") if isinstance(member, dict) else None
        if isinstance(kid, str):
            yield kid


def _usable(
    found: Iterable[Key | None], unusable: frozenset[str] = frozenset()
) -> KeySet:
    listed = list(found)
    keys = tuple(key for key in listed if key is not None)
    if not keys:
        raise ValueError("no usable keys")
    return KeySet(keys, len(listed) - len(keys), unusable)


def parse_given(keys: str | Mapping[str, Any]) -> KeySet:
    """Read keys given directly: a JWK set, one JWK, or PEM; else ValueError."""
    if isinstance(keys, Mapping):
        return _set_or_one(dict(keys))
    if not isinstance(keys, str) or "-----BEGIN" not in keys:
        return _set_or_one(_document(keys))
    keys = keys.replace("\\r", "").replace("\\n", "\n")  # as in many .env files
    # A block without its end is a key that was cut off, or prose with the word BEGIN.
    end = "-----END"
    blocks = [block for block in keys.split("-----BEGIN ")[1:] if end in block]
    return _usable(_pem(f"-----BEGIN {block}".encode()) for block in blocks)


def _document(text: Any) -> dict[str, Any]:
    try:
        document = parse_json(text.encode())
    except (AttributeError, ValueError):
        document = None
    if not isinstance(document, dict):
        raise ValueError(
            "neither a JWK set (JSON) nor PEM text; a path belongs in "
            "JWTGUARD_KEYS_FILE"
        )
    return document


def _set_or_one(document: Mapping[str, Any]) -> KeySet:
    return parse_members({"keys": [document]} if "kty" in document else document)


def _pem(block: bytes) -> Key | None:
    # An error and not a skipped key: the private key is in the configuration by
    # mistake, and somebody should know.
    if b"PRIVATE" in block.partition(b"\n")[0]:
        raise ValueError("a private key: only public keys belong here")
    try:
        if block.startswith(b"-----BEGIN CERTIFICATE"):
            public: object = load_pem_x509_certificate(block).public_key()
        else:
            public = load_pem_public_key(block)
    except (UnsupportedAlgorithm, TypeError):
        return None
    return _prepared(public, None, None)


def _key(member: Any) -> Key | None:
    """RFC 7517 section 4: the key of one member, or None if it cannot verify here."""
    if not isinstance(member, dict) or not _for_signatures(member):
        return None
    kid, alg = member.get("kid"), member.get("alg")
    if not isinstance(kid, str | None) or not isinstance(alg, str | None):
        return None
    try:
        return _prepared(_public(member), kid, alg)
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None


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
