"""``@public`` where routes change while the application runs."""

from __future__ import annotations

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount, Route, Router
from werkzeug.routing import Rule

from jwtguard import Guard
from jwtguard.flask import JWTGuard, public
from tests.everyday.opening_support import Around, handler, statuses
from tests.everyday.test_opening_flask import closed, fresh, status


@pytest.fixture
def app() -> Flask:
    made = Flask("opened")
    made.testing = True
    return made


def test_routes_that_come_later_are_seen(guard: Guard, around: Around) -> None:
    """Also in a router further inside, whose table the guard does not count."""
    inner = Router(routes=[Route("/{rest:path}", public(handler()))])
    app = around(Starlette(routes=[Mount("/m", inner)]), guard)
    assert statuses(app, "/m/x") == [200]
    inner.routes.insert(0, Route("/x", handler()))
    assert statuses(app, "/m/x", "/m/y") == [401, 200]


def test_routes_that_are_replaced_or_moved_are_seen(
    guard: Guard, around: Around
) -> None:
    """Though there are as many as before."""
    inner = Router(routes=[Route("/x", public(handler()))])
    routes = [
        Mount("/m", inner),
        Route("/{any}", public(handler())),
        Route("/b", handler()),
    ]
    app = Starlette(routes=routes)
    guarded = around(app, guard)
    assert statuses(guarded, "/m/x", "/b") == [200, 200]
    inner.routes[0] = Route("/x", handler())
    app.router.routes.reverse()
    assert statuses(guarded, "/m/x", "/b") == [401, 401]


def test_a_replaced_view_is_seen(app: Flask, guard: Guard) -> None:
    """Some extensions put another function in its place."""
    app.add_url_rule("/x", "x", public(fresh()))
    JWTGuard(app, guard)
    assert status(app, "/x") == 200
    app.view_functions["x"] = closed
    assert status(app, "/x") == 401


def test_a_rule_that_comes_later_is_seen(app: Flask, guard: Guard) -> None:
    """Though it leads to a view that is there already."""
    app.add_url_rule("/<name>", "x", public(lambda name: name))
    app.add_url_rule("/closed/deep", "closed", closed)
    JWTGuard(app, guard)
    assert status(app, "/x") == 200
    app.url_map.add(Rule("/x", endpoint="closed"))
    assert [status(app, "/x"), status(app, "/y")] == [401, 200]
