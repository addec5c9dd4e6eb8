"""Which routes an application has, and what each demands: read, and never called.

What frameworks have in common is here; each has a file of its own beside, loaded only
if the application is one of its.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..asgi import GuardMiddleware as ASGIGuard
from ..core.demands import Demand
from ..core.unguarded import unguarded
from ..guard import Guard
from ..roots import own_roots
from ..wsgi import GuardMiddleware as WSGIGuard
from .probe import Chain

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


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report: ``ok``, ``note``, ``weak`` or ``wrong``."""

    level: str
    what: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route: ``path`` from the outside, ``inner`` as its guard sees it.

    No ``methods`` means any; a WebSocket's is ``WEBSOCKET``. ``guards`` stand in front,
    the outermost first. ``demands`` are the handler's own; ``skipped`` is what a
    decorator demands that the framework does not call. ``chain`` tells where the
    handler stands, ``patterns`` which regular expression each parameter of the path
    fits. ``opaque`` means that the handler is an application which cannot be read.
    ``template`` is the path without a host.
    """

    path: str
    inner: str
    handler: str
    methods: tuple[str, ...] = ()
    demands: tuple[Demand, ...] = ()
    skipped: Demand | None = None
    guards: tuple[Guard, ...] = ()
    relay: bool = False
    chain: Chain = ()
    host: str = ""
    patterns: tuple[tuple[str, str], ...] = ()
    opaque: bool = False
    template: str = ""

    @property
    def guard(self) -> Guard | None:
        """The innermost guard, which decides last; None means that there is none."""
        return self.guards[-1] if self.guards else None


Found = Route | Finding


@dataclass(frozen=True, slots=True)
class Place:
    """A point inside an application: what stands in front, and below which paths."""

    guards: tuple[Guard, ...] = ()
    outer: str = ""
    inner: str = ""
    host: str = ""
    chain: Chain = ()
    patterns: tuple[tuple[str, str], ...] = ()
    label: str = ""

    @property
    def guard(self) -> Guard | None:
        """The innermost guard."""
        return self.guards[-1] if self.guards else None

    def at(self, step: int | str) -> Place:
        """Go to what stands at *step* of a router."""
        return replace(self, chain=(*self.chain, step))

    def below(self, path: str, patterns: Mapping[str, str] | None = None) -> Place:
        """Go into what is mounted at *path*."""
        path = path.rstrip("/")
        return replace(
            self,
            outer=self.outer + path,
            inner=self.inner + path,
            patterns=(*self.patterns, *(patterns or {}).items()),
        )

    def on(self, host: str, *, only: bool = True) -> Place:
        """Go into what answers for *host*, and for it alone unless not *only*."""
        return replace(self, host=host, label=f"//{host}" if only else self.label)

    def behind(self, guard: Guard) -> Place:
        """Go behind *guard*, which sees paths from here on."""
        return replace(self, guards=(*self.guards, guard), inner="")

    def route(
        self,
        path: str,
        handler: Any,
        methods: tuple[str, ...] = (),
        demands: tuple[Demand, ...] = (),
        patterns: Mapping[str, str] | None = None,
        *,
        opaque: bool = False,
        view: Any = None,
    ) -> Route:
        """Return the route at *path* below this place; *view*: what is called there."""
        return Route(
            path=self.label + self.outer + path,
            template=self.outer + path,
            inner=self.inner + path,
            handler=named(handler),
            methods=methods,
            demands=demands,
            skipped=unguarded(handler if view is None else view),
            guards=self.guards,
            relay=is_relay(handler),
            chain=self.chain,
            host=self.host,
            patterns=(*self.patterns, *(patterns or {}).items()),
            opaque=opaque,
        )


Enter = Callable[[Any, Place], Iterator[Found]]


def survey(app: Any, place: Place | None = None) -> Iterator[Found]:
    """Yield every route of *app*, and what is odd about the order of its layers."""
    place = place or Place()
    if isinstance(app, ASGIGuard | WSGIGuard):
        if place.guard is not None:
            yield Finding("weak", "order", "a guard stands behind another one")
        if isinstance(app, WSGIGuard):
            yield from _waitress(app.guard)
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
    if mounts is None:
        yield from layer(type(app).__name__, place)
    yield from survey(inside, place)


def inside_of(app: Any) -> Any:
    """Return the application that the middleware *app* wraps, or None."""
    return getattr(app, "app", None) or getattr(app, "wsgi_app", None)


def framework_of(app: Any) -> str | None:
    """Return the name of the file beside that can read *app*, if one can."""
    owner = app.__self__ if getattr(app, "__name__", "") == "wsgi_app" else app
    for kind in type(owner).__mro__:
        package = kind.__module__.partition(".")[0]
        if (package, kind.__name__) in APPLICATIONS:
            return package
    return None


_OUTSIDE = {
    "CORSMiddleware": (
        "weak",
        "answers preflights before the guard, for every client alike: take it out",
    ),
    "ProxyFix": ("note", "rewrites peer and scheme before the guard reads them"),
    "ProxyHeadersMiddleware": (
        "note",
        "rewrites peer and scheme before the guard reads them",
    ),
}
_INSIDE = {
    "CORSMiddleware": ("note", "is superfluous: the guard's CORS fields replace its"),
    "AuthenticationMiddleware": (
        "weak",
        "replaces request.user and request.auth, which the guard has set",
    ),
}


_PROXY_FIXES = frozenset({"ProxyFix", "ProxyHeadersMiddleware"})
_PROXY_FIX_INSIDE = (
    "stands inside the guard, which sees plain HTTP and refuses every token: put it "
    "outside (ProxyFix after JWTGuard(app)), or set JWTGUARD_TRUSTED_PROXIES"
)
_WAITRESS = (
    "waitress removes X-Forwarded-* and Forwarded before the guard sees them, so a "
    "proxy on this machine can look like loopback: serve with "
    "clear_untrusted_proxy_headers=False and JWTGUARD_TRUSTED_PROXIES, or with "
    "trusted_proxy and trusted_proxy_headers"
)


def _waitress(guard: Guard) -> Iterator[Finding]:
    """Name the server that hides proxies, where it is installed."""
    if guard.policy.require_https and importlib.util.find_spec("waitress"):
        yield Finding("note", "transport", _WAITRESS)


def layer(name: str, place: Place) -> Iterator[Finding]:
    """Say what is worth saying of middleware *name* at *place*."""
    if place.guard is not None:
        policy = place.guard.policy
        if name in _PROXY_FIXES and policy.require_https and not policy.trusted_proxies:
            yield Finding("wrong", "order", f"{name} {_PROXY_FIX_INSIDE}")
        if name in _INSIDE:
            level, text = _INSIDE[name]
            yield Finding(level, "order", f"{name} {text}")
        return
    level, text = _OUTSIDE.get(
        name, ("note", "stands outside of the guard: it sees every request first")
    )
    yield Finding(level, "order", f"{name} {text}")


def own_root(app: Any) -> Iterator[Finding]:
    """Say what is wrong where *app*, behind a guard, sets a root path by itself."""
    for found in own_roots(app):
        yield Finding("wrong", "root path", str(found))


def named(handler: Any) -> str:
    """Name *handler* as its author would."""
    if isinstance(handler, str):
        return handler
    while hasattr(handler, "func"):
        handler = handler.func
    name = getattr(handler, "__qualname__", None) or type(handler).__qualname__
    return str(name).rpartition("<locals>.")[2]


def is_relay(app: Any) -> bool:
    """Whether *app* is ``TokenRelay.wsgi`` or ``.asgi``."""
    owner = type(getattr(app, "__self__", app))
    return (owner.__module__, owner.__name__) == ("jwtguard.relay", "TokenRelay")
