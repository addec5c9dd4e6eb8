"""A public key that is ready to verify, and the set of them that an issuer has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import (
    SHA256,
    SHA384,
    SHA512,
    HashAlgorithm,
)
from jwt.algorithms import Algorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

MAX_TRIED = 8

"""Keys that are tried for one token."""


class _ECDSA:
    """RFC 7518 section 3.4. PyJWT's own takes 3 µs more, of the 50 of one check."""

    def __init__(self, digest: HashAlgorithm, size: int) -> None:
        self._scheme = ec.ECDSA(digest)
        self._size = size

    def verify(self, signing_input: bytes, public: Any, signature: bytes) -> bool:
        size = self._size
        if len(signature) != 2 * size:
            return False
        r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
        try:
            public.verify(encode_dss_signature(r, s), signing_input, self._scheme)
        except InvalidSignature:
            return False
        return True


_ALGORITHMS: Mapping[str, Algorithm | _ECDSA] = {
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "PS384": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384),
    "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
    "ES256": _ECDSA(SHA256(), 32),
    "ES384": _ECDSA(SHA384(), 48),
    "ES512": _ECDSA(SHA512(), 66),
    "EdDSA": OKPAlgorithm(),
    "Ed25519": OKPAlgorithm(),
}

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and the algorithms it may be used with."""

    kid: str | None
    algorithms: frozenset[str]
    public: PublicKey = field(repr=False, compare=False)
    material: bytes
    """SHA-256 of the key itself: two names for one key have the same."""
    issuer: str | None = None
    """The member ``issuer``, in which Entra says whose tokens the key may sign."""

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
