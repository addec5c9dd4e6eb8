"""PEP 3333: translate the environ, ask the guard, obey. No rule lives here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http import HTTPStatus
from io import BytesIO
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .application.endpoints import Endpoints, Guarding
from .application.interfaces import check_application
from .core.authorize.unguarded import NOTED
from .core.model.decision import Proceed, Respond
from .core.model.request import NameTable, Request, is_read
from .core.respond.responses import decorated, finish
from .errors import AuthError
from .guard import Guard

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = [
    "GUARD_KEY",
    "PRINCIPAL_KEY",
    "REFUSAL_KEY",
    "GuardMiddleware",
    "read_body",
    "request_of",
    "respond",
]

PRINCIPAL_KEY = "jwtguard.principal"
REFUSAL_KEY = "jwtguard.refusal"
GUARD_KEY = "jwtguard.guard"
"""The guard that let the request through: decorators ask it how to refuse."""

_CGI_NAMES = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, ...]


def _name_of(key: str) -> str:
    """Return the header field that *key* stands for, if a rule reads it, or ""."""
    if key in _CGI_NAMES:
        return _CGI_NAMES[key]
    name = key.removeprefix("HTTP_").replace("_", "-").lower()
    if not key.startswith("HTTP_") or name in _CGI_NAMES.values():
        return ""
    return name if is_read(name) else ""


_NAMES = NameTable(_name_of)
_name_at = _NAMES.__getitem__


class GuardMiddleware(Guarding):
    """Lets only decided requests through to a WSGI application.

    *guard* None means ``Guard.from_env()``. A bad configuration, and a decorator that
    has no effect, raise ``ConfigurationError`` here or on the first request; *app* that
    is no WSGI application raises ``TypeError``.
    The application finds the caller at ``environ["jwtguard.principal"]``.
    """

    def __init__(self, app: WSGIApplication, guard: Guard | None = None) -> None:
        check_application(app, "WSGI")
        self.app = app
        self.guard = guard if guard is not None else Guard.from_env()
        self.endpoints = Endpoints(app)
        self.endpoints.check(self.guard)

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer, or hand on to the application."""
        guard, app, known = self.guard, self.app, self.endpoints
        if known.count != NOTED.count or len(known.table) != known.size:
            known.check(guard)
        request = request_of(environ)
        decision = guard.decide_at_once(request)
        if decision is None:
            decision = guard.decide_in_full(request, partial(read_body, environ))
        if isinstance(decision, Respond):
            return respond(decision, start_response)
        environ[PRINCIPAL_KEY] = decision.principal
        environ[REFUSAL_KEY] = decision.refusal
        environ[GUARD_KEY] = guard
        if decision.body is not None:
            environ["wsgi.input"] = BytesIO(decision.body)
            environ["CONTENT_LENGTH"] = str(len(decision.body))
            environ.pop("HTTP_TRANSFER_ENCODING", None)  # as it is framed now
            app = _telling(app, decision, guard)
        if decision.fallback is not None:
            return _or_else(app, environ, start_response, decision)

        def refuse(error: AuthError) -> list[bytes]:
            answer = guard.refuse(error, request, decision)
            return respond(answer, _again(start_response))

        try:
            answer = app(environ, _decorating(start_response, decision))
        except AuthError as error:
            return refuse(error)
        if _is_plain(answer, environ):
            return answer
        return _Closing(_refusing(answer, refuse), answer)


def request_of(environ: WSGIEnvironment) -> Request:
    """Read what the rules need from *environ*."""
    headers = {
        _NAMES[key]: (value,)
        for key in filter(_name_at, environ)
        if (value := environ[key]) or (value == "" and key not in _CGI_NAMES)
    }
    path, root = environ.get("PATH_INFO", ""), environ.get("SCRIPT_NAME")
    request = Request(
        environ["REQUEST_METHOD"],
        path if path.isascii() else _text(path),
        headers,
        environ["wsgi.url_scheme"],
        environ.get("REMOTE_ADDR") or "unix",
        environ.get("QUERY_STRING", ""),
        environ.get("REQUEST_URI") or environ.get("RAW_URI"),
    )
    return request._replace(root=_text(root)) if root else request


def _text(octets: str) -> str:
    """Read one character for each byte (PEP 3333) as UTF-8, U+FFFD where it is not."""
    try:
        return octets.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:  # no bytes at all: a server that breaks the rule
        return "\ufffd"


