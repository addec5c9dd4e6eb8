"""``jwtguard check`` asks the routers which rule a handler really falls under."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router
from starlette.testclient import TestClient

from jwtguard.asgi import GuardMiddleware
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.flask import JWTGuard
from jwtguard.inspect.check_policy import check_app
from jwtguard.starlette import require_scope
from jwtguard.testing import JWTIssuer
from tests.inspect.routes.listed import levels, reported, table, told

ADMIN = [ScopeRule(path="/admin/*", require=["admin"]), ScopeRule(path="/*")]


async def page(request: Request) -> Response:
    return PlainTextResponse("page")


async def other(request: Request) -> Response:
    return PlainTextResponse("other")


def flask(issuer: JWTIssuer, *paths: str, **settings: Any) -> Flask:
    """Return an application that answers on *paths*, behind a guard."""
    app = Flask("notes", static_folder=None)
    for number, path in enumerate(paths):
        app.add_url_rule(path, f"view{number}", lambda **_: "")
    JWTGuard(app, issuer.guard(**settings))
    return app


def rooted(issuer: JWTIssuer, root: str, **settings: Any) -> Any:
    """Return a FastAPI application with a root path of its own, behind a guard."""
    app = FastAPI(root_path=root, openapi_url=None)
    app.get("/admin/report")(page)
    return GuardMiddleware(app, issuer.guard(**settings))


@pytest.mark.filterwarnings("ignore:The `root_path` parameter")
def test_a_root_path_behind_the_guard_is_wrong(issuer: JWTIssuer) -> None:
    """One handler would answer on two paths; the guard refuses to start like that."""
    app = rooted(issuer, "/api/v1", scopes=ADMIN)
    assert reported(app, "wrong root path", "FastAPI(root_path=...) = '/api/v1'")
    outer = Starlette(
        routes=[Mount("/", app=rooted(issuer, "/api").app)],
        middleware=[Middleware(GuardMiddleware, guard=issuer.guard(scopes=ADMIN))],
    )
    assert reported(outer, "wrong root path", "'/api'")


@pytest.mark.filterwarnings("ignore:The `root_path` parameter")
def test_a_root_path_that_changes_nothing_is_fine(issuer: JWTIssuer) -> None:
    """The guard inside sees it; a mount at the same path has taken it already."""
    inside: Any = rooted(issuer, "/api").app
    inside.add_middleware(GuardMiddleware, guard=issuer.guard(scopes=ADMIN))
    assert not reported(inside, "root path")
    assert not reported(inside, "wrong")
    outer = Starlette(routes=[Mount("/api", app=rooted(issuer, "/api").app)])
    mounted = GuardMiddleware(outer, issuer.guard(scopes=ADMIN))
    assert not reported(mounted, "root path")
    assert table(mounted) == {"GET /api/admin/report": "any token"}


def test_two_spellings_that_fall_under_different_rules(issuer: JWTIssuer) -> None:
    """One view runs for ``/7``, which no rule opens, and for ``/7/``, which is open."""
    settings: Any = {
        "optional_paths": ["/7/"],
        "scopes": [ScopeRule(path="/report/*")],
    }
    app = Flask("notes", static_folder=None)
    app.url_map.strict_slashes = False
    app.add_url_rule("/<int:n>", "view", lambda n: "")
    JWTGuard(app, issuer.guard(**settings))
    assert reported(app, "wrong paths", "view runs for GET /7,", "and for /7/")
    assert app.test_client().get("/7/", base_url="https://a").status_code == 200


def test_other_letters_open_nothing(issuer: JWTIssuer) -> None:
    """``/Healthz`` is public, and no route here is called that."""
    app = flask(issuer, "/healthz", public_paths=["/Healthz"])
    assert reported(app, "weak public paths", "/Healthz", "misspelt")
    assert table(app) == {"GET /healthz": "any token"}


def test_a_rule_that_a_converter_keeps_out(issuer: JWTIssuer) -> None:
    """``/users/me`` is no number, so the rule belongs to no handler."""
    app = flask(issuer, "/users/<int:n>", public_paths=["/users/me", "/users/7"])
    assert reported(app, "weak public paths", "/users/me", "misspelt")
    assert table(app) == {
        "GET /users/<int:n>": "any token",
        "GET /users/<int:n> as /users/7": "nothing: public",
    }


def test_a_rule_for_a_method_without_a_route(issuer: JWTIssuer) -> None:
    """The rule for POST guards nothing where only GET is served."""
    rules = [
        ScopeRule(path="/notes", methods=["POST"], require=["write"]),
        ScopeRule(path="/*"),
    ]
    assert reported(flask(issuer, "/notes", scopes=rules), "weak scopes", "/notes")


def test_a_rule_for_a_part_of_a_route_has_a_row(issuer: JWTIssuer) -> None:
    """What an example of the route needs is told beside what the others need."""
    app = flask(issuer, "/<kind>/report", "/f/<path:p>", scopes=ADMIN)
    assert table(app) == {
        "GET /<kind>/report": "any token",
        "GET /<kind>/report as /admin/report": "scope admin",
        "GET /f/<path:p>": "any token",
    }
    assert reported(app, "note scopes", "/admin/* covers only a part of /<kind>/report")
    app = flask(issuer, "/f/<path:p>", public_paths=["/f/open/*"])
    assert levels(app)["GET /f/<path:p> as /f/open/a"] == "note"


def test_a_route_that_another_one_hides(issuer: JWTIssuer) -> None:
    """It never runs, so nothing is vouched for."""
    app = GuardMiddleware(
        Starlette(routes=[Route("/{name}", other), Route("/page", page)]),
        issuer.guard(),
    )
    assert table(app)["GET /page"] == "never runs: /page reaches other"
    assert levels(app)["GET /page"] == "weak"


def test_a_rule_that_names_methods_leaves_others_open(issuer: JWTIssuer) -> None:
    """A handler that takes any method runs for those that no rule names, too."""

    async def anything(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("ran")(scope, receive, send)

    named = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    rules = [ScopeRule(path="/*", methods=named, require=["x"]), ScopeRule(path="/*")]
    app = GuardMiddleware(anything, issuer.guard(scopes=rules))
    rest = ", and whatever it asks for itself"
    assert table(app) == {
        "GET POST PUT PATCH DELETE OPTIONS /*": "scope x" + rest,
        "OTHER /*": "any token" + rest,
    }
    client = TestClient(app, base_url="https://testserver")
    poor = issuer.headers(scope="poor")
    assert client.request("PROPFIND", "/a", headers=poor).text == "ran"


def test_a_decorator_without_effect_counts_where_nothing_runs(
    issuer: JWTIssuer,
) -> None:
    """It is wrong, whoever else takes the requests today."""

    async def bare(request: Request) -> Response:
        return PlainTextResponse("bare")

    routes = [Route("/{name}", other), Route("/page", bare)]
    require_scope("read")(bare)
    app = GuardMiddleware(Starlette(routes=routes), issuer.guard())
    assert levels(app)["GET /page"] == "wrong"


@pytest.mark.parametrize(
    "path",
    [
        "/<uuid:u>", "/<float:f>", "/<any(de, fr):lang>", "/<string(length=2):x>",
        "/<path:p>/tail", "/<int(min=5):n>", "/a-<x>.<y>", "/<int(fixed_digits=4):n>",
    ],
)  # fmt: skip
def test_converters_of_werkzeug_are_filled(issuer: JWTIssuer, path: str) -> None:
    """An example is found for each."""
    assert table(flask(issuer, path)) == {f"GET {path}": "any token"}


@pytest.mark.parametrize("path", ["/{u:uuid}", "/{f:float}", "/{n:int}/{p:path}"])
def test_converters_of_starlette_are_filled(issuer: JWTIssuer, path: str) -> None:
    """An example is found for each, also in the path of a mount."""
    routes = [Mount("/in/{m:int}", routes=[Route(path, page)])]
    app = GuardMiddleware(Starlette(routes=routes), issuer.guard())
    assert table(app) == {f"GET /in/{{m:int}}{path}": "any token"}


def test_what_no_example_can_be_made_for_is_told(issuer: JWTIssuer) -> None:
    """A converter of one's own may take what nobody would guess."""
    from werkzeug.routing import BaseConverter

    class Odd(BaseConverter):
        regex = "q{17}z"

    app = Flask("notes", static_folder=None)
    app.url_map.converters["odd"] = Odd
    app.add_url_rule("/<odd:o>", "view", lambda o: "")
    JWTGuard(app, issuer.guard())
    assert levels(app) == {"GET /<odd:o>": "weak"}
    assert "no example" in table(app)["GET /<odd:o>"]


