"""Starlette: the middleware stack, routes, mounts, hosts and WebSockets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from starlette.endpoints import HTTPEndpoint
from starlette.routing import Host, Match, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ...asgi import GuardMiddleware
from ...core.authorize.requirements import Requirement, requirements_of
from .layers import layer, own_root
from .model import Enter, Finding, Found, Place
from .probe import WEBSOCKET, Probe, Reached

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

Go = Callable[[Any, Probe], Reached | None]


def survey(app: Any, place: Place, enter: Enter) -> Iterator[Found]:
    """Yield the routes of a Starlette application or router."""
    place = yield from through(app, place)
    for number, route in enumerate(app.routes):
        yield from routes_at(route, route, place.at(number), enter)
    yield from otherwise(app, place, enter)


def otherwise(app: Any, place: Place, enter: Enter) -> Iterator[Found]:
    """Yield what runs where no route matches: ``router.default``, frontends."""
    for step, found in _fallbacks(app):
        yield from enter(found, place.at(step))


def _fallbacks(app: Any) -> Iterator[tuple[str, Any]]:
    router = getattr(app, "router", app)
    default = getattr(router, "default", None)
    if getattr(default, "__func__", None) is not Router.not_found and default:
        yield "default", default


def resolve(app: Any, probe: Probe, go: Go) -> Reached | None:
    """Follow *probe* through a Starlette application or router."""
    return routed(app, [(route, route) for route in app.routes], probe, go)


def passed(app: Any, probe: Probe) -> Probe:
    """Go past the guards among the middleware of *app*."""
    for kind in _kinds(app):
        if inspect.isclass(kind) and issubclass(kind, GuardMiddleware):
            probe = probe.past(kind)
    for guard in _guards(_stack(app)):
        probe = probe.past(guard)
    return probe


def _stack(app: Any) -> Any:
    """Return what ``Router(middleware=...)`` has put around its routes."""
    return getattr(getattr(app, "router", app), "middleware_stack", None)


def routed(
    app: Any, pairs: Sequence[tuple[Any, Any]], probe: Probe, go: Go
) -> Reached | None:
    """Ask each route in turn, as ``Router`` does, and go where the first one leads.

    A route that fits but for its method answers 405, and no match may be a redirect:
    neither runs a handler.
    """
    probe, partial = passed(app, probe), False
    scope = probe.scope()
    for number, (route, seen) in enumerate(pairs):
        # The framework's own matching is asked, so that what is reported is what will
        # be routed.
        match, child = seen.matches(scope)
        if match is not Match.FULL:
            partial = partial or match is Match.PARTIAL
            continue
        probe = probe.into(number, child.get("root_path"), child.get("path_params"))
        if isinstance(route, Mount | Host) and not isinstance(seen.app, StaticFiles):
            return go(seen.app, probe)
        for guard in _guards(getattr(route, "app", None)):
            probe = probe.past(guard)
        return probe.reached()
    if not partial and not _redirects(app, pairs, scope):
        for step, found in _fallbacks(app):
            return go(found, probe.into(step))
    return None


def _redirects(app: Any, pairs: Sequence[tuple[Any, Any]], scope: Scope) -> bool:
    """Whether a slash more or less leads somewhere, as ``Router`` asks it."""
    if scope["type"] != "http" or not getattr(app, "router", app).redirect_slashes:
        return False
    path = scope["path"]
    other = {**scope, "path": path.rstrip("/") if path.endswith("/") else path + "/"}
    return any(seen.matches(other)[0] is not Match.NONE for _, seen in pairs)


def _kinds(app: Any) -> Iterator[Any]:
    return (middleware.cls for middleware in getattr(app, "user_middleware", ()))


def through(app: Any, place: Place) -> Generator[Found, None, Place]:
    """Walk the middleware of *app*, outermost first; return the place behind it."""
    for middleware in getattr(app, "user_middleware", ()):
        kind: Any = middleware.cls
        if not (inspect.isclass(kind) and issubclass(kind, GuardMiddleware)):
            yield from layer(getattr(kind, "__name__", str(kind)), place)
            continue
        # Built as Starlette would build it: only then is its guard, and so its policy,
        # known.
        made = kind(app, *middleware.args, **middleware.kwargs)
        if place.guard is not None:
            yield Finding("weak", "order", "a guard stands behind another one")
        elif any(client.origins for client in made.guard.policy.clients):
            text = "an unhandled error's 500 has no CORS fields: Starlette makes it "
            text += "outside of `middleware`; app = GuardMiddleware(app) would add them"
            yield Finding("note", "order", text)
        place = place.behind(made.guard)
        yield from own_root(app.router)
    return _behind(_stack(app), place)


def routes_at(route: Any, seen: Any, place: Place, enter: Enter) -> Iterator[Found]:
    """Yield what *route* stands for; *seen* has the path it is reached by."""
    if isinstance(route, Mount) and isinstance(seen.app, StaticFiles):
        yield below(seen, place).route("/*", seen.app, ("GET",))
    elif isinstance(route, Mount):
        yield from enter(seen.app, below(seen, place))
    elif isinstance(route, Host):
        yield from enter(seen.app, place.on(seen.host))
    elif isinstance(route, WebSocketRoute):
        place = _behind(route.app, place)
        requirements = requirements_of(route.endpoint)
        fits = patterns_of(seen)
        yield place.route(seen.path, route.endpoint, (WEBSOCKET,), requirements, fits)
    elif isinstance(route, Route):
        place = _behind(route.app, place)
        yield from _http(route, seen, place)
    else:
        yield place.route(getattr(seen, "path", None) or "/*", route, opaque=True)


def below(seen: Any, place: Place) -> Place:
    """Go into the mount *seen*."""
    return place.below(seen.path, patterns_of(seen))


def patterns_of(seen: Any) -> dict[str, str]:
    """Return what each parameter in the path of *seen* has to look like."""
    converters = getattr(seen, "param_convertors", None) or {}
    return {name: str(one.regex) for name, one in converters.items()}


def _http(route: Route, seen: Any, place: Place) -> Iterator[Found]:
    endpoint, fits = route.endpoint, patterns_of(seen)
    methods = set(seen.methods or ()) - {"HEAD"}
    is_class = inspect.isclass(endpoint) and issubclass(endpoint, HTTPEndpoint)
    # Starlette gives a class endpoint no methods: its dispatch looks for functions
    # named after them.
    if is_class and not methods:
        methods = {m for m in METHODS if hasattr(endpoint, m.lower())}
    if not methods:
        yield place.route(seen.path, endpoint, (), requirements_of(endpoint), fits)
        return
    by_requirements: dict[tuple[Requirement, ...], list[str]] = {}
    for method in sorted(methods):
        own = getattr(endpoint, method.lower(), None) if is_class else None
        requirements = (*requirements_of(endpoint), *requirements_of(own))
        by_requirements.setdefault(requirements, []).append(method)
    for requirements, group in by_requirements.items():
        yield place.route(seen.path, endpoint, tuple(group), requirements, fits)


def _behind(app: Any, place: Place) -> Place:
    """Go behind a guard among the route's own ``middleware``."""
    for middleware in _guards(app):
        place = place.behind(middleware.guard)
    return place


def _guards(app: Any) -> Iterator[GuardMiddleware]:
    while app is not None:
        if isinstance(app, GuardMiddleware):
            yield app
        app = getattr(app, "app", None)
