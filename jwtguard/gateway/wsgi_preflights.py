"""PEP 3333: preflights that the application answers, or otherwise the guard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..core.model.decision import Proceed, Respond
from ..core.respond.responses import finish
from ..errors import AuthError
from .wsgi_answers import Closing, respond, starting_over

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Preflight:
    """Starts the response to a preflight.

    The guard's response replaces the application's, unless that grants an origin.
    """

    def __init__(self, start_response: StartResponse, decision: Proceed) -> None:
        self._start = start_response
        self._decision = decision
        self._instead = decision.fallback or Respond(403, ())
        self.granted = False
        self.body: list[bytes] | None = None
        """The body of the guard's response, once it has replaced the application's."""

    def start(
        self, status: str, headers: list[tuple[str, str]], *exc_info: Any
    ) -> Callable[[bytes], object]:
        """Take the application's ``start_response`` call."""
        code, fields, body = finish(self._decision, int(status[:3]), headers)
        if body is None:
            self.granted, self.body = True, None
            return self._start(status, list(fields), *exc_info)

        def start(status: str, fields: list[tuple[str, str]], _: Any = None, /) -> Any:
            return self._start(status, fields, *exc_info)

        self.granted, self.body = False, respond(Respond(code, fields, body), start)
        return _discard

    def replace(self) -> list[bytes]:
        """Send the guard's response, unless it was sent already."""
        if self.body is None:
            self.body = respond(self._instead, starting_over(self._start))
        return self.body


def _discard(_: bytes, /) -> None:
    """Drop the bytes, because the response was replaced."""


def answer_or_else(
    app: WSGIApplication,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    decision: Proceed,
) -> Iterable[bytes]:
    """Run *app*, and replace its response if that does not grant an origin.

    The application has started its response by the first chunk (PEP 3333), so only
    this chunk is read of a response that is replaced.
    """
    head = Preflight(start_response, decision)
    try:
        answer = app(environ, head.start)
    except AuthError:
        return head.replace()
    closing = Closing(iter(()), answer)
    try:
        chunks = iter(answer)
        first = next(chunks, b"")
    except AuthError:
        closing.close()
        return head.replace()
    except BaseException:
        closing.close()
        raise
    if head.granted:
        return Closing(chain((first,), chunks), answer)
    closing.close()
    return head.replace()
