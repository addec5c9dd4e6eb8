"""PEP 3333: telling the guard how the application answers a token request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..core.model.decision import Proceed
from ..guard import Guard
from .wsgi_answers import Closing, is_plain

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def telling(app: WSGIApplication, decision: Proceed, guard: Guard) -> WSGIApplication:
    """Tell *guard* the status of a token request before it is sent to the client."""

    def telling(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        code = 0

        def start(
            status: str, headers: list[tuple[str, str]], *exc_info: Any
        ) -> Callable[[bytes], object]:
            nonlocal code
            code = int(status[:3])
            return start_response(status, headers, *exc_info)

        answer = app(environ, start)
        if is_plain(answer, environ):
            guard.answered(decision, code)
            return answer
        chunks = _after_head(answer, lambda: guard.answered(decision, code))
        return Closing(chunks, answer)

    return telling


def _after_head(answer: Iterable[bytes], tell: Callable[[], None]) -> Iterator[bytes]:
    """Yield from *answer*, and call *tell* before the first bytes.

    Until then the application can replace the header of its response (PEP 3333).
    """
    chunks = iter(answer)
    for chunk in chunks:
        if chunk:
            tell()
            yield chunk
            break
        yield chunk
    else:
        tell()
    yield from chunks
