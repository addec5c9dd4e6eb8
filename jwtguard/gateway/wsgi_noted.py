"""PEP 3333: an answer whose chunks are made while its request is noted for the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..callers import CALLERS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Noted:
    """Iterates over *answer*, and closes it, with *environ* as the current request."""

    def __init__(self, answer: Iterable[bytes], environ: WSGIEnvironment) -> None:
        self._answer = answer
        self._environ = environ
        self._chunks: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        # Not between the chunks: the server may do other work in this thread.
        with CALLERS.during(self._environ):
            if self._chunks is None:
                self._chunks = iter(self._answer)
            return next(self._chunks)

    def close(self) -> None:
        close = getattr(self._answer, "close", None)
        if close is not None:
            with CALLERS.during(self._environ):
                close()
