"""The same handlers in Django, with patterns that ignore case."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from django.conf import UserSettingsHolder, global_settings, settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import re_path

from tests.routing.handlers import ran, written

logging.getLogger("django.request").setLevel(logging.CRITICAL)


def _pattern(name: str, path: str, *, asynchronous: bool) -> Any:
    def view(request: Any, **_: str) -> HttpResponse:
        return HttpResponse(ran(name))

    async def aview(request: Any, **_: str) -> HttpResponse:
        return HttpResponse(ran(name))

    return re_path(f"(?i)^{path[1:]}$", aview if asynchronous else view)


def _settings(*, asynchronous: bool) -> Any:
    paths = written("[^/]+", ".*").items()
    routes = ModuleType(f"routes_{asynchronous}")
    routes.__dict__["urlpatterns"] = [
        _pattern(name, path, asynchronous=asynchronous) for name, path in paths
    ]
    made: Any = UserSettingsHolder(global_settings)
    made.ROOT_URLCONF, made.ALLOWED_HOSTS, made.SECRET_KEY = routes, ["*"], "x"
    made.MIDDLEWARE = []
    return made


@contextmanager
def using(ours: Any) -> Iterator[None]:
    """Let Django read our settings here, whatever it was set up for elsewhere."""
    before: Any = settings._wrapped
    settings._wrapped = ours
    try:
        yield
    finally:
        settings._wrapped = before


def wsgi() -> Any:
    """Django under WSGI."""
    ours = _settings(asynchronous=False)
    with using(ours):
        handler = WSGIHandler()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        with using(ours):
            return list(handler(environ, start_response))

    return app


def asgi() -> Any:
    """Django under ASGI, which takes root_path off without a segment boundary."""
    ours = _settings(asynchronous=True)
    with using(ours):
        handler: Any = ASGIHandler()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with using(ours):
            await handler(scope, receive, send)

    return app
