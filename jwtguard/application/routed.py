"""Which handler a request leads to: the framework's own router is asked, nothing runs.

A request that the router answers itself (not found, another method, a redirect) leads
to no handler.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from ..core.authorize.opening import opening_of
from ..core.authorize.unguarded import name_of
from .layers import UnreadableError, is_a, own, router_behind

Tables = list[tuple[Any, Any]]
"""What was looked through, and a copy of it: it may have changed since."""


class Found(NamedTuple):
    """The handler, where its framework keeps it, and what was looked through."""

    handler: Any
    method: str
    tables: Tables
    steady: bool = True
    """The same request always leads here, whatever else it says, and whenever."""

    @property
    def opening(self) -> str:
        """What is written on the handler: ``public``, ``optional`` or nothing."""
        handler = self.handler
        return opening_of(handler) or opening_of(_method_of(handler, self.method))


def _method_of(handler: Any, method: str) -> Any:
    """Return the method of a class view that *method* runs, or None."""
    kind = getattr(handler, "view_class", handler)
    if not inspect.isclass(kind):
        return None
    dispatch = "dispatch_request" if kind is not handler else "dispatch"
    module = getattr(getattr(kind, dispatch, None), "__module__", "")
    if module.partition(".")[0] not in ("flask", "starlette"):
        return None  # it may call anything
    name = method.lower()
    if name == "head" and not hasattr(kind, "head"):
        name = "get"
    return getattr(kind, name, None)


def by_scope(app: Any, scope: Mapping[str, Any]) -> Found | None:
    """Return where a request leads that *app* gets as *scope* (ASGI)."""
    seen, tables = dict(scope), []
    # Each mount leads to another router, and takes its part of the path.
    while True:
        router = router_behind(app)
        root = getattr(app, "root_path", None)
        if root and is_a(app, "fastapi.applications", "FastAPI"):
            seen["root_path"] = root
        tables += _tables(router.routes)
        route = _matching(router.routes, seen)
        if route is None:
            return None
        if not is_mount(route):
            return Found(route.endpoint, seen.get("method", ""), tables)
        app = route.app


def _matching(routes: Any, scope: dict[str, Any]) -> Any:
    """Return the first route that fits, as ``Router`` does; change *scope* likewise."""
    for original, route in flat(routes):
        if not is_plain(original):
            raise UnreadableError(name_of(original))
        # A partial match is a 405, which the router answers without the endpoint.
        match, child = route.matches(scope)
        if match.name == "FULL":
            scope.update(child)
            return route
    return None


def flat(routes: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each route, and the same as it is reached, included routers unfolded."""
    # Newer versions of FastAPI keep included routers as they are.
    fastapi = sys.modules.get("fastapi.routing")
    contexts = getattr(fastapi, "iter_route_contexts", None)
    if contexts is None:
        yield from ((route, route) for route in routes)
        return
    yield from ((context.original_route, context) for context in contexts(routes))


def _tables(routes: Any) -> Tables:
    # Routes may be added, replaced or moved while the application runs.
    found: Tables = [(routes, list(routes))]
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            found += _tables(included.routes)
    return found


def is_mount(route: Any) -> bool:
    """Whether *route* leads on to another application."""
    route = getattr(route, "original_route", route)
    return any(is_a(route, "starlette.routing", name) for name in ("Mount", "Host"))


def is_plain(route: Any) -> bool:
    """Whether *route* matches and calls as its framework does.

    A function given to ``Route`` is called; any other object is an application.
    """
    # A class of the application's own may match by a field, or call something else.
    if not own(route, "matches", "handle"):
        return False
    kinds = ("Mount", "Host", "Route", "WebSocketRoute")
    return any(is_a(route, "starlette.routing", name) for name in kinds)


def by_environ(app: Any, environ: Mapping[str, Any]) -> Found | None:
    """Return where a request leads that *app* gets as *environ* (WSGI)."""
    flask = router_behind(app)
    # A converter may look in a database: what it says now need not hold later.
    steady = _is_steady(flask.url_map)
    # Before the router is asked: what another thread changes in between is noticed.
    views, rules = flask.view_functions, flask.url_map._rules_by_endpoint  # noqa: SLF001
    copied = {endpoint: list(found) for endpoint, found in rules.items()}
    tables: Tables = [(views, dict(views)), (rules, copied)]
    try:
        adapter = flask.create_url_adapter(flask.request_class(dict(environ)))
        rule, _ = adapter.match(return_rule=True)
    except Exception:  # noqa: BLE001  # 404, 405, a redirect, or a converter that fails
        return None
    # Extensions put other functions in the place of views.
    view = views.get(rule.endpoint)
    return Found(view, environ["REQUEST_METHOD"], tables, steady)


def _is_steady(url_map: Any) -> bool:
    """Whether each converter and rule is werkzeug's: others may ask a database."""
    things = [url_map]
    for rule in url_map.iter_rules():
        things += [rule, *getattr(rule, "_converters", {}).values()]
    return all(type(thing).__module__.startswith("werkzeug.") for thing in things)


def reached(app: Any, depth: int = 24) -> Iterator[Any]:
    """Yield each handler that ``by_scope`` or ``by_environ`` can find behind *app*.

    Raises ``UnreadableError`` if there is something else than a router.
    """
    router = router_behind(app)
    if hasattr(router, "view_functions"):
        yield from router.view_functions.values()
        return
    for original, route in flat(router.routes):
        if not is_plain(original):
            return  # it may take what the routes below would match
        if not is_mount(route):
            yield route.endpoint
        elif depth:
            with suppress(UnreadableError):  # static files, or an application unknown
                yield from reached(route.app, depth - 1)
