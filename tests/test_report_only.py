"""Decorators whose refusals are only reported, in every framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient as FastAPIClient
from flask import Flask, current_app
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

from jwtguard import Guard
from jwtguard import flask as on_flask
from jwtguard import starlette as on_starlette
from jwtguard.fastapi import FastAPIGuard
from jwtguard.rules import require_role
from jwtguard.starlette import GuardMiddleware
from jwtguard.testing import JWTIssuer

Told = list[dict[str, Any]]
Ask = Callable[[str, Mapping[str, str]], tuple[int, str, str | None]]


def guard_of(issuer: JWTIssuer, told: Told, **settings: Any) -> Guard:
    """Return a guard that reports scopes only, and what it tells."""
    return Guard(
        issuer.policy(**{"report_only": "scopes", "report_header": True, **settings}),
        clock=issuer.clock,
        transport=issuer.transport,
        on_event=lambda event, fields: told.append({"event": event, **fields}),
    )


def flask(guard: Guard) -> Ask:
    """A Flask application with a scope, a role, and both."""
    app = Flask(__name__)
    on_flask.JWTGuard(app, guard)

    def view() -> str:
        return f"ran in {current_app.name}"[:3]

    scope = on_flask.require_scope("notes:write")
    role = on_flask.require_role("admin")
    app.add_url_rule("/scope", "scope", scope(view))
    app.add_url_rule("/role", "role", role(view))
    app.add_url_rule("/both", "both", scope(role(view)))
    http = app.test_client()

    def ask(path: str, headers: Mapping[str, str]) -> tuple[int, str, str | None]:
        answer = http.get(path, headers=dict(headers))
        report = answer.headers.get("JWTGuard-Report")
        return answer.status_code, answer.text, report

    return ask


def starlette(guard: Guard) -> Ask:
    """A Starlette application with the same."""

    async def endpoint(request: Any) -> PlainTextResponse:
        return PlainTextResponse("ran")

    scope = on_starlette.require_scope("notes:write")
    role = on_starlette.require_role("admin")
    app = Starlette(
        routes=[
            Route("/scope", scope(endpoint)),
            Route("/role", role(endpoint)),
            Route("/both", scope(role(endpoint))),
        ],
        middleware=[Middleware(GuardMiddleware, guard=guard)],
    )
    return asked_by(TestClient(app, base_url="https://localhost"))


def fastapi(guard: Guard) -> Ask:
    """A FastAPI application with the same: the scope by a dependency."""
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=guard)
    needs = Depends(FastAPIGuard(token_url="/token").requires("notes:write"))

    @app.get("/scope")
    async def scope(_: Any = needs) -> PlainTextResponse:
        return PlainTextResponse("ran")

    @app.get("/role")
    @on_starlette.require_role("admin")
    async def role(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ran")

    @app.get("/both")
    @on_starlette.require_role("admin")
    async def both(request: Request, _: Any = needs) -> PlainTextResponse:
        return PlainTextResponse("ran")

    return asked_by(FastAPIClient(app, base_url="https://localhost"))


def asked_by(http: Any) -> Ask:
    """Ask an ASGI application."""

    def ask(path: str, headers: Mapping[str, str]) -> tuple[int, str, str | None]:
        answer = http.get(path, headers=headers)
        return answer.status_code, answer.text, answer.headers.get("JWTGuard-Report")

    return ask


FRAMEWORKS = [flask, starlette, fastapi]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_decorator_reports_and_lets_the_handler_run(
    framework: Callable[[Guard], Ask], jwt_issuer: JWTIssuer
) -> None:
    """One event for each decorator, with what it asks for; the header names both."""
    told: Told = []
    ask = framework(guard_of(jwt_issuer, told))
    token = jwt_issuer.headers(scope="notes:read")
    would = "would_refuse="
    for path, rules, report in (
        ("/scope", ["scope notes:write"], f"{would}scope_missing"),
        ("/role", ["role admin"], f"{would}role_missing"),
        (
            "/both",
            ["role admin", "scope notes:write"],
            f"{would}scope_missing, {would}role_missing",
        ),
    ):
        told.clear()
        status, text, found = ask(path, token)
        assert (status, text) == (200, "ran")
        events = [t for t in told if t["event"] == "would_refuse"]
        assert sorted(t["rule"] for t in events) == rules
        assert [t for t in told if t["event"] == "refused"] == []
        assert found is not None
        assert sorted(found.split(", ")) == sorted(report.split(", "))
        assert {t["client_id"] for t in events} == {"spa"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_decorator_still_refuses_where_there_is_no_token(
    framework: Callable[[Guard], Ask], jwt_issuer: JWTIssuer
) -> None:
    """Only the scope is reported, not that somebody must call."""
    told: Told = []
    guard = guard_of(jwt_issuer, told, public_paths=("/scope", "/role", "/both"))
    ask = framework(guard)
    for path in ("/scope", "/role", "/both"):
        assert ask(path, {})[0] == 401


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_kind_that_is_not_reported_is_refused(
    framework: Callable[[Guard], Ask], jwt_issuer: JWTIssuer
) -> None:
    """Origins are reported here, and scopes are not."""
    ask = framework(guard_of(jwt_issuer, [], report_only="origins"))
    token = jwt_issuer.headers(scope="notes:read")
    status, _, report = ask("/scope", token)
    assert (status, report) == (403, None)


def test_a_websocket_reports_too(jwt_issuer: JWTIssuer) -> None:
    """The handshake is answered with the report, and the endpoint runs."""
    told: Told = []

    @on_starlette.require_scope("notes:write")
    async def endpoint(websocket: Any) -> None:
        await websocket.accept()
        await websocket.close()

    app = Starlette(
        routes=[WebSocketRoute("/feed", endpoint)],
        middleware=[Middleware(GuardMiddleware, guard=guard_of(jwt_issuer, told))],
    )
    with TestClient(app, base_url="https://localhost").websocket_connect(
        "wss://localhost/feed", headers=jwt_issuer.headers(scope="x")
    ) as socket:
        fields: dict[bytes, bytes] = dict(socket.extra_headers or ())
    assert fields[b"jwtguard-report"] == b"would_refuse=scope_missing"
    assert [t["reason"] for t in told if t["event"] == "would_refuse"] == [
        "scope_missing"
    ]


def test_other_frameworks_report_by_the_call_that_they_make(
    jwt_issuer: JWTIssuer,
) -> None:
    """``Guard.require`` returns the caller instead of raising."""
    from jwtguard.adapters import Request as GuardRequest

    told: Told = []
    guard = guard_of(jwt_issuer, told)
    principal = guard.verify(jwt_issuer.token())
    asked = GuardRequest("GET", "/x", {})
    assert guard.require(principal, require_role("admin"), asked) is principal
    assert [t["reason"] for t in told if t["event"] == "would_refuse"] == [
        "role_missing"
    ]
