"""Flask: the guard as an extension, the principal as a proxy, werkzeug's refusals."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from flask import Blueprint, Flask, Request, has_request_context, request
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix

from . import rules
from .application.endpoints import Endpoints
from .application.opening import optional, public
from .application.routed import by_environ
from .core.authorize.requirements import ANY_TOKEN, mark
from .core.authorize.unguarded import name_of
from .core.model.principal import Principal
from .errors import AuthError, ConfigurationError
from .gateway import flask_refusals
from .gateway.flask_refusals import (
    OUTSIDE,
    guard_of_request,
    refusal_of,
    report,
    translating,
)
from .gateway.flask_views import decorator
from .guard import Guard
from .wsgi import OUTBOX_KEY, PRINCIPAL_KEY, REQUEST_KEY, GuardMiddleware

__all__ = [
    "JWTGuard",
    "current_principal",
    "log_in",
    "log_out",
    "optional",
    "optional_principal",
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

EXTENSION = "jwtguard"
PROXY_FIX_INSIDE = (
    "ProxyFix stands inside the guard, so the guard sees plain HTTP and refuses every "
    "token: apply ProxyFix after JWTGuard(app), or set JWTGUARD_TRUSTED_PROXIES"
)


class JWTGuard:
    """Puts the guard in front of Flask applications.

    ``JWTGuard(app)``, or ``JWTGuard().init_app(app)`` in a factory. *guard* None means
    ``Guard.from_env()``; raises ``ConfigurationError`` in ``init_app``. The ``Guard``
    of an application, with ``revoke`` and the like, is ``app.extensions["jwtguard"]``.
    """

    def __init__(self, app: Flask | None = None, guard: Guard | None = None) -> None:
        self._guard = guard
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, guard: Guard | None = None) -> None:
        """Wrap ``app.wsgi_app``; raises ``ConfigurationError``.

        Raises ``TypeError`` if *app* is not a Flask application.
        """
        _check_app(app)
        if EXTENSION in app.extensions:
            text = "JWTGuard: this app is guarded already; call JWTGuard(app) once"
            raise ConfigurationError(text)
        middleware = GuardMiddleware(app.wsgi_app, guard or self._guard)
        # Whatever stands in front of the views.
        middleware.endpoints = Endpoints(app, find=by_environ, behind=middleware.app)
        middleware.look()
        app.wsgi_app = middleware  # type: ignore[method-assign]
        app.extensions[EXTENSION] = middleware.guard
        # An application that raises our errors in a view, without our decorators, gets
        # the same answer.
        translated: Any = translating(app.handle_user_exception)
        app.handle_user_exception = translated  # type: ignore[method-assign]
        _report_proxy_fix(middleware)

    @staticmethod
    def protect(blueprint: Blueprint, *scopes: str) -> None:
        """Let the views of *blueprint* run only for callers with all of *scopes*."""

        requirement = rules.require_scope(*scopes)

        @blueprint.before_request
        def check() -> None:
            flask_refusals.require(requirement)

        mark(check, requirement)


def _report_proxy_fix(middleware: GuardMiddleware) -> None:
    """Warn of a ProxyFix that comes too late: the guard refuses what it would mend."""
    policy = middleware.guard.policy
    inner: Any = middleware.app
    if policy.trusted_proxies or not policy.require_https:
        return
    # Middleware has no common interface; nearly all keep what they wrap in `app` or
    # `wsgi_app`.
    while inner is not None and not isinstance(inner, ProxyFix):
        inner = getattr(inner, "app", None) or getattr(inner, "wsgi_app", None)
    if inner is not None:
        middleware.guard.emit("misconfigured", problem=PROXY_FIX_INSIDE)


def _check_app(app: Any) -> None:
    if isinstance(app, Flask):
        return
    if isinstance(app, Blueprint):
        text = "a blueprint: use JWTGuard.protect(blueprint, ...)"
    elif inspect.isclass(app):
        text = f"the class {name_of(app)}: pass an application"
    elif app is None:
        text = "None"
    else:
        text = f"{name_of(app)}: use the GuardMiddleware of jwtguard.wsgi or .asgi"
    raise TypeError(f"JWTGuard guards a Flask application, and this is {text}")


def _current() -> Principal:
    if not has_request_context():
        raise RuntimeError(OUTSIDE)  # what a LocalProxy knows: its repr survives it
    return flask_refusals.require(ANY_TOKEN)


if TYPE_CHECKING:
    current_principal: Principal
else:
    current_principal = LocalProxy(_current)
"""The caller of the current request; using it is a 401 where there is none."""


def optional_principal() -> Principal | None:
    """Return the caller of the current request, or None without a token.

    A function and not a proxy, so that ``is None`` says what it means. The path must be
    one of ``JWTGUARD_OPTIONAL_PATHS``: elsewhere the guard refuses requests without a
    token, and does not read a token on public paths.
    """
    guard_of_request()
    principal: Principal | None = request.environ[PRINCIPAL_KEY]
    return principal


def log_in(request: Request, username: str, password: str) -> Principal:
    """Begin a session with a user name and a password; return who signed in.

    The cookie leaves with whatever is answered to *request*, which is Flask's. Raises
    ``InvalidCredentialsError``, ``TooManyGuessesError`` or ``IssuerUnavailableError``;
    left alone, that error is answered with its ``status``.
    """
    environ, guard = request.environ, guard_of_request()
    try:
        signed_in = guard.log_in(environ[REQUEST_KEY], username, password)
    except AuthError as error:
        report(error)
        raise refusal_of(error) from None
    environ[OUTBOX_KEY].put(signed_in.cookies)
    environ[PRINCIPAL_KEY] = signed_in.principal
    return signed_in.principal


def log_out(request: Request) -> None:
    """End the session of *request*: its tokens here and at the issuer, its cookie."""
    environ, guard = request.environ, guard_of_request()
    environ[OUTBOX_KEY].put(guard.log_out(environ[REQUEST_KEY]))
    environ[PRINCIPAL_KEY] = None


def require_scope(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers that hold every one of *scopes*."""
    return decorator(rules.require_scope(*scopes))


def require_any_scope(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers that hold one of *scopes*."""
    return decorator(rules.require_any_scope(*scopes))


def require_role(*roles: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers that have every one of *roles*."""
    return decorator(rules.require_role(*roles))


def require_acr(*acr_values: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers whose ``acr`` is one of *acr_values*."""
    return decorator(rules.require_acr(*acr_values))


def require_bound() -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers whose token is bound to a key (RFC 9449)."""
    return decorator(rules.require_bound())


def require_fresh(max_age: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers who signed in within *max_age* seconds."""
    return decorator(rules.require_fresh(max_age))


def require(
    check: Callable[..., Any], reason: str = rules.NOT_OWNER
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers for whom *check* returns ``True``.

    *check* gets the principal, and the request if it has two parameters; it may be
    ``async``. *reason* is a name for logs.
    """
    return decorator(rules.require(check, reason))
