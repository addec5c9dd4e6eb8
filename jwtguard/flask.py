"""Flask: the guard as an extension, the principal as a proxy, werkzeug's refusals."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from flask import Blueprint, Flask, Request, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, HTTPException, Unauthorized
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix

from . import rules
from .application.endpoints import Endpoints
from .core.authorize.requirements import ANY_TOKEN, Requirement, mark
from .core.authorize.unguarded import name_of
from .core.authorize.wrapping import note
from .core.model.principal import Principal
from .errors import AuthError, ConfigurationError
from .guard import Guard
from .wsgi import GUARD_KEY, OUTBOX_KEY, PRINCIPAL_KEY, GuardMiddleware, request_of

__all__ = [
    "JWTGuard",
    "current_principal",
    "log_in",
    "log_out",
    "require_any_scope",
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


class _Refusal(HTTPException):
    """A werkzeug exception with our status and header fields."""

    def __init__(self, error: AuthError) -> None:
        super().__init__(error.description)
        self.code = error.status
        self.error = error

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add to werkzeug's fields those of our own answer."""
        fields = _guard().refusal_fields(self.error)
        return [*super().get_headers(*args, **kwargs), *fields]


class NotAuthenticated(_Refusal, Unauthorized):
    """401: no token, or none that is good."""


class NotAllowed(_Refusal, Forbidden):
    """403: a good token that does not reach this far."""


class OtherRefusal(_Refusal):
    """Any other status: keys unavailable, a malformed request, the login page."""


_REFUSALS: dict[int, type[_Refusal]] = {401: NotAuthenticated, 403: NotAllowed}


def refusal_of(error: AuthError) -> HTTPException:
    """Return *error* as the werkzeug exception that Flask's error handlers see."""
    answered = _guard().answer_to(error, request_of(request.environ))
    return _REFUSALS.get(answered.status, OtherRefusal)(answered)


class JWTGuard:
    """Puts the guard in front of Flask applications.

    ``JWTGuard(app)``, or ``JWTGuard().init_app(app)`` in a factory. *guard* None means
    ``Guard.from_env()``; raises ``ConfigurationError`` in ``init_app``.
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
            raise ConfigurationError("JWTGuard: this app is guarded already")
        middleware = GuardMiddleware(app.wsgi_app, guard or self._guard)
        middleware.endpoints = Endpoints(app)  # whatever stands in front of them
        middleware.endpoints.check(middleware.guard)
        app.wsgi_app = middleware  # type: ignore[method-assign]
        app.extensions[EXTENSION] = middleware.guard
        # An application that raises our errors in a view, without our decorators, gets
        # the same answer.
        app.register_error_handler(AuthError, _handle)
        _report_proxy_fix(middleware)

    @staticmethod
    def protect(blueprint: Blueprint, *scopes: str) -> None:
        """Let the views of *blueprint* run only for callers with all of *scopes*."""

        requirement = rules.require_scope(*scopes)

        @blueprint.before_request
        def check() -> None:
            _require(requirement)

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


def _handle(error: AuthError) -> ResponseReturnValue:
    """An AuthError that left a view ends where the others do."""
    return current_app.handle_user_exception(refusal_of(error))


def _guard() -> Guard:
    guard = request.environ.get(GUARD_KEY)
    if guard is None:
        raise ConfigurationError("this request did not pass JWTGuard(app)")
    return cast(Guard, guard)


def _require(requirement: Requirement) -> Principal:
    """Return the caller if it meets *requirement*, or raise werkzeug's exception."""
    environ = request.environ
    guard = _guard()
    try:
        return guard.require(environ[PRINCIPAL_KEY], requirement, request_of(environ))
    except AuthError as error:
        # Without the cause: an error tracker would record the token in its frames.
        raise refusal_of(error) from None


def _current() -> Principal:
    return _require(ANY_TOKEN)


if TYPE_CHECKING:
    current_principal: Principal
else:
    current_principal = LocalProxy(_current)
"""The caller of the current request; using it is a 401 where there is none."""


def log_in(request: Request, username: str, password: str) -> Principal:
    """Begin a session with a user name and a password; return who signed in.

    The cookie leaves with whatever is answered to *request*, which is Flask's. Raises
    ``InvalidCredentialsError``, ``TooManyGuessesError`` or ``IssuerUnavailableError``;
    left alone, that error is answered with its ``status``.
    """
    environ, guard = request.environ, _guard()
    signed_in = guard.log_in(request_of(environ), username, password)
    environ[OUTBOX_KEY].put(signed_in.cookies)
    environ[PRINCIPAL_KEY] = signed_in.principal
    return signed_in.principal


def log_out(request: Request) -> None:
    """End the session of *request*: its tokens here and at the issuer, its cookie."""
    environ, guard = request.environ, _guard()
    environ[OUTBOX_KEY].put(guard.log_out(request_of(environ)))
    environ[PRINCIPAL_KEY] = None


def _decorator(requirement: Requirement) -> Callable[[Callable[P, T]], Callable[P, T]]:
    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        _check_view(view)
        # Flask looks at the outermost function to decide whether to await, so the
        # wrapper must be of the same kind.
        runs_async = inspect.iscoroutinefunction(view)
        guarded = (_guarded_async if runs_async else _guarded)(view, requirement)
        mark(guarded, requirement)
        note(view, guarded, requirement)
        return cast(Callable[P, T], guarded)

    return decorate


def _check_view(view: Any) -> None:
    if inspect.isclass(view):
        raise TypeError(
            f"{name_of(view)} is a class, which a decorator does not guard: write "
            "decorators = [require_scope(...)] in it, or decorate its methods"
        )
    if not callable(view):
        raise TypeError(
            f"{view!r} is not a view: put the decorator next to the function"
        )


def _guarded(view: Any, requirement: Requirement) -> Any:
    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        _require(requirement)
        return view(*args, **kwargs)

    return guarded


def _guarded_async(view: Any, requirement: Requirement) -> Any:
    @functools.wraps(view)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        _require(requirement)
        return await view(*args, **kwargs)

    return guarded


def require_scope(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers that hold every one of *scopes*."""
    return _decorator(rules.require_scope(*scopes))


def require_any_scope(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers that hold one of *scopes*."""
    return _decorator(rules.require_any_scope(*scopes))


def require_role(*roles: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a view run only for callers that have every one of *roles*."""
    return _decorator(rules.require_role(*roles))
