"""Applications that set a ``root_path`` of their own behind the guard.

Such an application routes on another path than the one that was judged. FastAPI and
Django can do that; what stands around them (routers, mounts, middleware) is looked
through as far as it shows what it wraps.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

_DEPTH = 24
"""Layers of an application that are looked at."""


class OwnRoot(NamedTuple):
    """A ``root_path`` that an application sets, whatever the guard has judged."""

    setting: str
    """``FastAPI(root_path=...)`` or ``FORCE_SCRIPT_NAME``."""
    root: str
    mounted: str
    """Where the application is mounted behind the guard."""

    def __str__(self) -> str:
        """Say what is wrong, and what to do."""
        remedy = f"remove it and start the server with --root-path {self.root}"
        if self.mounted:
            remedy = "remove it: the mount sets root_path"
        elif self.setting.startswith("FastAPI"):
            remedy += ", or give the guard to that application: "
            remedy += "FastAPI(..., middleware=[Middleware(GuardMiddleware)])"
        where = f" mounted at {self.mounted}" if self.mounted else ""
        return (
            f"{self.setting} = {self.root!r}{where} behind the guard: the application "
            f"would route on other paths than the guard judges; {remedy}"
        )


def own_roots(app: Any, mounted: str = "", depth: int = _DEPTH) -> Iterator[OwnRoot]:
    """Yield each root path that *app*, or what it wraps, sets of its own.

    A root path that says where the application is mounted anyway is none of these.
    """
    setting, root = _own_root(app)
    if root not in ("", mounted) and (root, mounted) != ("/", ""):
        yield OwnRoot(setting, root, mounted)
    if depth:
        for path, inner in _inside(app):
            yield from own_roots(inner, mounted + path, depth - 1)


def ignores_root_path(app: Any, depth: int = _DEPTH) -> bool:
    """Whether *app* routes on the whole path, whatever ``root_path`` says.

    Falcon does. An application that hides in another one cannot be told from outside.
    """
    if _is(app, "falcon.asgi.app", "App"):
        return True
    inner = _of(app, "app")
    return callable(inner) and depth > 0 and ignores_root_path(inner, depth - 1)


def _own_root(app: Any) -> tuple[str, str]:
    root: object = ""
    setting = "FastAPI(root_path=...)"
    if _is(app, "fastapi.applications", "FastAPI"):
        root = app.root_path
    elif _is(app, "django.core.handlers.asgi", "ASGIHandler"):
        setting = "FORCE_SCRIPT_NAME"
        root = getattr(sys.modules["django.conf"].settings, setting, "")
    return setting, root if isinstance(root, str) else ""


def _is(app: Any, module: str, name: str) -> bool:
    """Whether *app* is of that class: without an import, as it may not be here."""
    kinds = type(app).__mro__
    return any(kind.__module__ == module and kind.__name__ == name for kind in kinds)


def _inside(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield what *app* wraps or routes to, and below which path."""
    yield from (("", inner) for inner in (_of(app, "app"),) if callable(inner))
    for name in ("mounts", "application_mapping"):  # hypercorn's, Channels'
        inner = _of(app, name)
        if isinstance(inner, Mapping):
            for path, mounted in inner.items():
                yield path if name == "mounts" else "", mounted
    yield from _routed(_of(app, "routes"), "")


def _routed(routes: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield what is mounted among *routes*: Starlette's, and FastAPI's routers."""
    if not isinstance(routes, Iterable) or isinstance(routes, str | Mapping):
        return
    for route in routes:
        included = _of(route, "original_router")
        if included is not None:
            inner = _of(_of(route, "include_context"), "prefix") or ""
            yield from _routed(_of(included, "routes"), prefix + inner)
        elif not hasattr(route, "endpoint"):  # a handler is not an application
            path = _of(route, "path")
            below = path.rstrip("/") if isinstance(path, str) else ""
            inner = _of(route, "app")
            if callable(inner):
                yield prefix + below, inner


def _of(app: Any, name: str) -> Any:
    """Return an attribute of *app*, or None if reading it fails."""
    with suppress(Exception):
        return getattr(app, name, None)
    return None
