"""Flask: a decorator above the one that registers a view is refused.

Flask calls the function that it was given, not what our decorator returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from jwtguard import ConfigurationError, Guard, flask, wsgi
from jwtguard.testing import JWTIssuer

ABOVE = r"@require_scope\('admin'\) has no effect"


def view_of(app: Flask) -> None:
    """A view."""

    @flask.require_scope("admin")
    @app.get("/x")
    def view() -> str:
        return "secret"


def async_view_of(app: Flask) -> None:
    """An async view, registered by ``route``."""

    @flask.require_scope("admin")
    @app.route("/x", methods=["GET", "POST"])
    async def view() -> str:
        return "secret"


def blueprint_of(app: Flask) -> None:
    """A view of a nested blueprint."""
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)

    @flask.require_scope("admin")
    @inner.get("/x")
    def view() -> str:
        return "secret"

    outer.register_blueprint(inner)
    app.register_blueprint(outer)


def method_view_of(app: Flask) -> None:
    """What ``as_view`` returns, registered before it is decorated."""

    class View(MethodView):
        def get(self) -> str:
            return "secret"

    view = View.as_view("x")
    app.add_url_rule("/x", view_func=view)
    flask.require_scope("admin")(view)


def before_request_of(app: Flask) -> None:
    """A check of a whole blueprint that checks nothing."""
    app.add_url_rule("/x", "x", lambda: "secret")

    @flask.require_scope("admin")
    @app.before_request
    def check() -> None:
        """Check nothing."""


def preprocessor_of(app: Flask) -> None:
    """A check by the values of the URL that checks nothing."""
    app.add_url_rule("/x", "x", lambda: "secret")

    @flask.require_scope("admin")
    @app.url_value_preprocessor
    def check(endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Check nothing."""


FLASK = [
    view_of, async_view_of, blueprint_of, method_view_of, before_request_of,
    preprocessor_of,
]  # fmt: skip


def closed(app: Any) -> Any:
    """Wrap *app* in a function."""

    def called(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response)

    return called


class Keeping:
    """Keeps an application where nobody would look."""

    def __init__(self, app: Any) -> None:
        self.by_host = {"api": [], "": closed(app)}
        self.itself = self

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer as the application does."""
        return self.by_host[""](environ, start_response)


def naming(app: Any) -> Any:
    """Wrap *app* in a function that finds it by its name."""
    globals()["named_app"] = app

    def called(environ: Any, start_response: Any) -> Any:
        return named_app(environ, start_response)  # type: ignore[name-defined]  # noqa: F821

    return called


class Naming:
    """Calls an application by its name."""

    def __init__(self, app: Any) -> None:
        globals()["named_app"] = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer as the application does."""
        return named_app(environ, start_response)  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("wrap", [closed, Keeping, naming, Naming])
def test_middleware_of_any_kind_hides_no_view(jwt_issuer: JWTIssuer, wrap: Any) -> None:
    """Around the application, or around ``wsgi_app`` before the guard."""
    app = Flask(__name__)
    view_of(app)
    with pytest.raises(ConfigurationError, match=ABOVE):
        wsgi.GuardMiddleware(wrap(app), jwt_issuer.guard())
    app = Flask(__name__)
    app.wsgi_app = wrap(app.wsgi_app)  # type: ignore[method-assign]
    flask.JWTGuard(app, jwt_issuer.guard())
    view_of(app)
    with pytest.raises(ConfigurationError, match=ABOVE):
        get(app, jwt_issuer)


def test_a_walk_through_anything_ends(jwt_issuer: JWTIssuer) -> None:
    """Endless objects, empty cells and attributes that raise included."""

    class Endless:
        def __init__(self) -> None:
            self.broken = Keeping(None)

        def __call__(self, environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [])
            return [b"fine" if unfilled else b""]

        def __getattr__(self, name: str) -> Any:
            if name == "router" or name.startswith("__"):
                raise AttributeError(name) if name[0] == "_" else RuntimeError(name)
            return Endless()

    app = wsgi.GuardMiddleware(Endless(), jwt_issuer.guard())
    unfilled = True
    assert get(app, jwt_issuer).text == "fine"


def get(app: Any, issuer: JWTIssuer, path: str = "/x") -> Any:
    """GET *path* of a WSGI application, with a token that has no scope."""
    return Client(app).get(path, headers=issuer.headers(), base_url="https://api")


@pytest.mark.parametrize("register", FLASK)
def test_flask_refuses_the_first_request(
    jwt_issuer: JWTIssuer, register: Callable[[Flask], None]
) -> None:
    """Routes come after ``JWTGuard(app)``, so it is told then; and every time."""
    app = Flask(__name__)
    flask.JWTGuard(app, jwt_issuer.guard())
    register(app)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=ABOVE):
            get(app, jwt_issuer)


@pytest.mark.parametrize("register", FLASK)
def test_flask_is_not_guarded_after_its_routes(
    jwt_guard: Guard, register: Callable[[Flask], None]
) -> None:
    """At construction, so that the server does not start."""
    app = Flask(__name__)
    register(app)
    with pytest.raises(ConfigurationError, match=ABOVE):
        flask.JWTGuard(app, jwt_guard)
    for outer in (app, DispatcherMiddleware(Flask("front"), {"/api": app})):
        with pytest.raises(ConfigurationError, match=ABOVE):
            wsgi.GuardMiddleware(outer, jwt_guard)


def test_a_view_that_comes_later_is_seen(jwt_issuer: JWTIssuer) -> None:
    """Whether decorated before or after a request that was answered."""
    app = Flask(__name__)
    flask.JWTGuard(app, jwt_issuer.guard())
    app.add_url_rule("/fine", "fine", flask.require_scope()(lambda: "fine"))

    def view() -> str:
        return "secret"

    flask.require_scope("admin")(view)
    assert get(app, jwt_issuer, "/fine").text == "fine"
    app.view_functions["late"] = view  # as Flask refuses to do by now
    with pytest.raises(ConfigurationError, match=ABOVE):
        get(app, jwt_issuer, "/fine")


def test_the_right_order_is_accepted(jwt_issuer: JWTIssuer) -> None:
    """Views, blueprints, method views and checks before requests."""
    app, blueprint = Flask(__name__), Blueprint("b", __name__)
    flask.JWTGuard(app, jwt_issuer.guard())

    @app.get("/x")
    @flask.require_scope("admin")
    def view() -> str:
        return "x"

    @blueprint.before_request
    @flask.require_scope("admin")
    def check() -> None:
        """Check the scope."""

    class View(MethodView):
        decorators = [flask.require_scope("admin")]  # noqa: RUF012

        @flask.require_scope("more")
        def get(self) -> str:
            return "secret"

    blueprint.add_url_rule("/y", view_func=View.as_view("y"))
    app.register_blueprint(blueprint)
    assert get(app, jwt_issuer).status_code == 403
    assert get(app, jwt_issuer, "/y").status_code == 403
