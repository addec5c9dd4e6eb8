"""What an application has registered, read from the attributes that frameworks share.

No framework is imported. What is not recognised is not walked into: an application of
a framework that keeps its routes elsewhere has no endpoints here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any

from .core.unguarded import NOTED, problems_of
from .errors import ConfigurationError
from .guard import Guard
from .roots import own_roots

_INSIDE = ("app", "wsgi_app", "asgi_app", "original_router", "router")
"""What middleware, mounts, applications and included routers lead to."""


class Endpoints:
    """The endpoints behind one middleware, and whether they have changed.

    ``count`` and ``size`` are those of the last look. Routes are registered before the
    decorator above them runs, so a changed ``NOTED.count`` is seen in time; ``size``
    sees what is included or mounted later.
    """

    __slots__ = ("_app", "count", "size", "table")

    def __init__(self, app: Any) -> None:
        self._app = app
        self.count = -1
        self.size = 0
        self.table: Sized = ()

    def check(self, guard: Guard, outer: Any = None) -> None:
        """Raise ``ConfigurationError`` for decorators that cannot work.

        An application behind the guard that sets a root path of its own is one, too.
        *outer* is looked at if nothing is found behind the middleware.
        """
        count = NOTED.count
        handlers, table = look(self._app)
        if table is None and outer is not None:
            handlers, table = look(outer)
        size = len(table or ())
        problems = dict.fromkeys(problems_of(handlers, guard.policy))
        problems |= dict.fromkeys(str(own) for own in own_roots(self._app))
        if problems:
            raise ConfigurationError(*problems)
        self.count, self.table, self.size = count, table or (), size


def look(app: Any) -> tuple[list[Any], Sized | None]:
    """Return every handler that *app* has registered, and its outermost route table."""
    handlers: list[Any] = []
    tables: list[Sized] = []
    walked: dict[int, Any] = {}
    waiting = [app]
    while waiting:
        node = waiting.pop(0)
        if node is None or id(node) in walked:
            continue
        walked[id(node)] = node  # kept alive, so that its id stays its own
        handlers += _handlers(node)
        waiting += _inside(node, tables)
    return handlers, tables[0] if tables else None


def _handlers(node: Any) -> Iterator[Any]:
    """Yield the views of a Flask-like application, or a route's endpoint."""
    for views in (_get(node, "view_functions"), _get(node, "before_request_funcs")):
        for found in views.values() if isinstance(views, Mapping) else ():
            yield from found if isinstance(found, list) else [found]
    endpoint = _get(node, "endpoint")
    if callable(endpoint):
        yield endpoint


def _inside(node: Any, tables: list[Sized]) -> Iterator[Any]:
    if inspect.ismethod(node):  # app.wsgi_app
        yield node.__self__
    views, routes = _get(node, "view_functions"), _get(node, "routes")
    if isinstance(views, Mapping):
        tables.append(views)
    if isinstance(routes, Sequence) and not isinstance(routes, str):
        tables.append(routes)
        yield from routes
    for name in _INSIDE:
        yield _get(node, name)
    mounts = _get(node, "mounts")  # werkzeug's DispatcherMiddleware
    yield from mounts.values() if isinstance(mounts, Mapping) else ()


def _get(node: Any, name: str) -> Any:
    try:
        return getattr(node, name, None)
    except Exception:  # noqa: BLE001  # a proxy without a context, a broken property
        return None