def test_hosts_are_asked_for(issuer: JWTIssuer) -> None:
    """Subdomains, hosts with parameters, and applications that trust one host only."""
    app = Flask("notes", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "home", lambda: "")
    app.add_url_rule("/", "sub", lambda: "", subdomain="<user>")
    JWTGuard(app, issuer.guard())
    assert table(app) == {
        "GET /": "any token",
        "GET //<user>.example.org/": "any token",
    }
    trusting = flask(issuer, "/")
    trusting.config["TRUSTED_HOSTS"] = [".example.org"]
    assert table(trusting) == {"GET /": "any token"}
    hosts = [Host("{user}.example.org", app=Router(routes=[Route("/", page)]))]
    guarded = GuardMiddleware(Starlette(routes=hosts), issuer.guard())
    assert table(guarded) == {"GET //{user}.example.org/": "any token"}


def test_an_application_without_routes_is_not_vouched_for(issuer: JWTIssuer) -> None:
    """Nothing could be checked, and that is said."""
    assert "wrong routes: no route was found: nothing could be checked" in told(
        Flask("x", static_folder=None)
    )


def test_a_view_that_only_another_spelling_reaches(issuer: JWTIssuer) -> None:
    """``/a`` leads to another view, and ``/a/`` to this one: it has its own row."""
    app = Flask("notes", static_folder=None)
    app.add_url_rule("/<name>", "first", lambda name: "")
    app.add_url_rule("/<x>", "second", lambda x: "secret", strict_slashes=False)
    JWTGuard(app, issuer.guard())
    headers = {"Authorization": f"Bearer {issuer.token()}"}
    answer = app.test_client().get("/a/", base_url="https://a", headers=headers)
    assert answer.get_data(as_text=True) == "secret"
    assert table(app)["GET /<x> as /a/"] == "any token"


