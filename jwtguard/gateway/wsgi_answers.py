"""PEP 3333: sending the guard's response, and an iterable that is closed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..core.model.decision import Respond

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_READY = (list, tuple)  # made once: `list | tuple` is an object made anew each time


def respond(answer: Respond, start_response: StartResponse) -> list[bytes]:
    """Send *answer*."""
    # An issuer behind a relay may respond with an unregistered status.
    phrase = _PHRASES.get(answer.status, "Unknown")
    start_response(f"{answer.status} {phrase}", list(answer.headers))
    return [answer.body] if answer.body else []


def starting_over(start_response: StartResponse) -> StartResponse:
    """Return ``exc_info``, which PEP 3333 requires after an earlier start."""

    def start(
        status: str, headers: list[tuple[str, str]], _: Any = None, /
    ) -> Callable[[bytes], object]:
        return start_response(status, headers, sys.exc_info())

    return start


def is_plain(answer: Iterable[bytes], environ: WSGIEnvironment) -> bool:
    """Whether iterating *answer* runs no code of the application.

    A file wrapper must reach the server as it is: servers send the file themselves.
    """
    if isinstance(answer, _READY):
        return True
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type):
        return isinstance(answer, wrapper)
    return wrapper is not None and hasattr(answer, "read")


class Closing:
    """An iterable over *chunks* that closes *answer*, as PEP 3333 asks of servers.

    Where *streams* is not empty, the generator *chunks* is closed first: it watches a
    token.
    """

    __slots__ = ("_answer", "_chunks", "_streams")

    def __init__(
        self,
        chunks: Any,
        answer: Iterable[bytes],
        streams: Sequence[object] = (),
    ) -> None:
        self._chunks = chunks
        self._answer = answer
        self._streams = streams

    def __iter__(self) -> Iterator[bytes]:
        chunks: Iterator[bytes] = self._chunks
        return chunks

    def close(self) -> None:
        if self._streams:
            self._chunks.close()
        close = getattr(self._answer, "close", None)
        if close is not None:
            close()
