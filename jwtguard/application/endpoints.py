"""What an application has registered, read from the attributes that frameworks share.

No framework is imported, and nothing is called. Middleware is walked through by what it
holds; an application of a framework that keeps its routes elsewhere has no endpoints.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import suppress
from typing import Any

from ..core.authorize.unguarded import problems_of
from ..core.authorize.wrapping import NOTED
from ..errors import ConfigurationError
from ..guard import Guard
from .openers import Find, Opener, opener_of
from .roots import own_roots
from .routed import by_scope

_INSIDE = ("app", "wsgi_app", "asgi_app", "original_router", "router")
"""What mounts, applications and included routers lead to."""
_TABLES = ("view_functions", "before_request_funcs", "url_value_preprocessors")
"""Where a Flask-like application keeps what it calls for a request."""
_MOST = 2000
"""Middleware may hold anything: the walk ends after so many objects."""


class Guarding:
    """What both middlewares are, so that one can tell another behind it."""

    endpoints: Endpoints


class Endpoints:
    """The endpoints behind one middleware, and whether they have changed.

    ``count`` and ``size`` are those of the last look. Routes are registered before the
    decorator above them runs, so a changed ``NOTED.count`` is seen in time; ``size``
    sees what is included or mounted later. *teach* is called with what takes error
    handlers, as Starlette's applications do.
    """

    __slots__ = (
        "_app", "_behind", "_find", "_teach", "count", "opener", "size", "table",
    )  # fmt: skip

    def __init__(
        self,
        app: Any,
        teach: Callable[[list[Any]], None] | None = None,
        find: Find = by_scope,
        behind: Any = None,
    ) -> None:
        self._app = app
        self._behind = app if behind is None else behind
        self._find = find
        self.opener: Opener | None = None
        """Asks the router about handlers that are public or optional, if any are."""
        self.count = -1
        self.size = 0
        self.table: Sized = ()
        self._teach = teach

    def check(self, guard: Guard, outer: Any = None) -> None:
        """Raise ``ConfigurationError`` for decorators that cannot work.

        An application behind the guard that sets a root path of its own is one, too.
        *outer* is looked at if nothing is found behind the middleware.
        """
        count = NOTED.count
        found = look(self._app, self)
        if found.table is None and outer is not None:
            found = look(outer, self)
        found.handlers += _dispatchers(outer)  # what stands in front of the guard
        table: Sized = () if found.table is None else found.table
        size = len(table)
        handlers, others = found.handlers, found.guards
        problems = dict.fromkeys(problems_of(handlers, guard.policy, others=others))
        problems |= dict.fromkeys(str(own) for own in own_roots(self._app))
        opener, lost = opener_of(self._behind, self._find, handlers)
        problems |= dict.fromkeys(lost)
        if problems:
            raise ConfigurationError(*problems)
        self.count, self.table, self.size = count, table, size
        if self._teach is not None:
            self._teach(found.catchers)
        self.opener = opener


class Found:
    """What a walk has met: handlers, the outermost route table, other guards."""

    def __init__(self) -> None:
        self.handlers: list[Any] = []
        self.table: Sized | None = None
        self.guards = False
        self.catchers: list[Any] = []


def look(app: Any, own: Endpoints | None = None) -> Found:
    """Return what *app* has registered; *own* is of the guard that asks."""
    found = Found()
    walked: dict[int, Any] = {}
    waiting, left = deque([app]), _MOST
    while waiting and left:
        node = waiting.popleft()
        if node is None or id(node) in walked:
            continue
        walked[id(node)] = node  # kept alive, so that its id stays its own
        found.handlers += filter(callable, _handlers(node))
        found.guards |= _is_guard(node, own)
        if callable(_get(node, "add_exception_handler")):
            found.catchers.append(node)
        if not callable(_endpoint(node)):  # what a handler holds is its own affair
            waiting += _inside(node, found)
            left -= 1
    return found


def _is_guard(node: Any, own: Endpoints | None) -> bool:
    """Whether *node* is another guard, or will build one."""
    if isinstance(node, Guarding):
        return node.endpoints is not own
    kinds = [_get(one, "cls") for one in _listed(node, "user_middleware")]
    return any(isinstance(kind, type) and issubclass(kind, Guarding) for kind in kinds)


def _handlers(node: Any) -> Iterator[Any]:
    """Yield the views of a Flask-like application, or what a route calls."""
    for views in (_get(node, name) for name in _TABLES):
        for found in views.values() if isinstance(views, Mapping) else ():
            yield from found if isinstance(found, list) else [found]
    yield _endpoint(node)
    yield from _dependencies(node)
    yield from _dispatchers(node)
    yield _get(node, "dispatch_func")


def _dispatchers(app: Any) -> Iterator[Any]:
    """Yield the functions among the middleware of *app*, which may not be built yet."""
    for middleware in _listed(app, "user_middleware"):
        dispatch = (_get(middleware, "kwargs") or {}).get("dispatch")
        if callable(dispatch):
            yield dispatch


def _endpoint(node: Any) -> Any:
    """Return what a route calls; a Flask application has a method of that name."""
    endpoint = _get(node, "endpoint")
    return None if _get(endpoint, "__self__") is node else endpoint


def _dependencies(node: Any) -> Iterator[Any]:
    """Yield what a route or router of FastAPI calls first."""
    for declared in _listed(node, "dependencies"):
        yield _get(declared, "dependency")
    waiting = [_get(node, "dependant")]
    for dependant in waiting:
        found = _listed(dependant, "dependencies")
        yield from (_get(one, "call") for one in found)
        waiting += found


def _inside(node: Any, found: Found) -> Iterator[Any]:
    if inspect.ismethod(node):  # app.wsgi_app
        yield node.__self__
    views, routes = _get(node, "view_functions"), _get(node, "routes")
    tables = [table for table in (views, routes) if isinstance(table, Mapping | list)]
    if tables and found.table is None:
        found.table = tables[0]
    yield from routes if isinstance(routes, list) else ()
    for name in _INSIDE:
        yield _get(node, name)
    if not tables:
        yield from _held(node)


def _held(node: Any) -> Iterator[Any]:
    """Yield what may be the application in a middleware.

    An attribute, what one of them lists, what a closure holds, or a global.
    """
    for cell in _get(node, "__closure__") or ():
        with suppress(ValueError):  # not filled yet
            yield cell.cell_contents
    for value in list((_get(node, "__dict__") or {}).values()):
        if isinstance(value, Mapping | list | tuple):
            several = value.values() if isinstance(value, Mapping) else value
            yield from (one for one in list(several) if callable(one))
        elif callable(value) and not isinstance(value, type):
            yield value
    yield from _globals(
        node if inspect.isfunction(node) else _get(type(node), "__call__")
    )


def _globals(called: Any) -> Iterator[Any]:
    """Yield the objects that a function names: functions and classes are none."""
    names = _get(_get(called, "__code__"), "co_names") or ()
    namespace = _get(called, "__globals__") or {}
    for value in (namespace.get(name) for name in names):
        if callable(value) and not inspect.isroutine(value) | isinstance(value, type):
            yield value


def _listed(node: Any, name: str) -> list[Any]:
    found = _get(node, name)
    return found if isinstance(found, list) else []


def _get(node: Any, name: str) -> Any:
    try:
        return getattr(node, name, None)
    except Exception:  # noqa: BLE001  # a proxy without a context, a broken property
        return None
