"""``require_bound()``: a handler for callers whose token cannot be used if stolen."""

from __future__ import annotations

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from jwtguard import flask, starlette
from jwtguard.core.authorize.unguarded import decorator_of
from jwtguard.core.model.facts import Facts
from jwtguard.core.model.principal import Principal
from jwtguard.errors import InvalidTokenError, MissingTokenError
from jwtguard.rules import require_bound
from jwtguard.testing import JWTIssuer

ALICE = Facts("alice", "https://issuer.example")


def test_a_bound_token_meets_it_and_no_other() -> None:
    """By key or by certificate; without a token, one is asked for."""
    for facts in (ALICE.replace(jkt="k"), ALICE.replace(x5t="c")):
        caller = Principal.of(facts, "t")
        assert require_bound().check(caller) is caller
    with pytest.raises(InvalidTokenError, match="unbound_token"):
        require_bound().check(Principal.of(ALICE, "t"))
    with pytest.raises(MissingTokenError):
        require_bound().check(None)


def test_it_is_shown_as_it_is_written() -> None:
    """In the report of ``jwtguard check``, and in messages."""
    assert str(require_bound()) == "bound token"
    assert decorator_of(require_bound()) == "@require_bound()"


def starlette_client(issuer: JWTIssuer) -> TestClient:
    @starlette.require_bound()
    async def endpoint(request: object) -> PlainTextResponse:
        return PlainTextResponse("passed")

    guarded = Middleware(starlette.GuardMiddleware, guard=issuer.guard())
    app = Starlette(routes=[Route("/x", endpoint)], middleware=[guarded])
    return TestClient(app, base_url="https://testserver")


def test_a_bearer_token_is_told_to_come_bound(jwt_issuer: JWTIssuer) -> None:
    """401 in the scheme ``DPoP``; a bound token with its proof passes."""
    client = starlette_client(jwt_issuer)
    refused = client.get("/x", headers=jwt_issuer.headers())
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith('DPoP realm="api", error="in')
    key = jwt_issuer.dpop()
    fields = key.headers("GET", "https://testserver/x")
    assert client.get("/x", headers=fields).text == "passed"


def test_a_flask_view_may_need_it(jwt_issuer: JWTIssuer) -> None:
    """As an endpoint of Starlette."""
    app = Flask(__name__)
    flask.JWTGuard(app, jwt_issuer.guard())
    app.add_url_rule("/x", "x", flask.require_bound()(lambda: "passed"))
    client = app.test_client()
    url = "https://localhost"
    refused = client.get("/x", base_url=url, headers=jwt_issuer.headers())
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith('DPoP realm="api", error="in')
    fields = jwt_issuer.dpop().headers("GET", "https://localhost/x")
    assert client.get("/x", base_url=url, headers=fields).text == "passed"
