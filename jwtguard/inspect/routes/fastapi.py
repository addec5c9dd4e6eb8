"""FastAPI: what Starlette has, included routers, and security dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fastapi.routing
from fastapi import FastAPI

from ...core.authorize.requirements import (
    Requirement,
    require_all,
    requirements_of,
)
from ...core.model.request import Request
from .model import Enter, Finding, Found, Place
from .probe import WEBSOCKET, Probe, Reached
from .starlette import Go, otherwise, patterns_of, routed, routes_at, through


def survey(app: Any, place: Place, enter: Enter) -> Iterator[Found]:
    """Yield the routes of a FastAPI application or router."""
    if isinstance(app, FastAPI):
        place = yield from through(app, place)
        yield from _documents(app, place)
    for number, (route, seen) in enumerate(_flat(app.routes)):
        here = place.at(number)
        dependant = getattr(seen, "dependant", None)
        if dependant is None:
            yield from routes_at(route, seen, here, enter)
            continue
        requirements = (*requirements_of(seen.endpoint), *_security(dependant))
        methods = tuple(sorted(getattr(seen, "methods", None) or (WEBSOCKET,)))
        unique = tuple(dict.fromkeys(requirements))
        fits = patterns_of(seen)
        yield here.route(seen.path, seen.endpoint, methods, unique, fits)
    yield from otherwise(app, place, enter)
    yield from _frontends(getattr(app, "router", app))


def resolve(app: Any, probe: Probe, go: Go) -> Reached | None:
    """Follow *probe* through a FastAPI application or router."""
    root = getattr(app, "root_path", "")
    probe = probe.rooted(root) if root else probe
    return routed(app, list(_flat(app.routes)), probe, go)


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


def _flat(routes: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each route, and the same as it is reached, included routers unfolded.

    Versions of FastAPI that copy the routes of an included router need no unfolding.
    """
    # Looked up each time and not at import: which version of FastAPI is installed
    # decides.
    contexts = getattr(fastapi.routing, "iter_route_contexts", None)
    if contexts is None:
        yield from ((route, route) for route in routes)
        return
    yield from ((context.original_route, context) for context in contexts(routes))


def _security(dependant: Any) -> Iterator[Requirement]:
    """Yield what guards among the dependencies require, the scopes of each."""
    for needed in dependant.dependencies:
        for requirement in requirements_of(needed.call):
            scopes = _scopes(needed)
            yield Requirement(require_all, scopes) if scopes else requirement
        yield from _security(needed)


def _scopes(dependant: Any) -> tuple[str, ...]:
    # Newer versions keep the scopes of parents and of the dependency itself apart.
    found = getattr(dependant, "security_scopes", None)
    if found is None:
        parents = getattr(dependant, "parent_oauth_scopes", None) or ()
        found = (*parents, *(getattr(dependant, "own_oauth_scopes", None) or ()))
    return tuple(dict.fromkeys(found))


def _documents(app: FastAPI, place: Place) -> Iterator[Finding]:
    """Say who can read the OpenAPI document, and whether its pages can."""
    if app.openapi_url is None or place.guard is None:
        return
    pages = [url for url in (app.docs_url, app.redoc_url) if url]
    document = place.inner + app.openapi_url
    if _is_open(place, document):
        text = "is open to everyone, and it names every route and parameter"
        yield Finding("note", document, text)
    for url in pages:
        page = place.inner + url
        if not _is_open(place, page):
            text = "needs a token, but a browser that opens the page sends none: "
            text += "list it in public_paths, or switch it off with docs_url=None"
            yield Finding("note", page, text)
        elif not _is_open(place, document):
            text = f"is open, but it loads {document}, which is not"
            yield Finding("weak", page, text)


def _is_open(place: Place, path: str) -> bool:
    if place.guard is None:
        return False
    kind = place.guard.path_access(Request("GET", path, {})).kind
    return kind is not None and kind.value in ("public", "optional")
