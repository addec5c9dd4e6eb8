"""``jwtguard check`` reads a Flask application: every route, and what it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Flask
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.middleware import Middleware
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.core.model.profiles import GENERIC
from jwtguard.flask import JWTGuard, require_any_scope, require_role, require_scope
from jwtguard.relay import TokenRelay
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware
from tests.inspect.routes.listed import levels, reported, table


def made(**options: object) -> Flask:
    """Return an application without Flask's own static route."""
    return Flask("notes", static_folder=None, **options)  # type: ignore[arg-type]


def test_each_decorator_is_read(issuer: JWTIssuer) -> None:
    """All of them, any of them, roles, several at once, and none."""
    app = made()
    JWTGuard(app, issuer.guard())

    @app.get("/notes")
    @require_scope("notes:read", "profile")
    def notes() -> str:
        return ""

    @app.route("/notes", methods=["POST", "DELETE"])
    @require_role("editor")
    @require_any_scope("a", "b")
    def change() -> str:
        return ""

    @app.get("/whoami")
    def whoami() -> str:
        return ""

    assert table(app) == {
        "GET /notes": "scope notes:read and profile",
        "DELETE POST /notes": "role editor and scope a or b",
        "GET /whoami": "any token",
    }
    assert set(levels(app).values()) == {"ok"}


def test_an_async_view_is_not_listed_as_open_to_any_token(issuer: JWTIssuer) -> None:
    """What its decorator requires is read like that of any other view."""
    app = made()
    JWTGuard(app, issuer.guard())

    @app.get("/later")
    @require_scope("notes:read")
    async def later() -> str:
        return ""

    assert table(app) == {"GET /later": "scope notes:read"}


def test_blueprints_and_method_views(issuer: JWTIssuer) -> None:
    """``protect`` reaches nested blueprints; a view's methods differ."""
    guard, app = JWTGuard(guard=issuer.guard()), made()
    outer = Blueprint("outer", __name__, url_prefix="/admin")
    inner = Blueprint("inner", __name__, url_prefix="/deep")

    class Item(MethodView):
        def get(self) -> str:
            return ""

        @require_scope("write")
        def put(self) -> str:
            return ""

    guard.protect(outer, "admin")
    inner.add_url_rule("/item/<int:n>", view_func=Item.as_view("item"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    guard.init_app(app)
    assert table(app) == {
        "GET /admin/deep/item/<int:n>": "scope admin",
        "PUT /admin/deep/item/<int:n>": "scope admin and scope write",
    }


def test_an_application_without_a_guard(issuer: JWTIssuer) -> None:
    """Every route is wrong, and it is said why."""
    app = made()
    app.add_url_rule("/", view_func=lambda: "", endpoint="home")
    app.add_url_rule("/x", view_func=require_scope("x")(lambda: ""), endpoint="x")
    assert levels(app) == {"GET /": "wrong", "GET /x": "wrong"}
    assert "NOTHING" in table(app)["GET /"]
    assert "fails" in table(app)["GET /x"]
    assert reported(app, "wrong guard", "JWTGuard(app)")


def test_path_rules_count(issuer: JWTIssuer) -> None:
    """Public, optional and scoped paths are told apart, by the guard's own rules."""
    guard = issuer.guard(
        public_paths=["/healthz"],
        optional_paths=["/"],
        token_paths=["/oauth/token"],
        cookie="__Host-t",
        public_url=["https://www.example"],
    )
    app = made()
    app.url_map.merge_slashes = False
    JWTGuard(app, guard)
    for path in ("/", "/healthz", "/oauth/token", "/deep//er"):
        app.add_url_rule(path, path, lambda: "", methods=["GET", "POST"])
    found = table(app)
    assert found["GET /healthz"] == "nothing: public"
    assert found["POST /healthz"] == "nothing: public, but not from a foreign origin"
    assert found["GET POST /"].startswith("nothing: a token is read if")
    assert found["GET POST /oauth/token"] == "the rules of token paths"
    assert "two ways" in found["GET POST /deep//er"]


def test_a_decorator_on_a_public_path_refuses_everybody(issuer: JWTIssuer) -> None:
    """No token is read there, so nobody ever has the scope."""
    app = made()
    JWTGuard(app, issuer.guard(public_paths=["/x"]))
    app.add_url_rule("/x", view_func=require_scope("x")(lambda: ""), endpoint="x")
    assert levels(app) == {"GET /x": "wrong"}
    headers = issuer.headers(scope="x")
    assert app.test_client().get("/x", headers=headers).status_code == 401


def test_a_misspelt_path_is_found(issuer: JWTIssuer) -> None:
    """A pattern that no route falls under, and one that covers half of a route."""
    app = made()
    JWTGuard(app, issuer.guard(public_paths=["/healtz", "/files/open/*", "/f/a.txt"]))
    for path in ("/healthz", "/files/<path:name>", "/f/<name>"):
        app.add_url_rule(path, view_func=lambda: "", endpoint=path.replace(".", ""))
    assert reported(app, "weak public paths", "/healtz", "misspelt")
    assert reported(app, "note public paths", "/files/open/*", "a part of /files/")
    assert reported(app, "note public paths", "/f/a.txt", "a part of /f/<name>")
    assert not reported(app, "/files/open/*", "misspelt")


def test_mounts_are_inside_or_outside(issuer: JWTIssuer) -> None:
    """What is mounted in front of the guard is unguarded; the relay has own rules."""
    app, other, guard = made(), made(), issuer.guard()
    other.add_url_rule("/", view_func=lambda: "", endpoint="home")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/in": other})  # type: ignore[method-assign]
    JWTGuard(app, guard)
    mounts: dict[str, Any] = {"/out": other, "/oauth": TokenRelay(guard).wsgi}
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, mounts)  # type: ignore[method-assign]
    assert table(app)["GET /in/"] == "any token"
    assert levels(app)["GET /out/"] == "wrong"
    assert table(app)["any /oauth/*"] == "the rules of token paths"
    assert reported(app, "wrong guard", "not in front of /out/")


def test_order_is_told(issuer: JWTIssuer) -> None:
    """What stands outside of the guard is named, a second guard too."""
    app = made()
    JWTGuard(app, issuer.guard())
    assert not reported(app, "ProxyFix")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    assert reported(app, "note order", "ProxyFix", "before the guard")
    other = made()
    JWTGuard(other, issuer.guard())
    twice = GuardMiddleware(other.wsgi_app, issuer.guard())
    assert reported(twice, "weak order", "behind another")


def test_a_proxy_fix_inside_the_guard_is_wrong(issuer: JWTIssuer) -> None:
    """It comes too late, unless the guard reads the proxy's fields itself."""
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"trusted_proxies": ("10.0.0.1",)},
        {"require_https": False},
    )
    for given, wrong in zip(settings, (True, False, False), strict=True):
        app = made()
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
        JWTGuard(app, issuer.guard(**given))
        found = reported(app, "wrong order", "ProxyFix", "after JWTGuard(app)")
        assert found is wrong


