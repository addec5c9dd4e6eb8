"""RFC 7517: the issuer's signing key, and the keys that it publishes."""

from __future__ import annotations

import secrets
from threading import Lock
from typing import Any, cast

import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey


class Keys:
    """Signs with the newest key, publishes all that were not withdrawn."""

    def __init__(self, alg: str) -> None:
        self.alg = alg
        self._lock = Lock()
        self._keys: list[Key] = [self._new()]

    def _new(self) -> Key:
        named: Any = {"kid": secrets.token_hex(8), "alg": self.alg, "use": "sig"}
        if self.alg == "RS256":
            return RSAKey.generate_key(2048, named)
        if self.alg == "ES256":
            return ECKey.generate_key("P-256", named)
        return OKPKey.generate_key("Ed25519", named)

    @property
    def signing(self) -> Key:
        """The key that signs now."""
        return self._keys[-1]

    def sign(self, typ: str, claims: dict[str, Any]) -> str:
        """Return *claims* as a token of this type, signed by the newest key."""
        key = self.signing
        header = {"typ": typ, "kid": key.kid}
        private = cast(Any, key.private_key)  # joserfc knows more kinds than PyJWT
        return jwt.encode(claims, private, self.alg, headers=header)

    def rotate(self) -> str:
        """Sign with a new key from now on; the old ones stay published."""
        with self._lock:
            self._keys = [*self._keys, self._new()]
            return self.signing.kid or ""

    def withdraw(self) -> int:
        """Publish the signing key alone; return how many were dropped."""
        with self._lock:
            dropped = len(self._keys) - 1
            self._keys = self._keys[-1:]
            return dropped

    def names(self) -> tuple[str, ...]:
        """Return the key ids that are published."""
        return tuple(key.kid or "" for key in self._keys)

    def public(self) -> dict[str, Any]:
        """Return the JWK set to publish."""
        return dict(KeySet(list(self._keys)).as_dict(private=False))
