"""PEP 3333: translate the environ, ask the guard, obey. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from .application.endpoints import Endpoints, Guarding
from .application.interfaces import check_application
from .application.routed import by_environ
from .callers import CALLERS
from .core.authorize.wrapping import NOTED
from .core.model.decision import Proceed, Respond
from .core.model.proxy_fields import ProxyFields
from .core.model.request import NameTable, Request, is_read, new_request
from .core.respond.decorating import decorated, with_outbox
from .errors import AuthError
from .gateway.certificates import take_from_environ
from .gateway.given import guard_or_env
from .gateway.wsgi_answers import Closing, is_plain, respond, starting_over
from .gateway.wsgi_bodies import read_body
from .gateway.wsgi_noted import Noted
from .gateway.wsgi_preflights import answer_or_else
from .gateway.wsgi_streams import Stream, streaming
from .gateway.wsgi_token_answers import telling
from .guard import Guard
from .places import (
    GUARD_KEY,
    OUTBOX_KEY,
    PRINCIPAL_KEY,
    REFUSAL_KEY,
    REFUSED_KEY,
    REQUEST_KEY,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = [
    "GUARD_KEY",
    "OUTBOX_KEY",
    "PRINCIPAL_KEY",
    "REFUSAL_KEY",
    "REQUEST_KEY",
    "GuardMiddleware",
    "read_body",
    "request_of",
    "respond",
]

_CGI_NAMES = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


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
        self.guard = guard_or_env(guard)
        self.endpoints = Endpoints(app, find=by_environ)
        self._read: Callable[..., Request] = request_of
        self.look()

    def look(self) -> None:
        """Check what the application has registered, and what it opens."""
        self.endpoints.check(self.guard)
        opener = self.endpoints.opener
        self._read = opener.reading(request_of, self.guard) if opener else request_of

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer, or hand on to the application."""
        if CALLERS.noted and CALLERS.misses(environ):
            return self._noted(environ, start_response)
        guard, app, known = self.guard, self.app, self.endpoints
        if known.count != NOTED.count or len(known.table) != known.size:
            self.look()
        request = self._read(environ, guard.policy.proxy_fields)
        decision = guard.decide_at_once(request)
        if decision is None:
            decision = guard.decide_in_full(request, partial(read_body, environ))
        if isinstance(decision, Respond):
            return respond(decision, start_response)
        environ[PRINCIPAL_KEY] = decision.principal
        environ[REFUSAL_KEY] = decision.refusal
        environ[GUARD_KEY] = guard
        environ[OUTBOX_KEY] = decision.outbox
        refused: list[AuthError] = []
        environ[REFUSED_KEY] = refused
        environ[REQUEST_KEY] = request
        if decision.body is not None:
            environ["wsgi.input"] = BytesIO(decision.body)
            environ["CONTENT_LENGTH"] = str(len(decision.body))
            environ.pop("HTTP_TRANSFER_ENCODING", None)  # as it is framed now
            app = telling(app, decision, guard)
        if decision.fallback is not None:
            return answer_or_else(app, environ, start_response, decision)

        def refuse(error: AuthError) -> list[bytes]:
            answer = guard.refuse(error, request, decision, refused)
            return respond(answer, starting_over(start_response))

        streams: list[Stream] = []
        outgoing = _decorating(start_response, decision, streams, refused, guard)
        try:
            answer = app(environ, outgoing)
        except AuthError as error:
            return refuse(error)
        if is_plain(answer, environ):
            return answer
        return Closing(_refusing(answer, refuse, streams), answer, streams)

    def _noted(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer while the log knows which request is handled."""
        with CALLERS.during(environ):
            answer = self(environ, start_response)
        return answer if is_plain(answer, environ) else Noted(answer, environ)


def request_of(environ: WSGIEnvironment, wanted: ProxyFields | None = None) -> Request:
    """Read what the rules need from *environ*.

    *wanted*: fields that proxies set, which are taken out of *environ*.
    """
    headers = {
        _NAMES[key]: (value,)
        for key in filter(_name_at, environ)
        if (value := environ[key]) or (value == "" and key not in _CGI_NAMES)
    }
    path, root = environ.get("PATH_INFO", ""), environ.get("SCRIPT_NAME")
    request = new_request(
        (
            environ["REQUEST_METHOD"],
            path if path.isascii() else _text(path),
            headers,
            environ["wsgi.url_scheme"],
            environ.get("REMOTE_ADDR") or "unix",
            environ.get("QUERY_STRING", ""),
            environ.get("REQUEST_URI") or environ.get("RAW_URI"),
            False,
            (),
            _text(root) if root else "",
            None,
            "",
        )
    )
    return request if wanted is None else take_from_environ(request, environ, wanted)


def _text(octets: str) -> str:
    """Read one character for each byte (PEP 3333) as UTF-8, U+FFFD where it is not."""
    try:
        return octets.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:  # no bytes at all: a server that breaks the rule
        return "\ufffd"


def _decorating(
    start_response: StartResponse,
    decision: Proceed,
    streams: list[Stream],
    refused: Sequence[AuthError],
    guard: Guard,
) -> StartResponse:
    """Decorate the head of the application's answer; *streams* gets an event stream."""
    ours, outbox = decision.decoration, decision.outbox

    def start(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if refused:
            code, caller = int(status[:3]), decision.principal
            headers = list(guard.handled(refused, code, headers, caller))
        fields, events = decorated(headers, ours)
        if outbox is not None:
            fields = list(with_outbox(tuple(fields), outbox))
        if events or streams:
            streams[:] = streaming(guard, decision.principal) if events else ()
        if exc_info is None:
            return start_response(status, fields)
        return start_response(status, fields, exc_info)

    return start


def _refusing(
    answer: Iterable[bytes],
    refuse: Callable[[AuthError], list[bytes]],
    streams: list[Stream],
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
    yield from streams[0](chunks) if streams else chunks