def test_waitress_is_named_where_it_is_installed(issuer: JWTIssuer) -> None:
    """It removes what would show a proxy: the finding says what to set."""
    app = made()
    JWTGuard(app, issuer.guard())
    assert reported(app, "note transport", "clear_untrusted_proxy_headers=False")
    site = Starlette(middleware=[Middleware(ASGIGuard, guard=issuer.guard())])
    assert not reported(site, "waitress")


def test_flask_cors_is_superfluous(issuer: JWTIssuer) -> None:
    """Its fields are replaced: take it out."""
    app = made()
    JWTGuard(app, issuer.guard())

    def after(response: object) -> object:
        return response

    after.__module__ = "flask_cors.extension"
    app.after_request(after)
    app.add_url_rule("/", view_func=lambda: "", endpoint="home")
    assert reported(app, "note order", "flask_cors")


def test_a_host_is_part_of_the_path(issuer: JWTIssuer) -> None:
    """With host matching, the table says for which host a route answers."""
    app = made(host_matching=True)
    JWTGuard(app, issuer.guard())
    app.add_url_rule("/", view_func=lambda: "", endpoint="h", host="api.example")
    assert table(app) == {"GET //api.example/": "any token"}


def test_a_decorator_above_the_route_is_wrong(issuer: JWTIssuer) -> None:
    """The route calls the bare view, whatever the decorator says."""
    app, blueprint = made(), Blueprint("b", __name__, url_prefix="/b")
    JWTGuard(app, issuer.guard())

    @require_scope("notes:read")
    @app.get("/notes")
    def notes() -> str:
        return ""

    @require_any_scope("a", "b")
    @blueprint.get("/deep")
    async def deep() -> str:
        return ""

    @require_scope("admin")
    @blueprint.before_request
    def check() -> None:
        """Check nothing."""

    app.register_blueprint(blueprint)
    assert set(levels(app).values()) == {"wrong"}
    assert "@require_scope('notes:read') has no effect" in table(app)["GET /notes"]
    assert "@require_any_scope('a', 'b') has no" in table(app)["GET /b/deep"]
    assert reported(app, "wrong", "check", "@require_scope('admin')", "@before_request")


def test_roles_that_no_token_can_carry_are_wrong() -> None:
    """Where no trusted issuer's profile reads any."""
    issuer = JWTIssuer(alg="ES256", profile=replace(GENERIC, role_claims=()))
    app = made()
    JWTGuard(app, issuer.guard())

    @app.get("/admin")
    @require_role("admin")
    def admin() -> str:
        return ""

    assert levels(app) == {"GET /admin": "wrong"}
    assert "refuses all: no trusted issuer has roles" in table(app)["GET /admin"]
