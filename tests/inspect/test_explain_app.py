"""``jwtguard explain --app`` applies path rules and decorators of an application."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from jwtguard import Principal
from jwtguard.asgi import GuardMiddleware
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.fastapi import FastAPIGuard
from jwtguard.flask import JWTGuard, require_bound, require_role, require_scope
from jwtguard.inspect.explain_app import explain_app
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.inspect.shown import Check
from jwtguard.starlette import require_scope as scope_of_starlette
from jwtguard.testing import JWTIssuer

need = FastAPIGuard(token_url="/oauth/token", scopes={"read": "Read"})


@pytest.fixture
def issuer() -> JWTIssuer:
    """An issuer with scopes and roles."""
    return JWTIssuer("https://id.example/realms/main", alg="ES256", profile="keycloak")


def asked(app: Any, token: str, method: str, path: str, **more: Any) -> list[Check]:
    """Return each check of a request with *token* to *app*."""
    given = {"origin": "", "cookie": False, **more}
    return list(explain_app(app, token, method=method, path=path, **given))


def failures(checks: list[Check]) -> list[tuple[str, str]]:
    """Return name and reason of each check that failed."""
    return [(one.name, one.reason) for one in checks if not one.passed]


def notes(issuer: JWTIssuer, **settings: Any) -> Flask:
    app = Flask("notes", static_folder=None)
    write = require_scope("notes:write")(require_role("admin")(lambda n: ""))
    app.add_url_rule("/notes/<int:n>", "write", write, methods=["POST"])
    app.add_url_rule("/notes", "list", lambda: "")
    JWTGuard(app, issuer.guard(**settings))
    return app


def reading(issuer: JWTIssuer, **settings: Any) -> Starlette:
    async def view(request: Request) -> Response:
        return PlainTextResponse("read")

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()

    routes = [
        Route("/notes", scope_of_starlette("read")(view)),
        WebSocketRoute("/talk", scope_of_starlette("talk")(talk)),
    ]
    guard = Middleware(GuardMiddleware, guard=issuer.guard(**settings))
    return Starlette(routes=routes, middleware=[guard])


def test_what_a_decorator_asks_for_is_checked(issuer: JWTIssuer) -> None:
    """Each requirement has its line, in Flask; the handler does not run."""
    app = notes(issuer)
    checks = asked(app, issuer.token(scope="notes:read"), "POST", "/notes/7")
    assert failures(checks) == [
        ("decorator", "scope_missing"), ("decorator", "role_missing")
    ]  # fmt: skip
    found = [one for one in checks if one.name in ("handler", "decorator")]
    assert found[0].found == "POST /notes/7 is answered by write"
    assert found[1].expected == "scope notes:write"
    assert found[1].found == "scopes notes:read; roles none"
    good = issuer.token(scope="notes:write", roles=["admin"])
    assert not failures(asked(app, good, "POST", "/notes/7"))
    assert not failures(asked(app, issuer.token(), "GET", "/notes"))


def test_starlette_and_its_websockets(issuer: JWTIssuer) -> None:
    """The handshake is a request like any other."""
    app = reading(issuer)
    assert failures(asked(app, issuer.token(), "GET", "/notes")) == [
        ("decorator", "scope_missing")
    ]  # fmt: skip
    assert not failures(asked(app, issuer.token(scope="talk"), "WEBSOCKET", "/talk"))
    assert failures(asked(app, issuer.token(), "WEBSOCKET", "/talk"))


def test_fastapi(issuer: JWTIssuer) -> None:
    """Dependencies are decorators by another name."""
    app = FastAPI()

    @app.get("/items/{item}")
    def one(
        item: int, who: Annotated[Principal, Depends(need.requires("read"))]
    ) -> str:
        return who.subject

    app.add_middleware(GuardMiddleware, guard=issuer.guard())
    assert failures(asked(app, issuer.token(), "GET", "/items/3")) == [
        ("decorator", "scope_missing")
    ]  # fmt: skip
    assert not failures(asked(app, issuer.token(scope="read"), "GET", "/items/3"))


def test_every_obstacle_of_a_request_is_shown(issuer: JWTIssuer) -> None:
    """An expired token, a scope of the path rules, and what the decorators ask for."""
    rules = [ScopeRule(path="/notes/*", require=["write"])]
    app = notes(issuer, scopes=rules)
    checks = asked(app, issuer.expired(), "POST", "/notes/7")
    assert failures(checks) == [
        ("times", "expired"), ("scopes", "scope_missing"), ("request", "expired"),
        ("decorator", "scope_missing"), ("decorator", "role_missing"),
    ]  # fmt: skip
    assert not [one for one in checks if "--app" in one.hint]


def test_a_public_path_with_a_decorator_refuses_everybody(issuer: JWTIssuer) -> None:
    """No token is read there, however good it is."""
    app = reading(issuer, public_paths=["/notes"])
    checks = asked(app, issuer.token(scope="read"), "GET", "/notes")
    assert failures(checks) == [("decorator", "no_credentials")]
    assert "refuses every request" in checks[-1].hint


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("DELETE", "/notes")]
)
def test_no_handler_answers(issuer: JWTIssuer, method: str, path: str) -> None:
    """The router does not know the path, or not with this method."""
    found = asked(notes(issuer), issuer.token(), method, path)[-1]
    assert (found.name, found.passed) == ("handler", False)
    assert "not found" in found.found


def test_an_application_without_a_guard(issuer: JWTIssuer) -> None:
    """It is not called good because nothing was refused."""
    app = Flask("open", static_folder=None)
    app.add_url_rule("/", "index", lambda: "")
    (found,) = asked(app, issuer.token(), "GET", "/")
    assert not found.passed
    assert "no middleware" in found.hint


def test_what_cannot_be_looked_into_is_said(issuer: JWTIssuer) -> None:
    """An application of another framework may ask for anything."""

    async def unknown(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("it must not run")

    app = GuardMiddleware(unknown, guard=issuer.guard())
    assert "may ask for more" in asked(app, issuer.token(), "GET", "/x")[-1].hint


def test_a_cookie_that_is_not_set(issuer: JWTIssuer) -> None:
    """Which one it would be is for the settings of the application's guard to say."""
    checks = asked(notes(issuer), issuer.token(), "GET", "/notes", cookie=True)
    assert checks[-1].name == "cookie"
    app = notes(issuer, cookie="token", public_url=["https://site.example"])
    origin = "https://site.example"
    good = asked(app, issuer.token(), "GET", "/notes", cookie=True, origin=origin)
    assert not failures(good)


