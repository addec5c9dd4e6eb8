"""Sealing: AES-256-GCM under a key of its own for each message (RFC 5116, RFC 5869).

A sealed message is a version, the tag of the secret, a salt, and the ciphertext. Key
and nonce are derived from the secret and a fresh salt, so that no nonce is used twice
under one key, however many servers seal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..model.secret_keys import derive

VERSION = 1
TAG = 4
"""Bytes that tell the secrets of one application apart; they are no secret."""
SALT = 16
_KEY, _NONCE, _GCM = 32, 12, 16
_HEAD = 1 + TAG + SALT
OVERHEAD = _HEAD + _GCM
"""Bytes that a message grows by."""


class UnsealError(ValueError):
    """A message was not sealed by this application, or not for this use."""


class UnknownSecretError(UnsealError):
    """It was sealed with a secret that is not among ours."""


class _Secret(NamedTuple):
    tag: bytes
    key: bytes


class Sealer:
    """Seals with the first of *secrets*, and opens with all of them.

    *secrets* are those of a policy; *random* returns so many random bytes; *site*
    tells apart the sites that share a secret; each *use* has keys of its own.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        random: Callable[[int], bytes],
        site: str = "",
        *,
        use: str = "session",
    ) -> None:
        tags, keys = derive(secrets, f"{use} tag", TAG), derive(secrets, use)
        self._secrets = tuple(map(_Secret, tags, keys))
        self._random = random
        self._site = site

    def seal(self, data: bytes, context: str, own: bytes = b"") -> bytes:
        """Return *data*, sealed for *context*; *own* is a key beside the secret."""
        tag, key = self._secrets[0]
        salt = self._random(SALT)
        cipher, nonce = _keyed(key + own, salt)
        head = bytes((VERSION,)) + tag
        return head + salt + cipher.encrypt(nonce, data, self._bound(head, context))

    def open(self, sealed: bytes, context: str, own: bytes = b"") -> bytes:
        """Return what was sealed for *context*; raise ``UnsealError``."""
        if len(sealed) < OVERHEAD or sealed[0] != VERSION:
            raise UnsealError("not a sealed message")
        head, salt = sealed[: 1 + TAG], sealed[1 + TAG : _HEAD]
        fitting = [key for tag, key in self._secrets if tag == head[1:]]
        if not fitting:
            raise UnknownSecretError("sealed with a secret that is not known here")
        for key in fitting:
            cipher, nonce = _keyed(key + own, salt)
            try:
                return cipher.decrypt(nonce, sealed[_HEAD:], self._bound(head, context))
            except InvalidTag:
                continue
        raise UnsealError("changed, cut, or sealed for another use")

    def _bound(self, head: bytes, context: str) -> bytes:
        """Return what is authenticated beside the message: it opens for no other use.

        RFC 5116 section 2.1, associated data. No part can be moved to another.
        """
        parts = (self._site.encode(), context.encode())
        return head + b"".join(len(one).to_bytes(4, "big") + one for one in parts)


def _keyed(key: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    """Return the cipher and the nonce of one message."""
    made = HKDF(
        algorithm=SHA256(), length=_KEY + _NONCE, salt=salt, info=b"jwtguard sealed"
    ).derive(key)
    return AESGCM(made[:_KEY]), made[_KEY:]