def read_body(environ: WSGIEnvironment, limit: int) -> bytes | None:
    """Read the body whole, or one byte more than *limit*; None if it ended early."""
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH") or None
    chunked = environ.get("HTTP_TRANSFER_ENCODING")
    if length is None and not environ.get("wsgi.input_terminated"):
        return b"" if chunked is None else None
    wanted = limit + 1 if length is None else int(length)
    body = bytearray()
    try:
        while len(body) < wanted:
            piece = stream.read(wanted - len(body))
            if not piece:
                break
            body += piece
    except (OSError, EOFError, ValueError):
        return None
    return None if length is not None and len(body) < wanted else bytes(body)


def respond(answer: Respond, start_response: StartResponse) -> list[bytes]:
    """Send *answer*."""
    # An issuer behind a relay may answer with a number that nobody registered.
    phrase = _PHRASES.get(answer.status, "Unknown")
    start_response(f"{answer.status} {phrase}", list(answer.headers))
    return [answer.body] if answer.body else []


def _again(start_response: StartResponse) -> StartResponse:
    """PEP 3333: whoever may have started already starts over with ``exc_info``."""

    def start(
        status: str, headers: list[tuple[str, str]], _: Any = None, /
    ) -> Callable[[bytes], object]:
        return start_response(status, headers, sys.exc_info())

    return start


def _decorating(start_response: StartResponse, decision: Proceed) -> StartResponse:
    ours = decision.decoration

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        fields = list(decorated(headers, ours))
        if exc_info is None:
            return start_response(status, fields)
        return start_response(status, fields, exc_info)

    return start


def _telling(app: WSGIApplication, decision: Proceed, guard: Guard) -> WSGIApplication:
    """Tell *guard* how *app* answers a token request, before the client hears it."""

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
        if _is_plain(answer, environ):
            guard.answered(decision, code)
            return answer
        chunks = _after_head(answer, lambda: guard.answered(decision, code))
        return _Closing(chunks, answer)

    return telling


def _after_head(answer: Iterable[bytes], tell: Callable[[], None]) -> Iterator[bytes]:
    """Yield from *answer*; *tell* before the first bytes: only then the head is sent
    (PEP 3333), and can no more be replaced.
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


def _is_plain(answer: Iterable[bytes], environ: WSGIEnvironment) -> bool:
    """Whether iterating *answer* runs no code of the application.

    A file wrapper must reach the server as it is: servers send the file themselves.
    """
    if isinstance(answer, list | tuple):
        return True
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type):
        return isinstance(answer, wrapper)
    return wrapper is not None and hasattr(answer, "read")


def _refusing(
    answer: Iterable[bytes], refuse: Callable[[AuthError], list[bytes]]
) -> Iterator[bytes]:
    """Yield from *answer*; an ``AuthError`` before its first bytes is answered."""
    try:
        chunks = iter(answer)
        for chunk in chunks:
            yield chunk
            if chunk:
                break
    except AuthError as error:
        chunks = iter(refuse(error))
    yield from chunks


class _Closing:
    """An iterable over *chunks* that closes *answer*, as PEP 3333 asks of servers."""

    __slots__ = ("_answer", "_chunks")

    def __init__(self, chunks: Iterator[bytes], answer: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        close = getattr(self._answer, "close", None)
        if close is not None:
            close()


class _Preflight:
    """Starts the response to a preflight: the application's if it grants an origin.

    Otherwise our own answer replaces it whole.
    """

    def __init__(self, start_response: StartResponse, decision: Proceed) -> None:
        self._start = start_response
        self._decision = decision
        self._instead = decision.fallback or Respond(403, ())
        self.granted = False
        self.body: list[bytes] | None = None
        """Our own body, once the application's answer has been replaced."""

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
        """Send our own answer, unless it was sent already."""
        if self.body is None:
            self.body = respond(self._instead, _again(self._start))
        return self.body


def _discard(_: bytes, /) -> None:
    """Write nothing: the answer was replaced."""


def _or_else(
    app: WSGIApplication,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    decision: Proceed,
) -> Iterable[bytes]:
    """Run *app*; if its answer grants no origin, ours replaces it whole.

    The response has started when the first chunk is there (PEP 3333): no more of an
    answer is read than that, unless the client gets it.
    """
    head = _Preflight(start_response, decision)
    try:
        answer = app(environ, head.start)
    except AuthError:
        return head.replace()
    closing = _Closing(iter(()), answer)
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
        return _Closing(chain((first,), chunks), answer)
    closing.close()
    return head.replace()
