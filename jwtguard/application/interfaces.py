"""PEP 3333 and ASGI 3: whether a callable can be the application of a middleware."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from ..core.authorize.unguarded import name_of

Interface = Literal["WSGI", "ASGI"]

_ARGUMENTS = {"WSGI": 2, "ASGI": 3}
_ITERATES = {"WSGI": "__iter__", "ASGI": "__await__"}
"""A class may be an application: its instances are the response."""
_USE = {
    "WSGI": "jwtguard.asgi.GuardMiddleware",
    "ASGI": "jwtguard.wsgi.GuardMiddleware, or jwtguard.flask.JWTGuard for Flask",
}


def check_application(app: Any, interface: Interface) -> None:
    """Raise ``TypeError`` if *app* is surely no application of *interface*.

    A callable that hides its signature is taken for one.
    """
    other: Interface = "ASGI" if interface == "WSGI" else "WSGI"
    if app is None or not callable(app):
        raise TypeError(f"GuardMiddleware needs an application, not {app!r}")
    if isinstance(app, type) and not hasattr(app, _ITERATES[interface]):
        name = name_of(app)
        raise TypeError(
            f"GuardMiddleware got the class {name}: pass an application, {name}(...)"
        )
    if _is(app, interface):
        return
    known = f"{'an' if other == 'ASGI' else 'a'} {other} application"
    what = known if _is(app, other) else f"not {interface}"
    raise TypeError(
        f"jwtguard.{interface.lower()}.GuardMiddleware guards {interface} "
        f"applications, and {name_of(app)} is {what}: use {_USE[interface]}"
    )


def _is(app: Any, interface: Interface) -> bool:
    if interface == "WSGI" and _is_async(app):
        return False
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*[None] * _ARGUMENTS[interface])
    except TypeError:
        return False
    return True


def _is_async(app: Any) -> bool:
    call = getattr(type(app), "__call__", None)  # noqa: B004  # its kind, not whether
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)
