"""Roles that no token can have, and those of the default profile, in each framework."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI, Request
from flask import Flask
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from jwtguard import ConfigurationError, Guard, asgi, flask, starlette, wsgi
from jwtguard.core.model.profiles import GENERIC
from jwtguard.testing import JWTIssuer
from tests.test_decorator_order import start

NO_ROLES = r"@require_role\('admin'\): no trusted issuer has roles \(profile legacy\)"


def inside(app: Starlette, guard: Guard) -> Any:
    """Put the guard among the middleware of *app*."""
    app.add_middleware(asgi.GuardMiddleware, guard=guard)
    return app


@pytest.fixture
def roleless() -> JWTIssuer:
    """An issuer of a profile that reads no roles."""
    profile = replace(GENERIC, name="legacy", role_claims=())
    return JWTIssuer(alg="ES256", profile=profile)


def test_flask_refuses_a_role_that_no_token_can_carry(roleless: JWTIssuer) -> None:
    """At construction, on the first request, or where only the view knows."""
    app = Flask(__name__)
    app.testing = True
    flask.JWTGuard(app, roleless.guard())

    class View(MethodView):
        @flask.require_role("admin")
        def get(self) -> str:
            return "in"

    app.add_url_rule("/x", view_func=View.as_view("x"))
    with pytest.raises(ConfigurationError, match=NO_ROLES):
        app.test_client().get("/x", headers=roleless.headers())
    late = Flask(__name__)
    late.add_url_rule("/x", "x", flask.require_role("admin")(lambda: "in"))
    with pytest.raises(ConfigurationError, match=NO_ROLES):
        flask.JWTGuard(late, roleless.guard())


@pytest.mark.parametrize("around", [inside, asgi.GuardMiddleware])
def test_asgi_refuses_a_role_that_no_token_can_carry(
    roleless: JWTIssuer, around: Any
) -> None:
    """In FastAPI too; a method of a class is asked when it is called."""
    app = FastAPI()

    @app.get("/x")
    @starlette.require_role("admin")
    def endpoint(request: Request) -> str:
        return "in"

    guarded = around(app, roleless.guard())
    with pytest.raises(ConfigurationError, match=NO_ROLES):
        start(guarded)

    class Endpoint(HTTPEndpoint):
        @starlette.require_role("admin")
        def get(self, request: Request) -> Response:
            return PlainTextResponse("in")

    late = Starlette(routes=[Route("/x", Endpoint)])
    guarded = around(late, roleless.guard())
    with TestClient(guarded, base_url="https://testserver") as client:
        with pytest.raises(ConfigurationError, match=NO_ROLES):
            client.get("/x", headers=roleless.headers())
        assert client.get("/x").status_code == 401


def test_the_default_profile_reads_roles(jwt_issuer: JWTIssuer) -> None:
    """From ``roles`` (RFC 9068 section 2.2.3.1)."""
    app = Flask(__name__)
    flask.JWTGuard(app, jwt_issuer.guard())
    app.add_url_rule("/x", "x", flask.require_role("admin")(lambda: "in"))
    client = app.test_client()
    admin = jwt_issuer.headers(roles=["admin"])
    assert client.get("/x", headers=admin).text == "in"
    assert client.get("/x", headers=jwt_issuer.headers()).status_code == 403


def test_roles_behind_another_guard_are_its_affair(
    roleless: JWTIssuer, jwt_issuer: JWTIssuer
) -> None:
    """One whose issuer has them; the first one tells when it refuses for ever."""
    wsgi_app, asgi_app = Flask(__name__), Starlette()
    flask.JWTGuard(wsgi_app, jwt_issuer.guard())
    wsgi_app.add_url_rule("/x", "x", flask.require_role("admin")(lambda: "in"))
    wsgi.GuardMiddleware(wsgi_app, roleless.guard())

    @starlette.require_role("admin")
    def endpoint(request: Request) -> Response:
        return PlainTextResponse("in")

    asgi_app.routes.append(Route("/x", endpoint))
    inner = inside(asgi_app, jwt_issuer.guard())
    start(asgi.GuardMiddleware(inner, roleless.guard()))
