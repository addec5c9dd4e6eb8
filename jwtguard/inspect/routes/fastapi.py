"""FastAPI: what Starlette has, included routers, and security dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from ...core.model.request import Request
from ...gateway.fastapi_routes import flat, login_is_optional, requirements_at
from .model import Enter, Finding, Found, Place
from .probe import WEBSOCKET, Probe, Reached
from .starlette import Go, otherwise, patterns_of, routed, routes_at, through


def survey(app: Any, place: Place, enter: Enter) -> Iterator[Found]:
    """Yield the routes of a FastAPI application or router."""
    if isinstance(app, FastAPI):
        place = yield from through(app, place)
        yield from _documents(app, place)
    for number, (declared, seen) in enumerate(flat(app.routes)):
        here = place.at(number)
        dependant = getattr(seen, "dependant", None)
        if dependant is None:
            yield from routes_at(declared, seen, here, enter)
            continue
        methods = tuple(sorted(getattr(seen, "methods", None) or (WEBSOCKET,)))
        fits = patterns_of(seen)
        unique = requirements_at(seen)
        optional = login_is_optional(seen)
        route = here.route(seen.path, seen.endpoint, methods, unique, fits)
        yield replace(route, optional=optional)
    yield from otherwise(app, place, enter)
    yield from _frontends(getattr(app, "router", app))


def resolve(app: Any, probe: Probe, go: Go) -> Reached | None:
    """Follow *probe* through a FastAPI application or router."""
    root = getattr(app, "root_path", "")
    probe = probe.rooted(root) if root else probe
    return routed(app, list(flat(app.routes)), probe, go)


def _frontends(router: Any) -> Iterator[Finding]:
    """Name the files that newer versions of FastAPI serve where no route matches."""
    low: Any = getattr(router, "_iter_low_priority_routes", tuple)()
    for candidate in low:
        prefix = getattr(candidate, "frontend_prefix", "")
        group = getattr(candidate, "original_route", candidate)
        for one in getattr(group, "routes", ()):
            text = f"the frontend at {prefix}{getattr(one, 'path', '')} is not listed: "
            text += "only path rules ask for something there"
            yield Finding("note", "routes", text)


def _documents(app: FastAPI, place: Place) -> Iterator[Finding]:
    """Say who can read the OpenAPI document, and whether its pages can."""
    if app.openapi_url is None or place.guard is None:
        return
    pages = {"docs_url": app.docs_url, "redoc_url": app.redoc_url}
    document = place.inner + app.openapi_url
    if _is_open(place, document):
        text = "is open to everyone, and it names every route and parameter"
        yield Finding("note", document, text)
    for argument, url in pages.items():
        if not url:
            continue
        page = place.inner + url
        if not _is_open(place, page):
            text = "needs a token, but a browser that opens the page sends none: "
            text += f"list it in public_paths, or switch it off with {argument}=None"
            yield Finding("note", page, text)
        elif not _is_open(place, document):
            text = f"is open, but it loads {document}, which is not"
            yield Finding("weak", page, text)


def _is_open(place: Place, path: str) -> bool:
    if place.guard is None:
        return False
    kind = place.guard.path_access(Request("GET", path, {})).kind
    return kind is not None and kind.value in ("public", "optional")
