"""The same handler where no adapter of ours decorates: WSGI, ASGI, Django, FastAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import httpx
from django.conf import UserSettingsHolder, global_settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path
from fastapi import Depends, FastAPI, Request
from starlette.testclient import TestClient

from jwtguard import AuthError, Guard, asgi, rules, starlette, wsgi
from jwtguard.rules import Requirement
from tests.everyday.apps import APPS, BASE, Decorate, Ran, Send
from tests.routing.django_apps import using


def _requirements(decorate: Decorate) -> list[Requirement]:
    """Return what *decorate* makes of the plain rules: one of them, or none."""
    made: Any = decorate(rules)
    return [made] if isinstance(made, Requirement) else []


def _by_wsgi(app: Any, guard: Guard) -> Send:
    guarded = wsgi.GuardMiddleware(app, guard)
    transport = httpx.WSGITransport(app=guarded, raise_app_exceptions=False)
    return httpx.Client(transport=transport, base_url=BASE).request


def _by_asgi(app: Any, guard: Guard) -> Send:
    guarded = asgi.GuardMiddleware(app, guard)
    return TestClient(guarded, base_url=BASE, raise_server_exceptions=False).request


def wsgi_plain(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """A WSGI application that calls ``Guard.require`` itself."""
    needed = _requirements(decorate)

    def app(environ: Any, start: Any) -> list[bytes]:
        who = environ["jwtguard.principal"]
        for one in needed:
            guard.require(
                who, one, wsgi.request_of(environ), environ.get("jwtguard.outbox")
            )
        ran.append("x")
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"in"]

    return _by_wsgi(app, guard)


def asgi_plain(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """An ASGI application that awaits ``Guard.arequire`` itself."""
    needed = _requirements(decorate)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        who = scope["jwtguard.principal"]
        for one in needed:
            await guard.arequire(
                who, one, asgi.request_of(scope), scope.get("jwtguard.outbox")
            )
        ran.append("x")
        fields = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"in"})

    return _by_asgi(app, guard)


class Refusals:
    """The middleware of the Django page: the guard answers what a view raised."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)

    def process_exception(self, request: Any, error: Exception) -> Any:
        """Answer as the guard does."""
        if not isinstance(error, AuthError):
            return None
        guard, asked = request.META["jwtguard.guard"], wsgi.request_of(request.META)
        refused = guard.refuse(error, asked)
        return HttpResponse(
            refused.body, status=refused.status, headers=dict(refused.headers)
        )


def django(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """A Django view that calls ``Guard.require`` itself."""
    needed = _requirements(decorate)

    def view(request: Any) -> HttpResponse:
        meta = request.META
        for one in needed:
            guard.require(
                meta["jwtguard.principal"], one, wsgi.request_of(meta),
                meta.get("jwtguard.outbox"),
            )  # fmt: skip
        ran.append("x")
        return HttpResponse("in", content_type="text/plain")

    urls = ModuleType("reported_urls")
    urls.__dict__["urlpatterns"] = [path("x", view)]
    ours: Any = UserSettingsHolder(global_settings)
    ours.ROOT_URLCONF, ours.ALLOWED_HOSTS, ours.SECRET_KEY = urls, ["*"], "x"
    ours.MIDDLEWARE = [f"{__name__}.Refusals"]
    with using(ours):
        handler = WSGIHandler()

    def app(environ: Any, start: Any) -> list[bytes]:
        with using(ours):
            return list(handler(environ, start))

    return _by_wsgi(app, guard)


def fastapi_dependency(guard: Guard, decorate: Decorate, ran: Ran) -> Send:
    """A FastAPI dependency that has the decorator."""
    app = FastAPI()

    async def allowed(request: Request) -> None:
        return None

    needs = Depends(decorate(starlette)(allowed))

    @app.get("/x", dependencies=[needs])
    async def handler() -> str:
        ran.append("x")
        return "in"

    return _by_asgi(app, guard)


REPORTED_APPS: Mapping[str, Callable[[Guard, Decorate, Ran], Send]] = {
    **APPS,
    **{
        made.__name__: made
        for made in (wsgi_plain, asgi_plain, django, fastapi_dependency)
    },
}
