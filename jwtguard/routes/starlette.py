"""Starlette: the middleware stack, routes, mounts, hosts and WebSockets."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from typing import Any

from starlette.endpoints import HTTPEndpoint
from starlette.routing import Host, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from ..asgi import GuardMiddleware
from ..core.demands import Demand, demands_of
from . import Enter, Finding, Found, Place, layer

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
WEBSOCKET = ("WEBSOCKET",)


def survey(app: Any, place: Place, enter: Enter) -> Iterator[Found]:
    """Yield the routes of a Starlette application or router."""
    place = yield from through(app, place)
    for route in app.routes:
        yield from routes_at(route, route, place, enter)


def through(app: Any, place: Place) -> Generator[Found, None, Place]:
    """Walk the middleware of *app*, outermost first; return the place behind it."""
    for middleware in getattr(app, "user_middleware", ()):
        kind: Any = middleware.cls
        if not (inspect.isclass(kind) and issubclass(kind, GuardMiddleware)):
            yield from layer(getattr(kind, "__name__", str(kind)), place)
            continue
        made = kind(app, *middleware.args, **middleware.kwargs)
        if place.guard is not None:
            yield Finding("weak", "order", "a guard stands behind another one")
        elif any(client.origins for client in made.guard.policy.clients):
            text = "an unhandled error's 500 has no CORS fields: Starlette makes it "
            text += "outside of `middleware`; app = GuardMiddleware(app) would add them"
            yield Finding("note", "order", text)
        place = place.behind(made.guard)
    return place


def routes_at(route: Any, seen: Any, place: Place, enter: Enter) -> Iterator[Found]:
    """Yield what *route* stands for; *seen* has the path it is reached by."""
    if isinstance(route, Mount) and isinstance(seen.app, StaticFiles):
        yield place.below(seen.path).route("/*", seen.app, ("GET",))
    elif isinstance(route, Mount):
        yield from enter(seen.app, place.below(seen.path))
    elif isinstance(route, Host):
        yield from enter(seen.app, place.at(seen.host))
    elif isinstance(route, WebSocketRoute):
        place = _behind(route.app, place)
        demands = demands_of(route.endpoint)
        yield place.route(seen.path, route.endpoint, WEBSOCKET, demands)
    elif isinstance(route, Route):
        place = _behind(route.app, place)
        yield from _http(route, seen, place)
    else:
        yield place.route(getattr(seen, "path", "/*"), route)


def _http(route: Route, seen: Any, place: Place) -> Iterator[Found]:
    endpoint: Any = route.endpoint
    methods = set(seen.methods or ()) - {"HEAD"}
    is_class = inspect.isclass(endpoint) and issubclass(endpoint, HTTPEndpoint)
    if is_class and not methods:
        methods = {m for m in METHODS if hasattr(endpoint, m.lower())}
    if not methods:
        yield place.route(seen.path, endpoint, (), demands_of(endpoint))
        return
    by_demand: dict[tuple[Demand, ...], list[str]] = {}
    for method in sorted(methods):
        own = getattr(endpoint, method.lower(), None) if is_class else None
        demands = (*demands_of(endpoint), *demands_of(own))
        by_demand.setdefault(demands, []).append(method)
    for demands, group in by_demand.items():
        yield place.route(seen.path, endpoint, tuple(group), demands)


def _behind(app: Any, place: Place) -> Place:
    """Go behind a guard among the route's own ``middleware``."""
    while app is not None:
        if isinstance(app, GuardMiddleware):
            place = place.behind(app.guard)
        app = getattr(app, "app", None)
    return place
