"""Starlette: the ASGI middleware, decorators for endpoints, refusals as its exceptions.

``GuardMiddleware`` is the very class of ``jwtguard.asgi``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketState

from . import rules
from .asgi import GuardMiddleware, introduce, request_of
from .core.authorize.requirements import ANY_TOKEN, Requirement, mark
from .core.authorize.wrapping import note
from .core.model.principal import Principal
from .core.respond.responses import as_mapping
from .errors import AuthError, ConfigurationError, MissingTokenError
from .guard import Guard
from .places import BEFORE_KEY, GUARD_KEY, OUTBOX_KEY, PRINCIPAL_KEY
from .websocket import close_code

__all__ = [
    "GuardMiddleware",
    "log_in",
    "log_out",
    "principal_of",
    "require_any_scope",
    "require_role",
    "require_scope",
]

P = ParamSpec("P")
T = TypeVar("T")

_TYPES = frozenset({"Request", "WebSocket", "HTTPConnection"})
_PARAMETERS = frozenset({"request", "websocket", "conn", "connection"})


class _NoTokenError(HTTPException, MissingTokenError):
    """Ours to catch, and Starlette's to answer, wherever the guard stands."""

    detail: str = ""  # Starlette's: it is set, and ours cannot be

    def __init__(
        self, error: MissingTokenError, status: int, headers: dict[str, str]
    ) -> None:
        MissingTokenError.__init__(self, error.reason)
        HTTPException.__init__(self, status, error.description, headers)


def principal_of(request: HTTPConnection) -> Principal:
    """Return the caller of *request*; raises ``MissingTokenError`` if there is none.

    Left alone, that error is answered with 401, or closes the WebSocket.
    """
    guard, scope = _guard_of(request), request.scope
    try:
        if scope["type"] == "websocket":  # the middleware answers and reports
            return ANY_TOKEN.check(scope[PRINCIPAL_KEY])
        return guard.require(scope[PRINCIPAL_KEY], ANY_TOKEN, request_of(scope))
    except MissingTokenError as error:
        if scope["type"] == "websocket":
            raise  # it knows whether the WebSocket was accepted
        answered = guard.answer_to(error, request_of(scope))
        headers = as_mapping(guard.refusal_fields(answered))
        raise _NoTokenError(error, answered.status, headers) from None


async def log_in(request: HTTPConnection, username: str, password: str) -> Principal:
    """Begin a session with a user name and a password; return who signed in.

    The cookie leaves with whatever is answered to *request*. Raises
    ``InvalidCredentialsError``, ``TooManyGuessesError`` or ``IssuerUnavailableError``;
    left alone, that error is answered with its ``status``.
    """
    guard, scope = _guard_of(request), request.scope
    try:
        signed_in = await guard.alog_in(request_of(scope), username, password)
    except AuthError as error:
        if scope.get("app") is scope[BEFORE_KEY]:
            raise
        raise _answered(error, guard) from None  # its 500 would come before our answer
    scope[OUTBOX_KEY].put(signed_in.cookies)
    introduce(scope, signed_in.principal)
    return signed_in.principal


async def log_out(request: HTTPConnection) -> None:
    """End the session of *request*: its tokens here and at the issuer, its cookie."""
    guard, scope = _guard_of(request), request.scope
    scope[OUTBOX_KEY].put(await guard.alog_out(request_of(scope)))
    introduce(scope, None)


