"""Error handlers that people really write, and what is behind no framework."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from flask import Flask
from starlette.applications import Starlette
from starlette.exceptions import HTTPException as StarletteException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from werkzeug.exceptions import HTTPException

from jwtguard import AuthError, asgi, wsgi
from jwtguard.errors import AccessDeniedError
from jwtguard.flask import JWTGuard, require_scope
from jwtguard.relay import TokenRelay
from jwtguard.rules import problem_json
from jwtguard.starlette import GuardMiddleware
from jwtguard.testing import JWTIssuer
from tests.dialect.apps import BASE, ROUTES


def flask_client(app: Flask, issuer: JWTIssuer) -> Any:
    JWTGuard(app, issuer.guard())
    app.add_url_rule("/", "root", require_scope("a")(lambda: "in"))
    return app.test_client()


def test_the_generic_handler_of_flasks_documentation(jwt_issuer: JWTIssuer) -> None:
    """It starts with the response that Flask would send, and changes its data."""
    app = Flask("generic")

    @app.errorhandler(HTTPException)
    def handle(error: HTTPException) -> Any:
        response: Any = error.get_response()
        response.data = json.dumps(
            {"code": error.code, "name": error.name, "description": error.description}
        )
        response.content_type = "application/json"
        return response

    answer = flask_client(app, jwt_issuer).get("/", headers=jwt_issuer.headers())
    assert answer.status_code == 403
    assert (answer.json["code"], answer.json["name"]) == (403, "Forbidden")
    assert 'scope="a"' in answer.headers["WWW-Authenticate"]
    assert len(answer.headers.getlist("WWW-Authenticate")) == 1
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_a_handler_of_every_exception_may_hand_http_errors_on(
    jwt_issuer: JWTIssuer,
) -> None:
    """As Flask's documentation says: the answer is then the guard's."""
    app = Flask("all")

    @app.errorhandler(Exception)
    def handle(error: Exception) -> Any:
        return error if isinstance(error, HTTPException) else ("broken", 500)

    answer = flask_client(app, jwt_issuer).get("/", headers=jwt_issuer.headers())
    assert (answer.status_code, answer.json["error"]) == (403, "insufficient_scope")


def test_a_handler_that_delegates_gets_fastapis_own_body(
    jwt_issuer: JWTIssuer,
) -> None:
    """``http_exception_handler`` words it, and the fields are the guard's."""
    app = FastAPI(routes=list(ROUTES))
    seen: list[int] = []

    @app.exception_handler(StarletteException)
    async def handle(request: Request, error: StarletteException) -> Response:
        seen.append(error.status_code)
        return await http_exception_handler(request, error)

    app.add_middleware(GuardMiddleware, guard=jwt_issuer.guard())
    client = TestClient(app, base_url=BASE)
    answer = client.get("/scope", headers=jwt_issuer.headers())
    assert answer.json() == {"detail": "The access token lacks a required scope"}
    assert 'scope="a"' in answer.headers["WWW-Authenticate"]
    assert seen == [403]


def test_a_handler_may_be_a_plain_function(jwt_issuer: JWTIssuer) -> None:
    """Starlette runs it in a thread; so does the guard."""

    def handle(_: Request, error: Any) -> Response:
        return PlainTextResponse(error.detail, error.status_code)

    handlers: Any = {StarletteException: handle}
    app = Starlette(routes=ROUTES, exception_handlers=handlers)
    client = TestClient(GuardMiddleware(app, jwt_issuer.guard()), base_url=BASE)
    for path in ("/scope", "/denied"):
        answer = client.get(path, headers=jwt_issuer.headers())
        assert answer.status_code == 403
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["Cache-Control"] == "no-store"


def test_an_application_is_served_without_the_guard_too(jwt_issuer: JWTIssuer) -> None:
    """Its errors are its own there."""
    app = Starlette(routes=ROUTES)
    guarded = TestClient(GuardMiddleware(app, jwt_issuer.guard()), base_url=BASE)
    assert guarded.get("/denied", headers=jwt_issuer.headers()).status_code == 403
    with pytest.raises(AccessDeniedError):
        TestClient(app, base_url=BASE).get("/denied")
    bare = TestClient(app, base_url=BASE, raise_server_exceptions=False)
    assert bare.get("/denied").status_code == 500


def raw_wsgi(_: Any, start_response: Any) -> Iterator[bytes]:
    """Refuse before the first bytes."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    raise AccessDeniedError("role_missing")
    yield b""


async def raw_asgi(_: Any, __: Any, ___: Any) -> None:
    """Refuse before the answer starts."""
    raise AccessDeniedError("role_missing")


def test_behind_no_framework_the_renderer_words_it_too(jwt_issuer: JWTIssuer) -> None:
    """Plain WSGI and ASGI: what the guard refuses, and what the application does."""
    guard = jwt_issuer.guard()
    with_render = type(guard)(
        guard.policy,
        clock=jwt_issuer.clock,
        transport=jwt_issuer.transport,
        render=problem_json,
    )
    behind = wsgi.GuardMiddleware(raw_wsgi, with_render)
    transport = httpx.WSGITransport(app=behind, raise_app_exceptions=False)
    plain: Any = httpx.Client(transport=transport, base_url=BASE)
    asked = TestClient(asgi.GuardMiddleware(raw_asgi, with_render), base_url=BASE)
    for client in (plain, asked):
        for headers, status in (({}, 401), (jwt_issuer.headers(), 403)):
            answer = client.get("/", headers=headers)
            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["status"] == status


def test_token_requests_keep_the_words_of_rfc_6749(jwt_issuer: JWTIssuer) -> None:
    """OAuth clients read them, at the relay and at a token path."""
    policy = jwt_issuer.policy(token_paths=("/oauth/token",))
    from jwtguard import Guard

    guard = Guard(policy, transport=jwt_issuer.transport, render=problem_json)
    answers = [
        TestClient(TokenRelay(guard).asgi, base_url=BASE).post("/token"),
        TestClient(asgi.GuardMiddleware(raw_asgi, guard), base_url=BASE).post(
            "/oauth/token"
        ),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["error"] == "invalid_request"


def test_the_raised_error_is_one_of_ours(jwt_issuer: JWTIssuer) -> None:
    """``except AuthError`` around a decorated view works."""
    app = Flask("caught")
    JWTGuard(app, jwt_issuer.guard())
    decorated = require_scope("a")(lambda: "in")

    @app.get("/")
    def root() -> str:
        try:
            return decorated()
        except AuthError as error:
            return f"{error.reason} {error.status}"

    answer = app.test_client().get("/", headers=jwt_issuer.headers())
    assert answer.text == "scope_missing 403"
    assert "WWW-Authenticate" not in answer.headers