def test_a_handler_that_only_head_reaches(issuer: JWTIssuer) -> None:
    """FastAPI's routes take GET alone, and the one behind them takes HEAD too."""
    app = FastAPI(openapi_url=None)
    app.get("/notes")(lambda: "")
    app.router.routes.append(Route("/notes", page))
    guarded = GuardMiddleware(app, issuer.guard(public_paths=["/notes"]))
    answer = TestClient(guarded, base_url="https://a").head("/notes")
    assert answer.status_code == 200
    rows = [row for row in check_app(guarded)[1] if row.handler == "page"]
    assert {row.methods: row.requirements for row in rows}["HEAD"] == "nothing: public"


def test_the_login_page_must_exist_and_a_cookie_must_carry_tokens(
    issuer: JWTIssuer,
) -> None:
    """Else visitors are sent to a 404, or round in circles."""
    good = flask(issuer, "/login", login_url="/login", cookie="__Host-t")
    assert reported(good, "ok login url", "/login")
    assert not reported(good, "wrong login url")
    assert not reported(good, "weak login url")
    misspelt = flask(issuer, "/login", login_url="/log-in", cookie="__Host-t")
    assert reported(misspelt, "weak login url", "/log-in is the path of no route")
    headers_only = flask(issuer, "/login", login_url="/login")
    assert reported(headers_only, "wrong login url", "without a cookie or sessions")
