"""RFC 9449 section 8: nonces that carry this server's time, and are stored nowhere.

A nonce is the number of a minute and its HMAC. All processes with the same secrets know
each other's.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable

from ...model.encoding import decode_segment
from ...model.secret_keys import derive

WINDOW = 60
"""Seconds. The nonces of the current and of the previous window are good."""
_NUMBER = 8
_MAC = 16
"""Bytes."""


class Nonces:
    """Makes nonces with the first of *secrets*, and reads those of all."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._keys = derive(secrets, "dpop-nonce")

    def make(self, now: float) -> str:
        """Return the nonce for proofs that are made at *now*."""
        number = int(now // WINDOW).to_bytes(_NUMBER)
        made = number + _mac(self._keys[0], number)
        return urlsafe_b64encode(made).rstrip(b"=").decode()

    def window(self, nonce: str) -> int | None:
        """Return the number of the window that *nonce* was made in; None if foreign."""
        try:
            made = decode_segment(nonce.encode())
        except ValueError:
            return None
        number, mac = made[:_NUMBER], made[_NUMBER:]
        if not any(hmac.compare_digest(mac, _mac(key, number)) for key in self._keys):
            return None
        return int.from_bytes(number)


def _mac(key: bytes, number: bytes) -> bytes:
    # 16 bytes: nobody guesses them within two minutes, and each proof has them.
    return hmac.digest(key, number, "sha256")[:_MAC]
