"""What ``jwtguard check`` cannot look into is not vouched for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import falcon
import falcon.asgi
import pytest
from bottle import Bottle
from django.core.handlers.wsgi import WSGIHandler
from litestar import Litestar
from quart import Quart
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, Router

from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.starlette import require_scope
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware as WSGIGuard
from tests.inspect.routes.listed import levels, reported, table


async def page(request: Request) -> Response:
    return PlainTextResponse("page")


def django() -> Any:
    return WSGIHandler.__new__(WSGIHandler)  # its middleware would want settings


OPAQUE: dict[str, tuple[Callable[[], Any], Any]] = {
    "Bottle": (Bottle, WSGIGuard),
    "App": (falcon.App, WSGIGuard),
    "falcon.asgi": (falcon.asgi.App, ASGIGuard),
    "WSGIHandler": (django, WSGIGuard),
    "Litestar": (lambda: Litestar([], logging_config=None), ASGIGuard),
    "Quart": (lambda: Quart("x"), ASGIGuard),
}


@pytest.mark.parametrize("name", OPAQUE)
def test_routes_that_cannot_be_listed(issuer: JWTIssuer, name: str) -> None:
    """That is said, no row is ok, and what each rule asks for is told."""
    make, guard = OPAQUE[name]
    rules = [ScopeRule(path="/admin/*", require=["admin"]), ScopeRule(path="/*")]
    app = guard(make(), issuer.guard(public_paths=["/healthz"], scopes=rules))
    assert reported(app, "note routes", "cannot be listed")
    assert set(levels(app).values()) == {"note"}
    # Each rule is about a part of such an application, and has a row of its own.
    assert not reported(app, "covers only a part")
    rest = ", and whatever it asks for itself"
    assert table(app) == {
        "any /*": "any token" + rest,
        "any /* as /healthz": "nothing: public",
        "any /* as /admin": "scope admin" + rest,
    }


@pytest.mark.parametrize("opening", ["public_paths", "optional_paths"])
@pytest.mark.parametrize("name", OPAQUE)
def test_one_open_path_is_not_wrong(issuer: JWTIssuer, name: str, opening: str) -> None:
    """Paths of an application that routes by itself are not taken for one handler."""
    make, guard = OPAQUE[name]
    app = guard(make(), issuer.guard(**{opening: ["/healthz", "/static/*"]}))
    assert not reported(app, "wrong")


def test_one_open_path_of_a_mounted_application_is_not_wrong(
    issuer: JWTIssuer,
) -> None:
    """The same where such an application is mounted beside routes that can be read."""
    inside: Any = falcon.asgi.App()
    outer = Starlette(routes=[Route("/page", page), Mount("/d", app=inside)])
    app = ASGIGuard(outer, issuer.guard(public_paths=["/d/healthz"]))
    assert table(app)["any /d/* as /d/healthz"] == "nothing: public"
    assert reported(app, "note public paths", "/d/healthz covers only a part of /d/*")
    assert not reported(app, "wrong")


@pytest.mark.parametrize("name", OPAQUE)
def test_an_application_that_hides_its_guard_is_not_vouched_for(name: str) -> None:
    """Whether there is one cannot be known, and check fails."""
    app = OPAQUE[name][0]()
    assert set(levels(app).values()) == {"wrong"}
    assert "cannot be looked into" in table(app)["any /*"]
    assert reported(app, "wrong guard", "none was found")


def test_a_function_around_the_application(issuer: JWTIssuer) -> None:
    """With ``functools.wraps`` the guard inside is found, and without it is not."""
    guarded = ASGIGuard(Starlette(routes=[Route("/page", page)]), issuer.guard())

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await guarded(scope, receive, send)

    assert levels(bare) == {"any /*": "wrong"}
    wrapped = functools.update_wrapper(bare, guarded, assigned=())
    assert table(wrapped) == {"GET /page": "any token"}


def test_a_method_that_was_wrapped_is_looked_through(issuer: JWTIssuer) -> None:
    """Quart's documents put middleware around ``asgi_app``."""
    app: Any = Quart("x")
    app.asgi_app = ASGIGuard(app.asgi_app, issuer.guard())
    assert levels(app) == {"any /*": "note"}
    assert not reported(app, "order")


def test_middleware_of_a_router_counts(issuer: JWTIssuer) -> None:
    """A guard among ``Router(middleware=...)`` stands in front of its routes."""
    layers = [Middleware(ASGIGuard, guard=issuer.guard(public_paths=["/open"]))]
    inner = Router([Route("/page", page), Route("/open", page)], middleware=layers)
    app = Starlette(routes=[Mount("/in", app=inner)])
    assert table(app) == {
        "GET /in/page": "any token",
        "GET /in/open": "nothing: public",
    }


class Rewriting(BaseHTTPMiddleware):
    """Anybody's middleware: it may do whatever it likes to a request."""


def test_what_stands_behind_the_guard_is_named(issuer: JWTIssuer) -> None:
    """It may change the path after the guard has judged it."""
    layers = [Middleware(ASGIGuard, guard=issuer.guard()), Middleware(Rewriting)]
    app = Starlette(routes=[Route("/page", page)], middleware=layers)
    assert reported(app, "note order", "Rewriting", "between the guard and the routes")


def test_control_characters_are_escaped(issuer: JWTIssuer) -> None:
    """Names of routes come from the application, and are printed on a terminal."""
    handler: Any = require_scope("read")(page)
    app = ASGIGuard(Starlette(routes=[Route("/a\x1b[2J", handler)]), issuer.guard())
    (shown,) = table(app)
    assert shown == "GET /a\\x1b[2J"
