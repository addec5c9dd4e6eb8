"""Bytes become choices, so that a fuzzer and hypothesis drive the same targets."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import TypeVar

_SWAPPED = str.maketrans(ascii_letters, ascii_letters.swapcase())
T = TypeVar("T")


class Choices:
    """Reads decisions from *data*; where it has ended, each one is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, below: int) -> int:
        """Return a number from 0 to *below* - 1."""
        taken = self._data[self._at : self._at + 2]
        self._at += 2
        return int.from_bytes(taken, "big") % below

    def maybe(self) -> bool:
        """Return true every fourth time or so."""
        return self.number(4) == 3

    def pick(self, values: Sequence[T]) -> T:
        """Return one of *values*."""
        return values[self.number(len(values))]

    def some(self, values: Sequence[T], most: int) -> list[T]:
        """Return up to *most* of *values*."""
        return [self.pick(values) for _ in range(self.number(most + 1))]

    def octets(self, most: int = 64) -> bytes:
        """Return bytes as they are."""
        length = self.number(most + 1)
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken

    def text(self, most: int = 48) -> str:
        """Return text as a server hands it on: one character for each byte."""
        return self.octets(most).decode("latin-1")

    def spliced(self, text: str) -> str:
        """Return *text*, or *text* with something put in, left out or repeated."""
        how, at = self.number(24), self.number(len(text) + 1)
        if how < 20:
            return text
        if how == 20:
            return text[:at] + self.text(6) + text[at:]
        if how == 21:
            return text[:at] + text[at + 1 :]
        if how == 22:
            return text[:at] + text[max(0, at - 8) :]
        return text[:at].translate(_SWAPPED) + text[at:]
