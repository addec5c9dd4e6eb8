"""Checks on a connection of Starlette, and their refusals as its exceptions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketState

from ..core.authorize.requirements import Requirement
from ..core.model.principal import Principal
from ..errors import AuthError, ConfigurationError
from ..guard import Guard
from ..places import GUARD_KEY, OUTBOX_KEY, PRINCIPAL_KEY, REQUEST_KEY
from ..websocket import close_code
from .asgi_refusals import HANDLERS_KEY, as_exception, note, teach


def require_principal(conn: HTTPConnection, requirement: Requirement) -> Principal:
    """Return the caller if it meets *requirement*, or raise Starlette's exception.

    Without a check of the application's own.
    """
    guard, scope = guard_of(conn), conn.scope
    with _translated(conn):
        return guard.require_principal(
            scope[PRINCIPAL_KEY], requirement, scope[REQUEST_KEY], scope[OUTBOX_KEY]
        )


def require(conn: HTTPConnection, requirement: Requirement) -> None:
    """Do the same, and ask the application's own check, which is not ``async``."""
    principal, own = require_principal(conn, requirement), requirement.own
    if own is not None:
        _judge(own.call(principal, conn), conn, principal, requirement)


async def arequire(conn: HTTPConnection, requirement: Requirement) -> None:
    """Do the same without blocking the event loop.

    A plain check runs in a thread, as Starlette's own plain endpoints do.
    """
    principal, own = require_principal(conn, requirement), requirement.own
    if own is not None:
        ask = own.acall if own.is_async else functools.partial(_in_thread, own.call)
        _judge(await ask(principal, conn), conn, principal, requirement)


async def _in_thread(ask: Callable[..., object], *given: object) -> object:
    return await run_in_threadpool(ask, *given)


def _judge(
    answer: object, conn: HTTPConnection, principal: Principal, needed: Requirement
) -> None:
    asked, outbox = conn.scope[REQUEST_KEY], conn.scope[OUTBOX_KEY]
    with _translated(conn):
        guard_of(conn).judge(answer, principal, needed, asked, outbox)


@contextmanager
def _translated(conn: HTTPConnection) -> Iterator[None]:
    try:
        yield
    except AuthError as error:
        # Without the cause: an error tracker would record the token in its frames.
        raise refusal_of(error, conn) from None


def guard_of(conn: HTTPConnection) -> Guard:
    """Return the guard that let *conn* through."""
    guard = conn.scope.get(GUARD_KEY)
    if not isinstance(guard, Guard):
        raise ConfigurationError(
            "this request did not pass GuardMiddleware: add "
            "Middleware(GuardMiddleware) to the application, or call "
            "app.add_middleware(GuardMiddleware)"
        )
    return guard


def refusal_of(error: AuthError, conn: HTTPConnection) -> Exception:
    """Return *error*, which was reported, as the exception that Starlette answers."""
    scope = conn.scope
    if scope["type"] == "websocket" and not _answers(conn):
        return WebSocketException(close_code(error.status), error.reason)
    if HANDLERS_KEY in scope:
        teach(scope[HANDLERS_KEY][0])
    return as_exception(error, note(error, scope), HTTPException)


def _answers(conn: HTTPConnection) -> bool:
    """Whether a WebSocket can still be answered like a request."""
    denial = "websocket.http.response" in (conn.scope.get("extensions") or {})
    state = getattr(conn, "application_state", WebSocketState.CONNECTING)
    return denial and state is WebSocketState.CONNECTING
