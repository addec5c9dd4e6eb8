"""Refusals as exceptions of werkzeug, which Flask's error handlers see.

A handler of the application may answer them; otherwise the body is the guard's. The
middleware adds the header fields of a refusal to both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from flask import current_app, has_request_context, request
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.wrappers import Response

from ..core.authorize.requirements import Requirement
from ..core.model.decision import Respond
from ..core.model.principal import Principal
from ..errors import AuthError, ConfigurationError
from ..guard import Guard
from ..places import GUARD_KEY, OUTBOX_KEY, PRINCIPAL_KEY, REFUSED_KEY, REQUEST_KEY


class Refusal(HTTPException):
    """A werkzeug exception with our status and body; it is an ``AuthError``, too.

    ``code`` is the status, as werkzeug has it. ``error`` is the plain ``AuthError``
    that is answered: the same, or the redirect to the login page.
    """

    error: AuthError

    def get_response(self, *_: Any, **__: Any) -> Response:
        """Return what the guard would answer, without the fields of the refusal."""
        answer = self._answer()
        # A list: of bytes werkzeug would count the length, and HEAD has none of them.
        return Response([answer.body], answer.status, list(answer.headers))

    def get_headers(self, *_: Any, **__: Any) -> list[tuple[str, str]]:
        """Return the fields that describe the body."""
        return list(self._answer().headers)

    def get_body(self, *_: Any, **__: Any) -> str:
        """Return the body."""
        return self._answer().body.decode()

    def _answer(self) -> Respond:
        environ = request.environ
        return guard_of_request().refusal_body(self.error, environ[REQUEST_KEY])


_WERKZEUGS = {"response": None, "www_authenticate": None, "valid_methods": None}
"""What werkzeug's constructors set. They cannot be called: they would call ours."""


@lru_cache(maxsize=64)
def _both(kind: Any, status: int) -> Any:
    # Flask looks for handlers by the class's own ``code``, then by its bases in order.
    werkzeugs = default_exceptions.get(status, HTTPException)
    namespace = {"code": status, "status": status, "__module__": kind.__module__}
    return type(kind.__name__, (Refusal, werkzeugs, kind), namespace)


def refusal_of(error: AuthError) -> Refusal:
    """Return *error*, which was reported, as the exception that handlers see."""
    environ = request.environ
    answered = guard_of_request().answer_to(error, environ[REQUEST_KEY])
    environ[REFUSED_KEY].extend((error, answered))
    kind: Any = type(error)
    both = _both(kind, answered.status)
    made = both.__new__(both)
    made.__dict__.update(error.__dict__, error=answered)
    made.__dict__.update(_WERKZEUGS, description=answered.description)
    return cast(Refusal, made)


def translating(handle: Callable[[Exception], Any]) -> Callable[[Exception], Any]:
    """Return Flask's ``handle_user_exception`` for an ``AuthError`` of a view, too."""

    def handle_user_exception(error: Exception) -> Any:
        # Before Flask looks for handlers: those of a status would not see it.
        if isinstance(error, AuthError) and not isinstance(error, Refusal):
            report(error)
            error = refusal_of(error)
        return handle(error)

    return handle_user_exception


def report(error: AuthError) -> None:
    """Report a refusal of the current request."""
    environ = request.environ
    guard_of_request().report(error, environ[REQUEST_KEY], environ[PRINCIPAL_KEY])


OUTSIDE = (
    "jwtguard.flask was used outside of a Flask request; in Starlette and FastAPI, "
    "import the same names from jwtguard.starlette"
)


def guard_of_request() -> Guard:
    """Return the guard that let the current request through."""
    return _guard_in(_environ())


def _environ() -> dict[str, Any]:
    if not has_request_context():
        raise ConfigurationError(OUTSIDE)
    return request.environ


def _guard_in(environ: dict[str, Any]) -> Guard:
    guard = environ.get(GUARD_KEY)
    if guard is None:
        raise ConfigurationError(
            "this request did not pass JWTGuard(app): call it for this application, "
            "or init_app(app) of the JWTGuard() that you made"
        )
    return cast(Guard, guard)


def require(requirement: Requirement) -> Principal:
    """Return the caller if it meets *requirement*, or raise werkzeug's exception."""
    principal, own = _require_principal(requirement), requirement.own
    if own is not None:
        # Flask's own way from a plain view to async code: it needs asgiref.
        ask: Any = current_app.async_to_sync(own.acall) if own.is_async else own.call
        _judge(ask(principal, _flasks_request()), principal, requirement)
    return principal


async def arequire(requirement: Requirement) -> Principal:
    """Do the same in a view that is ``async``."""
    principal, own = _require_principal(requirement), requirement.own
    if own is not None:
        answer = await own.acall(principal, _flasks_request())
        _judge(answer, principal, requirement)
    return principal


def _flasks_request() -> Any:
    """Return the request itself: a check may hand it on to another thread."""
    return request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001


def _require_principal(requirement: Requirement) -> Principal:
    environ = _environ()  # once: each use of Flask's proxy looks the request up
    guard = _guard_in(environ)
    principal = environ[PRINCIPAL_KEY]
    try:
        return guard.require_principal(
            principal, requirement, environ[REQUEST_KEY], environ[OUTBOX_KEY]
        )
    except AuthError as error:
        # Without the cause: an error tracker would record the token in its frames.
        raise refusal_of(error) from None


def _judge(answer: object, principal: Principal, requirement: Requirement) -> None:
    environ = _environ()
    guard = _guard_in(environ)
    asked, outbox = environ[REQUEST_KEY], environ[OUTBOX_KEY]
    try:
        guard.judge(answer, principal, requirement, asked, outbox)
    except AuthError as error:
        raise refusal_of(error) from None
