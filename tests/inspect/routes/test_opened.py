"""What ``check`` and ``explain`` say of handlers that need no token."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from jwtguard import Guard, ScopeRule
from jwtguard import flask as of_flask
from jwtguard import starlette as of_starlette
from jwtguard.inspect.check_policy import check_app
from jwtguard.inspect.explain_app import explain_app
from jwtguard.testing import JWTIssuer
from tests.inspect.routes.listed import levels, reported, table


class Page(MethodView):
    """One method is open."""

    @of_flask.public
    def get(self) -> str:
        """Show."""
        return "in"

    def post(self) -> str:
        """Change."""
        return "changed"


def of_wsgi(guard: Guard) -> Any:
    """An application of Flask."""
    app = Flask("opened")
    app.add_url_rule("/open", "open", of_flask.public(lambda: "in"))
    app.add_url_rule("/who", "who", of_flask.optional(lambda: "in"))
    app.add_url_rule("/closed", "closed", lambda: "in")
    app.add_url_rule("/admin", "admin", of_flask.public(lambda: "in"))
    asks = of_flask.optional(of_flask.require_scope("a")(lambda: "in"))
    app.add_url_rule("/asks", "asks", asks)
    app.add_url_rule("/page", view_func=Page.as_view("page"))
    of_flask.JWTGuard(app, guard)
    return app


def of_asgi(guard: Guard) -> Any:
    """An application of Starlette."""

    def made() -> Any:
        async def endpoint(request: Request) -> Response:
            return PlainTextResponse("in")

        return endpoint

    asks = of_starlette.optional(of_starlette.require_scope("a")(made()))
    return of_starlette.GuardMiddleware(
        Starlette(
            routes=[
                Route("/open", of_starlette.public(made())),
                Route("/who", of_starlette.optional(made())),
                Route("/closed", made()),
                Route("/admin", of_starlette.public(made())),
                Route("/asks", asks),
            ]
        ),
        guard,
    )


@pytest.fixture(params=[of_wsgi, of_asgi])
def app(request: pytest.FixtureRequest, jwt_issuer: JWTIssuer) -> Any:
    rules = [ScopeRule(path="/*"), ScopeRule(path="/admin", require="admin")]
    return request.param(jwt_issuer.guard(scopes=rules))


def test_check_lists_what_is_open(app: Any) -> None:
    """As it lists public paths; a mark that a rule outweighs is weak."""
    _, rows = check_app(app)
    told = {f"{row.methods} {row.path}": (row.level, row.requirements) for row in rows}
    assert told["GET /open"] == ("note", "nothing: public")
    assert told["GET /who"] == ("note", "nothing: a token is read if one is sent")
    assert told["GET /closed"] == ("ok", "any token")
    assert told["GET /asks"] == ("ok", "scope a")
    level, text = told["GET /admin"]
    assert level == "weak"
    assert text == "scope admin: @public has no effect, as a rule names the path"
    if "GET /page" in told:
        assert told["GET /page"] == ("note", "nothing: public")
        assert told["POST /page"] == ("ok", "any token")


def test_check_says_that_decorators_open_handlers(app: Any) -> None:
    """The settings open nothing, and the line about them claims no more than that."""
    assert reported(app, "ok paths", "no setting opens one")
    assert reported(app, "note paths", "@public or @optional opens", "see the table")
    assert not reported(app, "every path needs a token")


def test_check_counts_no_handler_where_none_is_open(jwt_issuer: JWTIssuer) -> None:
    """An application without such decorators gets no note."""
    app = Flask("closed")
    app.add_url_rule("/closed", view_func=lambda: "in")
    of_flask.JWTGuard(app, jwt_issuer.guard())
    assert not reported(app, "note paths")


def test_explain_knows_that_no_token_is_read(app: Any, jwt_issuer: JWTIssuer) -> None:
    """The guard's own decision about the request, and the handler's."""

    def explained(path: str) -> dict[str, Any]:
        asked: Any = {"method": "GET", "origin": "", "cookie": False}
        token = jwt_issuer.token()
        return {one.name: one for one in explain_app(app, token, path=path, **asked)}

    assert "public: no token is read" in explained("/open")["path"].found
    assert "as nobody" in explained("/open")["request"].found
    assert "if one is sent" in explained("/who")["path"].found
    assert "as alice" in explained("/who")["request"].found
    assert explained("/asks")["decorator"].reason == "scope_missing"
    assert explained("/admin")["request"].reason == "scope_missing"
    assert explained("/closed")["request"].passed


def test_metadata_paths_are_open(issuer: JWTIssuer) -> None:
    """No rule and no token protects a handler there, whatever the rules say."""
    rules = (ScopeRule(path="/*", require=("a",)),)
    app = Flask("metadata")
    of_flask.JWTGuard(app, issuer.guard(resource="https://api.example", scopes=rules))
    path = "/.well-known/oauth-authorization-server"
    app.add_url_rule(path, "open", lambda: "in")
    app.add_url_rule(f"{path}/x", "asks", of_flask.require_scope("a")(lambda: "in"))
    assert app.test_client().get(path, base_url="https://api.example").data == b"in"
    assert levels(app)[f"GET {path}"] == "note"
    assert table(app)[f"GET {path}"] == "nothing: public"
    assert levels(app)[f"GET {path}/x"] == "wrong"
