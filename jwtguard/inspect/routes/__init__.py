"""Which routes an application has, and what each requires: read, and never called.

What frameworks have in common is here; each has a file of its own beside, loaded only
if the application is one of its.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from ...asgi import GuardMiddleware as ASGIGuard
from ...wsgi import GuardMiddleware as WSGIGuard
from .layers import layer, own_root, waitress
from .model import Finding, Found, Place, Route, is_relay

__all__ = ["Finding", "Found", "Place", "Route", "survey"]

APPLICATIONS = frozenset(
    {
        ("fastapi", "FastAPI"),
        ("fastapi", "APIRouter"),
        ("flask", "Flask"),
        ("starlette", "Starlette"),
        ("starlette", "Router"),
    }
)
"""Package and class of what the files beside can read."""


def survey(app: Any, place: Place | None = None) -> Iterator[Found]:
    """Yield every route of *app*, and what is odd about the order of its layers."""
    place = place or Place()
    if isinstance(app, ASGIGuard | WSGIGuard):
        if place.guard is not None:
            yield Finding("weak", "order", "a guard stands behind another one")
        if isinstance(app, WSGIGuard):
            yield from waitress(app.guard)
        else:
            yield from own_root(app.app)
        yield from survey(app.app, place.behind(app.guard))
        return
    framework = framework_of(app)
    if framework is not None:
        lister = importlib.import_module(f"{__name__}.{framework}")
        yield from lister.survey(app, place, survey)
        return
    mounts = getattr(app, "mounts", None)
    if isinstance(mounts, Mapping):  # werkzeug's DispatcherMiddleware
        for path, mounted in mounts.items():
            yield from survey(mounted, place.at(path).below(path))
    inside = inside_of(app)
    if inside is None or is_relay(app):
        yield place.route("/*", app, opaque=not is_relay(app))
        return
    if mounts is None and not is_self_wrapped(app):
        yield from layer(type(app).__name__, place)
    yield from survey(inside, place)


_WRAPPED = ("__wrapped__", "app", "application", "wrapped", "_app")
_OWN = ("wsgi_app", "asgi_app")
"""Methods that middleware is put around: ``app.wsgi_app = GZip(app.wsgi_app)``."""


def inside_of(app: Any) -> Any:
    """Return the application that the middleware *app* wraps, or None."""
    found = (getattr(app, name, None) for name in (*_WRAPPED, *_OWN))
    return next((one for one in found if callable(one) and one is not app), None)


def is_self_wrapped(app: Any) -> bool:
    """Whether *app* is an application whose own method was, or can be, wrapped."""
    return any(callable(getattr(type(app), name, None)) for name in _OWN)


def framework_of(app: Any) -> str | None:
    """Return the name of the file beside that can read *app*, if one can."""
    owner = app.__self__ if getattr(app, "__name__", "") == "wsgi_app" else app
    for kind in type(owner).__mro__:
        package = kind.__module__.partition(".")[0]
        if (package, kind.__name__) in APPLICATIONS:
            return package
    return None
