"""Sealing with AES-256-GCM and a new key for each message (RFC 5116, RFC 5869).

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
"""Length of the public tag that says which secret was used, in bytes."""
SALT = 16
_KEY, _NONCE, _GCM = 32, 12, 16
_HEAD = 1 + TAG + SALT
OVERHEAD = _HEAD + _GCM
"""How many bytes longer than its data a sealed message is."""


class UnsealError(ValueError):
    """A message was not sealed by this application for this use."""


class UnknownSecretError(UnsealError):
    """A message was sealed with a secret that is not configured."""


class _Secret(NamedTuple):
    tag: bytes
    key: bytes


class Sealer:
    """Seals with the first of *secrets*, and opens with all of them.

    *secrets* are those of a policy. *random* returns a given number of random bytes.
    *site* distinguishes sites that share a secret. Each *use* has its own keys.
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
        """Return *data* sealed for *context*, with the additional key *own*."""
        tag, key = self._secrets[0]
        salt = self._random(SALT)
        cipher, nonce = _keyed(key + own, salt)
        head = bytes((VERSION,)) + tag
        return head + salt + cipher.encrypt(nonce, data, self._bound(head, context))

    def open(self, sealed: bytes, context: str, own: bytes = b"") -> bytes:
        """Return the data that was sealed for *context*; raise ``UnsealError``."""
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
        """Return the associated data, which binds the message to its use.

        See RFC 5116 section 2.1. The length before each part keeps the parts distinct.
        """
        parts = (self._site.encode(), context.encode())
        return head + b"".join(len(one).to_bytes(4, "big") + one for one in parts)


def _keyed(key: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    """Return the cipher and the nonce of one message."""
    made = HKDF(
        algorithm=SHA256(), length=_KEY + _NONCE, salt=salt, info=b"jwtguard sealed"
    ).derive(key)
    return AESGCM(made[:_KEY]), made[_KEY:]
