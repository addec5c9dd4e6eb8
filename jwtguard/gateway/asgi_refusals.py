"""Refusals as exceptions of Starlette, and what its error handlers make of them.

An application's own error handler answers a refusal; if there is none, the guard does.
Starlette is not imported, as any ASGI application may stand behind the guard.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, cast

import anyio.to_thread

from ..core.respond.refused import original
from ..errors import AuthError, JWTGuardError
from ..guard import Guard
from ..places import GUARD_KEY, PRINCIPAL_KEY, REFUSED_KEY, REQUEST_KEY
from .asgi_messages import Receive, Scope, Send, respond

HANDLERS_KEY = "starlette.exception_handlers"
"""Where Starlette keeps handlers of the innermost application: by class, by status."""
# By module: each ExceptionMiddleware has a bound method of its own.
_DEFAULTS = frozenset({"starlette.middleware.exceptions", "fastapi.exception_handlers"})

Handlers = MutableMapping[Any, Callable[..., Any]]


def as_exception(error: AuthError, answered: AuthError, framework: Any) -> Exception:
    """Return *error* as one that is an ``AuthError`` and a *framework* exception.

    That is Starlette's ``HTTPException``. ``error`` of it is what is *answered*: the
    same, or the redirect to the login page.
    """
    kind: Any = type(error)
    both = _both(kind, framework, answered.status)
    made: Any = both.__new__(both)
    made.__dict__.update(error.__dict__, error=answered)
    framework.__init__(made, answered.status, answered.description)
    return cast(Exception, made)


@lru_cache(maxsize=64)
def _both(kind: Any, framework: Any, status: int) -> Any:
    # ``detail`` is Starlette's, the sentence for the client: it is set, and ours cannot
    # be. Our class comes first, or our handler would never be asked.
    namespace = {"detail": "", "status": status, "__module__": kind.__module__}
    return type(kind.__name__, (kind, framework), namespace)


def note(error: AuthError, scope: Scope) -> AuthError:
    """Return what is answered to *error*, which was reported, and tell the middleware.

    It adds the fields of the refusal to what the application answers.
    """
    answered = guard_in(scope).answer_to(error, scope[REQUEST_KEY])
    scope[REFUSED_KEY].extend((error, answered))
    return answered


def guard_in(scope: Scope) -> Guard:
    return cast(Guard, scope[GUARD_KEY])


def teach_all(found: Iterable[Any]) -> None:
    """Let applications of Starlette's kind answer an ``AuthError`` like the guard.

    Otherwise it would be their 500.
    """
    for app in found:
        handlers = _handlers_of(app)
        if handlers is not None:
            teach(handlers)


def teach(handlers: Handlers) -> None:
    """Add our handler to *handlers*, unless the application has one of its own."""
    for kind, handler in list(handlers.items()):
        ours = isinstance(kind, type) and issubclass(kind, JWTGuardError)
        if ours and handler is not answer_error and not isinstance(handler, _Noting):
            handlers[kind] = _Noting(handler)
    if JWTGuardError not in handlers:
        handlers.setdefault(AuthError, answer_error)


class _Noting:
    """An application's own handler of our errors: the middleware adds the fields."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler

    async def __call__(self, connection: Any, error: Any) -> Any:
        """Answer as the application does."""
        noted = _noted(error, connection.scope)
        return await _ask(self._handler, connection, noted)


def _handlers_of(app: Any) -> Handlers | None:
    for name in ("exception_handlers", "_exception_handlers"):
        found = getattr(app, name, None)
        if isinstance(found, dict):
            return found
    return None


async def answer_error(connection: Any, error: Any) -> Any:
    """Answer an ``AuthError`` as Starlette's error handlers do.

    The application's own handler of ``HTTPException`` comes first.
    """
    scope = connection.scope
    error = _noted(error, scope)
    known = _http_exception(scope)
    if known is None or not isinstance(error, known):
        raise error
    by_class, by_status = scope[HANDLERS_KEY]
    handler = by_status.get(error.status) or _handler_of(known, by_class)
    if handler is not None:
        return await _ask(handler, connection, error)
    if scope["type"] == "websocket":
        raise error
    answer = guard_in(scope).refusal_body(original(error), scope[REQUEST_KEY])

    async def send_answer(_: Scope, __: Receive, send: Send) -> None:
        await respond(answer, send)

    return send_answer


def _noted(error: Any, scope: Scope) -> Any:
    """Return *error* as Starlette's exception, reported and noted.

    Left alone: what is that already, what is for the middleware to answer (it knows
    whether a WebSocket was accepted), and what did not pass the guard.
    """
    known = _http_exception(scope)
    if known is None or isinstance(error, known) or not isinstance(error, AuthError):
        return error
    if GUARD_KEY not in scope or scope["type"] == "websocket":
        return error
    guard_in(scope).report(error, scope[REQUEST_KEY], scope[PRINCIPAL_KEY])
    return as_exception(error, note(error, scope), known)


def _http_exception(scope: Scope) -> Any:
    by_class, _ = scope.get(HANDLERS_KEY, ({}, {}))
    return next(filter(_is_http_exception, by_class), None)


def _is_http_exception(kind: Any) -> bool:
    named = getattr(kind, "__name__", ""), getattr(kind, "__module__", "")
    return named == ("HTTPException", "starlette.exceptions")


def _handler_of(framework: type[Exception], by_class: Handlers) -> Any:
    """Return the application's own handler of *framework* exceptions, or None."""
    for kind in framework.__mro__:
        if kind in by_class:
            handler = by_class[kind]
            standard = getattr(handler, "__module__", "") in _DEFAULTS
            return None if standard else handler
    return None


async def _ask(handler: Any, connection: Any, error: Exception) -> Any:
    call = getattr(handler, "__call__", None)  # noqa: B004  # its kind, not whether
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call):
        return await handler(connection, error)
    # As Starlette does: a plain function may block.
    return await anyio.to_thread.run_sync(handler, connection, error)
