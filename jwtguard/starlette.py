"""Starlette: the ASGI middleware, decorators for endpoints, refusals as its exceptions.

``GuardMiddleware`` is the very class of ``jwtguard.asgi``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from starlette.requests import HTTPConnection

from . import rules
from .application.opening import optional, public
from .asgi import GuardMiddleware, introduce
from .core.authorize.requirements import ANY_TOKEN
from .core.model.principal import Principal
from .errors import AuthError
from .gateway import starlette_refusals
from .gateway.starlette_endpoints import decorator
from .gateway.starlette_refusals import guard_of, refusal_of
from .places import OUTBOX_KEY, PRINCIPAL_KEY, REQUEST_KEY

__all__ = [
    "GuardMiddleware",
    "log_in",
    "log_out",
    "optional",
    "principal_of",
    "public",
    "require",
    "require_acr",
    "require_any_scope",
    "require_bound",
    "require_fresh",
    "require_role",
    "require_scope",
]

P = ParamSpec("P")
T = TypeVar("T")


def principal_of(request: HTTPConnection) -> Principal:
    """Return the caller of *request*; raises ``MissingTokenError`` if there is none.

    Left alone, that error is answered with 401, or closes the WebSocket.
    """
    if request.scope["type"] == "websocket":  # the middleware answers and reports:
        guard_of(request)  # it knows whether the WebSocket was accepted
        return ANY_TOKEN.check(request.scope[PRINCIPAL_KEY])
    return starlette_refusals.require_principal(request, ANY_TOKEN)


async def log_in(request: HTTPConnection, username: str, password: str) -> Principal:
    """Begin a session with a user name and a password; return who signed in.

    The cookie leaves with whatever is answered to *request*. Raises
    ``InvalidCredentialsError``, ``TooManyGuessesError`` or ``IssuerUnavailableError``;
    left alone, that error is answered with its ``status``.
    """
    guard, scope = guard_of(request), request.scope
    try:
        signed_in = await guard.alog_in(scope[REQUEST_KEY], username, password)
    except AuthError as error:
        guard.report(error, scope[REQUEST_KEY], scope[PRINCIPAL_KEY])
        raise refusal_of(error, request) from None
    scope[OUTBOX_KEY].put(signed_in.cookies)
    introduce(scope, signed_in.principal)
    return signed_in.principal


async def log_out(request: HTTPConnection) -> None:
    """End the session of *request*: its tokens here and at the issuer, its cookie."""
    guard, scope = guard_of(request), request.scope
    scope[OUTBOX_KEY].put(await guard.alog_out(scope[REQUEST_KEY]))
    introduce(scope, None)


def require_scope(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers that hold every one of *scopes*."""
    return decorator(rules.require_scope(*scopes))


def require_any_scope(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers that hold one of *scopes*."""
    return decorator(rules.require_any_scope(*scopes))


def require_role(*roles: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers that have every one of *roles*."""
    return decorator(rules.require_role(*roles))


def require_acr(*acr_values: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers whose ``acr`` is one of *acr_values*."""
    return decorator(rules.require_acr(*acr_values))


def require_bound() -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers whose token is bound to a key (RFC 9449)."""
    return decorator(rules.require_bound())


def require_fresh(max_age: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers who signed in within *max_age* seconds."""
    return decorator(rules.require_fresh(max_age))


def require(
    check: Callable[..., Any], reason: str = rules.NOT_OWNER
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let an endpoint run only for callers for whom *check* returns ``True``.

    *check* gets the principal, and the request if it has two parameters; it may be
    ``async``. *reason* is a name for logs.
    """
    return decorator(rules.require(check, reason))