def test_a_bound_token_is_asked_for(issuer: JWTIssuer) -> None:
    """A token with a key or a certificate meets it, and the hint fits a bearer."""
    app = Flask("notes", static_folder=None)
    app.add_url_rule("/", "pay", require_bound()(lambda: ""))
    JWTGuard(app, issuer.guard())
    for cnf in ({"jkt": "x" * 43}, {"x5t#S256": "x" * 43}):
        row = asked(app, issuer.token(claims={"cnf": cnf}), "GET", "/")[-1]
        assert (row.name, row.passed, row.found) == ("decorator", True, "bound token")
    for other in (None, "text"):
        row = asked(app, issuer.token(claims={"cnf": other}), "GET", "/")[-1]
        assert (row.passed, row.reason) == (False, "unbound_token")
        assert row.found == "a bearer token: no cnf"
        assert "Bearer" not in row.hint


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "x" * 20000])
def test_text_that_is_not_a_token_has_no_scopes(issuer: JWTIssuer, token: str) -> None:
    """Nothing is raised, and nothing passes."""
    checks = asked(notes(issuer), token, "POST", "/notes/7")
    assert ("decorator", "no_credentials") in failures(checks)
    # A token is read on this path, so the hint of a public path does not fit.
    assert "refuses every request" not in checks[-1].hint


def test_without_an_application_decorators_are_said_to_be_unknown(
    issuer: JWTIssuer,
) -> None:
    """What passes the guard may still lack a scope that the application needs."""
    guard, token = issuer.guard(), issuer.token()
    request = request_of(guard, token, method="GET", path="/", origin="", cookie=False)
    found = list(try_request(guard, request, token))[-1]
    assert found.found == "passes the guard as alice"
    assert "decorators" in found.hint
    assert "--app" in found.hint


def test_nothing_is_logged_of_the_token(
    issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither whole nor in parts."""
    token = issuer.token()
    with caplog.at_level(logging.DEBUG):
        checks = asked(notes(issuer), token, "POST", "/notes/7")
    output = caplog.text + "".join(str(one) for one in checks)
    assert not [part for part in token.split(".") if part in output]