def require_scope(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers that hold every one of *scopes*."""
    return _decorator(rules.require_scope(*scopes))


def require_any_scope(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers that hold one of *scopes*."""
    return _decorator(rules.require_any_scope(*scopes))


def require_role(*roles: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers that have every one of *roles*."""
    return _decorator(rules.require_role(*roles))


def require(conn: HTTPConnection, requirement: Requirement) -> Principal:
    """Return the caller if it meets *requirement*, or raise Starlette's exception."""
    guard, scope = _guard_of(conn), conn.scope
    try:
        return guard.require(scope[PRINCIPAL_KEY], requirement, request_of(scope))
    except AuthError as error:
        raise _refusal(error, conn, guard) from None


def _guard_of(conn: HTTPConnection) -> Guard:
    guard = conn.scope.get(GUARD_KEY)
    if not isinstance(guard, Guard):
        raise ConfigurationError(
            "this request did not pass GuardMiddleware: add "
            "Middleware(GuardMiddleware) to the application"
        )
    return guard


def _refusal(
    error: AuthError, conn: HTTPConnection, guard: Guard
) -> HTTPException | WebSocketException:
    if conn.scope["type"] == "websocket" and not _answers(conn):
        return WebSocketException(close_code(error.status), error.reason)
    error = guard.answer_to(error, request_of(conn.scope))
    headers = as_mapping(guard.refusal_fields(error))
    return HTTPException(error.status, error.description, headers)


def _answered(error: AuthError, guard: Guard) -> HTTPException:
    """Return *error* as one that Starlette answers, too."""
    kind: Any = type(error)
    both = _both(kind)
    made = both.__new__(both)
    made.__dict__.update(error.__dict__)
    headers = as_mapping(guard.refusal_fields(error))
    HTTPException.__init__(made, error.status, error.description, headers)
    return cast(HTTPException, made)


@functools.lru_cache(maxsize=16)
def _both(kind: Any) -> Any:
    """Return a class that is a *kind* of ``AuthError`` and Starlette's too."""
    return type(kind.__name__, (HTTPException, kind), {"detail": ""})


def _answers(conn: HTTPConnection) -> bool:
    """Whether a WebSocket can still be answered like a request."""
    denial = "websocket.http.response" in (conn.scope.get("extensions") or {})
    state = getattr(conn, "application_state", WebSocketState.CONNECTING)
    return denial and state is WebSocketState.CONNECTING


def _decorator(requirement: Requirement) -> Callable[[Callable[P, T]], Callable[P, T]]:
    def decorate(endpoint: Callable[P, T]) -> Callable[P, T]:
        guarded = _guarded(endpoint, requirement)
        mark(guarded, requirement)
        note(endpoint, guarded, requirement)
        return cast(Callable[P, T], guarded)

    return decorate


def _guarded(endpoint: Any, requirement: Requirement) -> Any:
    if inspect.isclass(endpoint):
        return _guarded_class(endpoint, requirement)
    _check_signature(endpoint)
    # What a decorator wraps does not count: Starlette does not look there either.
    if inspect.iscoroutinefunction(_innermost(endpoint)):
        return _guarded_async(endpoint, requirement)

    @functools.wraps(endpoint)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        require(_connection(args, kwargs), requirement)
        return endpoint(*args, **kwargs)

    return guarded


def _innermost(endpoint: Any) -> Any:
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return endpoint


def _guarded_async(endpoint: Any, requirement: Requirement) -> Any:
    @functools.wraps(endpoint)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        require(_connection(args, kwargs), requirement)
        return await endpoint(*args, **kwargs)

    return guarded


def _guarded_class(endpoint: Any, requirement: Requirement) -> Any:
    """An HTTPEndpoint or WebSocketEndpoint whose dispatch checks first."""
    if not hasattr(endpoint, "dispatch"):
        raise TypeError(f"{endpoint!r} is not a Starlette endpoint class")

    async def dispatch(self: Any) -> None:
        require(HTTPConnection(self.scope), requirement)
        await super(guarded, self).dispatch()

    members = {
        "dispatch": dispatch,
        "__module__": endpoint.__module__,
        "__doc__": endpoint.__doc__,
        "__qualname__": endpoint.__qualname__,
    }
    # A subclass: changing the class itself would guard every other route that uses it.
    guarded: Any = type(endpoint.__name__, (endpoint,), members)
    return guarded


def _check_signature(endpoint: Callable[..., Any]) -> None:
    for parameter in inspect.signature(endpoint).parameters.values():
        annotation = parameter.annotation
        if isinstance(annotation, str):
            named = annotation.rpartition(".")[2] in _TYPES
        else:
            named = inspect.isclass(annotation) and issubclass(
                annotation, HTTPConnection
            )
        if named or parameter.name in _PARAMETERS:
            return
    raise TypeError(f"{endpoint!r} needs a parameter `request` (or `websocket`)")


def _connection(args: tuple[Any, ...], kwargs: dict[str, Any]) -> HTTPConnection:
    # Starlette passes the request by position, FastAPI by name, and methods put self
    # first.
    for value in (*args, *kwargs.values()):
        if isinstance(value, HTTPConnection):
            return value
    raise ConfigurationError("the endpoint was called without its request")
