"""``JWTGUARD_LOGIN_URL``: where a handler refuses, each framework redirects alike."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient as FastAPIClient
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from jwtguard import Guard, Principal
from jwtguard.asgi import GuardMiddleware
from jwtguard.core.model.decision import Respond
from jwtguard.core.model.request import Request as AnyRequest
from jwtguard.errors import MissingTokenError
from jwtguard.fastapi import FastAPIGuard
from jwtguard.flask import JWTGuard, current_principal, require_scope
from jwtguard.starlette import principal_of
from jwtguard.testing import JWTIssuer

NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
TARGET = "/login?next=/page"
NEEDED = FastAPIGuard(token_url="/oauth/token")


@pytest.fixture
def guard(jwt_issuer: JWTIssuer) -> Guard:
    """A site whose pages take visitors without a token, unless a handler refuses."""
    return jwt_issuer.guard(
        optional_paths=["/*"], login_url="/login", cookie="t", clients_only=False
    )


def asked(client: Any) -> tuple[Any, Any]:
    """Return the answers to a person and to a script."""
    return client.get("/page", headers=NAVIGATES), client.get("/page")


def test_principal_of_in_starlette(guard: Guard) -> None:
    """Left alone, it ends at the login page; caught, it is the error it always was."""
    caught: list[MissingTokenError] = []

    async def page(request: Request) -> Response:
        try:
            principal_of(request)
        except MissingTokenError as error:
            caught.append(error)
            raise
        return PlainTextResponse("in")

    app = Starlette(
        routes=[Route("/page", page)],
        middleware=[Middleware(GuardMiddleware, guard=guard)],
    )
    client = TestClient(app, base_url="https://testserver", follow_redirects=False)
    person, script = asked(client)
    assert (person.status_code, person.headers["location"]) == (303, TARGET)
    assert "www-authenticate" not in person.headers
    assert script.status_code == 401
    assert len(caught) == 2


def test_a_dependency_of_fastapi(guard: Guard) -> None:
    """``Depends(guard)`` sends a person to the login page, and a script away."""
    app = FastAPI()

    @app.get("/page")
    def page(who: Annotated[Principal, Depends(NEEDED)]) -> str:
        return who.subject

    guarded = GuardMiddleware(app, guard)
    client = FastAPIClient(
        guarded, base_url="https://testserver", follow_redirects=False
    )
    person, script = asked(client)
    assert (person.status_code, person.headers["location"]) == (303, TARGET)
    assert script.status_code == 401


def test_a_view_of_flask(guard: Guard) -> None:
    """Decorator and proxy alike; an error handler for 401 is for scripts alone."""
    app = Flask("site")

    @app.get("/page")
    @require_scope("notes:read")
    def page() -> str:
        return current_principal.subject

    @app.errorhandler(401)
    def refused(_: Exception) -> tuple[str, int]:
        return "sign in", 401

    JWTGuard(app, guard)
    client = app.test_client()
    person = client.get("/page", headers=NAVIGATES, base_url="https://localhost")
    script = client.get("/page", base_url="https://localhost")
    assert (person.status_code, person.headers["location"]) == (303, TARGET)
    assert (script.status_code, script.text) == (401, "sign in")


def test_the_log_is_told_of_the_refusal(
    jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """The request was refused, even though the browser gets a redirect."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the application ran")

    guard = jwt_issuer.guard(login_url="/login", cookie="t")
    client = TestClient(
        GuardMiddleware(page, guard),
        base_url="https://testserver",
        follow_redirects=False,
    )
    with caplog.at_level(logging.INFO, logger="jwtguard"):
        answer = client.get("/page", headers=NAVIGATES)
    assert answer.status_code == 303
    (told,) = [r for r in caplog.records if getattr(r, "event", "") == "refused"]
    assert (told.__dict__["reason"], told.__dict__["status"]) == ("no_credentials", 401)


@pytest.mark.parametrize(
    ("path", "root"), [("/a\ud800", ""), ("/a", "/\udfff"), ("/\udc80/", "/\ud800")]
)
def test_a_path_that_is_not_text_is_redirected_too(
    jwt_issuer: JWTIssuer, path: str, root: str
) -> None:
    """Some servers hand on half a surrogate pair, which has no UTF-8."""
    guard = jwt_issuer.guard(login_url="/login")
    fields = {"sec-fetch-mode": ("navigate",)}
    answer = guard.decide(AnyRequest("GET", path, fields, root=root))
    assert isinstance(answer, Respond)
    assert answer.status == 303
    assert dict(answer.headers)["Location"].isascii()
