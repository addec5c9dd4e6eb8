"""What is known of an application: its routes, where they stand, and what is odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...core.authorize.requirements import Requirement
from ...core.authorize.unguarded import unguarded
from ...guard import Guard
from ..shown import escaped
from .probe import Chain


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report: ``ok``, ``note``, ``weak`` or ``wrong``."""

    level: str
    what: str
    text: str

    def __post_init__(self) -> None:
        for name in ("what", "text"):
            # Paths and names come from the application and may come from its users; a
            # terminal obeys escape sequences.
            object.__setattr__(self, name, escaped(getattr(self, name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route: ``path`` from the outside, ``inner`` as its guard sees it.

    No ``methods`` means any; a WebSocket's is ``WEBSOCKET``. ``guards`` stand in front,
    the outermost first. ``requirements`` are the handler's own; ``skipped`` is what a
    decorator requires that the framework does not call. ``chain`` tells where the
    handler stands, ``patterns`` which regular expression each parameter of the path
    fits. ``opaque`` means that the handler is an application which cannot be read.
    ``template`` is the path without a host. ``optional`` means that the handler also
    answers callers without a token.
    """

    path: str
    inner: str
    handler: str
    methods: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    skipped: Requirement | None = None
    guards: tuple[Guard, ...] = ()
    relay: bool = False
    chain: Chain = ()
    host: str = ""
    patterns: tuple[tuple[str, str], ...] = ()
    opaque: bool = False
    template: str = ""
    optional: bool = False

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
        requirements: tuple[Requirement, ...] = (),
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
            requirements=requirements,
            skipped=unguarded(handler if view is None else view),
            guards=self.guards,
            relay=is_relay(handler),
            chain=self.chain,
            host=self.host,
            patterns=(*self.patterns, *(patterns or {}).items()),
            opaque=opaque,
        )


Enter = Callable[[Any, Place], Iterator[Found]]


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
    # By name: importing the relay needs the package `limits`, which may not be
    # installed.
    return (owner.__module__, owner.__name__) == ("jwtguard.relay", "TokenRelay")
