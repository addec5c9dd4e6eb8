"""Which handler a request reaches: the application's own routers are asked.

``requirements_at(app, method, path)`` is the whole answer for one request.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...asgi import GuardMiddleware as ASGIGuard
from ...core.authorize.requirements import Requirement
from ...core.model.request import Request
from ...guard import Guard
from ...wsgi import GuardMiddleware as WSGIGuard
from . import framework_of, inside_of, survey
from .model import Route, is_relay
from .probe import HOST, WEBSOCKET, Probe, Reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What an application asks of one request."""

    route: Route | None
    """None: no handler runs (not found, method not allowed, or a redirect)."""
    guards: tuple[tuple[Guard, Request], ...] = ()
    """Every guard on the way, the outermost first, and the request as it sees it."""
    requirements: tuple[Requirement, ...] = ()
    """What the handler requires: call ``requirement.check(principal)``."""
    parameters: tuple[tuple[str, str], ...] = ()


def requirements_at(
    app: Any, method: str, path: str, *, host: str = HOST
) -> Requirements:
    """Return what *app* asks of a request, resolved by its own routers.

    ``jwtguard check`` and ``jwtguard explain --app`` both use this function. *path* is
    decoded, without a query. The method of a WebSocket handshake is ``WEBSOCKET``. No
    handler runs. ``route.opaque`` says that a part of the application could not be
    looked into, so that what lies behind it may ask for more.
    """
    routes = (one for one in survey(app) if isinstance(one, Route))
    return Resolver(app, routes).at(Probe(method, path, host))


class Resolver:
    """Finds routes of one application by requests, as often as wanted."""

    def __init__(self, app: Any, routes: Iterable[Route]) -> None:
        self._app = app
        self._routes: dict[Any, list[Route]] = {}
        for route in routes:
            self._routes.setdefault(route.chain, []).append(route)

    def at(self, probe: Probe) -> Requirements:
        """Return what the request *probe* runs into."""
        reached = resolve(self._app, probe)
        if reached is None:
            return Requirements(route=None)
        for route in self._routes.get(reached.chain, ()):
            if takes(route, probe.method):
                return Requirements(
                    route=route,
                    guards=tuple(zip(route.guards, reached.requests, strict=True)),
                    requirements=route.requirements,
                    parameters=reached.parameters,
                )
        return Requirements(route=None)


def takes(route: Route, method: str) -> bool:
    """Whether the handler of *route* runs for *method*; GET stands for HEAD too."""
    # A handler for any method does not take WebSockets.
    if not route.methods:
        return method != WEBSOCKET
    return method in route.methods or (method == "HEAD" and "GET" in route.methods)


def resolve(app: Any, probe: Probe) -> Reached | None:
    """Return where *probe* ends in *app*, or None if no handler runs."""
    if isinstance(app, ASGIGuard | WSGIGuard):
        return resolve(app.app, probe.past(app))
    framework = framework_of(app)
    if framework is not None:
        lister = importlib.import_module(f"{__package__}.{framework}")
        found: Reached | None = lister.resolve(app, probe, resolve)
        return found
    if isinstance(getattr(app, "mounts", None), Mapping):
        return _dispatched(app, probe)
    inside = inside_of(app)
    if inside is None or is_relay(app):
        return probe.reached()
    return resolve(inside, probe)


def _dispatched(app: Any, probe: Probe) -> Reached | None:
    """Let werkzeug's DispatcherMiddleware choose among stand-ins for its mounts."""
    chosen: list[tuple[str | None, str]] = []

    def standing_for(step: str | None) -> Any:
        def note(environ: Mapping[str, Any], _: Any) -> list[bytes]:
            script = environ["SCRIPT_NAME"].encode("latin-1")
            chosen.append((step, script.decode("utf-8", "surrogateescape")))
            return []

        return note

    # A copy: the mounts of the application itself stay as they are.
    asked = copy.copy(app)
    asked.app = standing_for(None)
    asked.mounts = {path: standing_for(path) for path in app.mounts}
    asked(probe.environ(), lambda *_: None)
    step, root = chosen[0]
    if step is None:
        return resolve(app.app, probe)
    return resolve(app.mounts[step], probe.into(step, root))
