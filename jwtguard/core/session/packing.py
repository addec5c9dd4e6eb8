"""Encoding times, texts and tokens as bytes, and decoding them.

The parts of a JWT are stored decoded, which saves a quarter and is reversible.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from math import isfinite

from ..model.encoding import decode_segment

_NONE, _TEXT = 255, 0
"""First byte of a missing token, and of one kept as text; else the number of parts."""
_MOST_PARTS = 5
_LATEST = 2**53
"""Latest valid time, in milliseconds."""


def time(seconds: float) -> bytes:
    if not isfinite(seconds) or not 0 <= seconds * 1000 < _LATEST:
        raise ValueError("a time out of range")
    return round(seconds * 1000).to_bytes(8, "big")


def blob_of(data: bytes) -> bytes:
    if len(data) >= 1 << 24:
        raise ValueError("too long")
    return len(data).to_bytes(3, "big") + data


def packed(token: str | None) -> bytes:
    """Return a token as bytes: the decoded parts of a JWT, or text if that fails.

    The first byte says which of the two follows.
    """
    if token is None:
        return bytes((_NONE,))
    parts = token.split(".")
    if 1 < len(parts) <= _MOST_PARTS:
        try:
            raw = [decode_segment(part.encode()) for part in parts]
        except ValueError:
            return bytes((_TEXT,)) + blob_of(token.encode())
        return bytes((len(parts),)) + b"".join(map(blob_of, raw))
    return bytes((_TEXT,)) + blob_of(token.encode())


class Reader:
    """Reads bytes from the front; raises ``ValueError`` if they are too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if self.left < count:
            raise ValueError("too short")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def blob(self) -> bytes:
        return self.take(self.number(3))

    def token(self) -> str | None:
        kind = self.number(1)
        if kind == _NONE:
            return None
        if kind == _TEXT:
            return self.blob().decode()
        if kind > _MOST_PARTS:
            raise ValueError("unknown kind of token")
        parts = [urlsafe_b64encode(self.blob()).rstrip(b"=") for _ in range(kind)]
        return b".".join(parts).decode()
