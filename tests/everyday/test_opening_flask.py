"""``@public`` and ``@optional`` in Flask: what they open, and what stays closed."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter, Rule, ValidationError

from jwtguard import ClaimRule, ConfigurationError, Guard, ScopeRule, wsgi
from jwtguard.errors import MissingTokenError
from jwtguard.flask import JWTGuard, current_principal, optional, public, require_scope
from jwtguard.testing import JWTIssuer

BASE = "https://api.example"


@pytest.fixture
def guard(jwt_issuer: JWTIssuer) -> Guard:
    return jwt_issuer.guard()


@pytest.fixture
def app() -> Flask:
    made = Flask("opened")
    made.testing = True
    return made


def status(app: Flask, path: str, method: str = "GET", **given: Any) -> int:
    """Return the status of a request without a token, unless one is given."""
    return app.test_client().open(path, BASE, method=method, **given).status_code


def fresh() -> Any:
    """Return a function that no other test has decorated."""

    def made() -> str:
        return "in"

    return made


def closed() -> str:
    return "secret"


def test_a_public_view_needs_no_token(
    app: Flask, guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """And reads none: a bad one makes no difference. All other paths stay closed."""

    @app.get("/open")
    @public
    def opened() -> str:
        with pytest.raises(MissingTokenError):
            current_principal.subject  # noqa: B018
        return "in"

    app.add_url_rule("/closed", view_func=closed)
    JWTGuard(app, guard)
    bad = {"Authorization": "Bearer x"}
    assert status(app, "/open") == 200
    assert status(app, "/open", headers=bad) == 200
    assert status(app, "/open", headers=jwt_issuer.headers()) == 200
    assert status(app, "/open", "HEAD") == 200
    assert status(app, "/open", "OPTIONS") == 200
    for path in ("/closed", "/nothing", "/open/", "/OPEN", "//open", "/open;x"):
        assert status(app, path) == 401, path
    assert status(app, "/open", "POST") == 401
    assert status(app, "/closed", headers=jwt_issuer.headers()) == 200


def test_an_optional_view_knows_its_caller(
    app: Flask, guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """If there is a token: a bad one is refused."""
    seen: list[Any] = []

    @app.get("/who")
    @optional
    def who() -> str:
        from flask import request

        seen.append(request.environ["jwtguard.principal"])
        return "in"

    JWTGuard(app, guard)
    assert status(app, "/who") == 200
    assert status(app, "/who", headers=jwt_issuer.headers()) == 200
    assert status(app, "/who", headers={"Authorization": "Bearer x"}) == 401
    assert seen[0] is None
    assert seen[1].subject == "alice"


def test_async_views_and_blueprints(app: Flask, guard: Guard) -> None:
    """Nested ones too, with prefixes and converters."""
    outer, inner = Blueprint("outer", "x"), Blueprint("inner", "x")

    @inner.get("/notes/<int:number>")
    @public
    async def note(number: int) -> str:
        return str(number)

    @inner.get("/notes/<name>")
    def named(name: str) -> str:
        return name

    outer.register_blueprint(inner, url_prefix="/v1")
    app.register_blueprint(outer, url_prefix="/api")
    JWTGuard(app, guard)
    assert status(app, "/api/v1/notes/1") == 200
    assert status(app, "/api/v1/notes/one") == 401
    assert status(app, "/notes/1") == 401


def test_two_views_of_one_path(app: Flask, guard: Guard, jwt_issuer: JWTIssuer) -> None:
    """Each method has its own view; the first of two for one method runs."""
    app.add_url_rule("/x", "get", public(fresh()), methods=["GET"])
    app.add_url_rule("/x", "post", closed, methods=["POST"])
    app.add_url_rule("/y", "first", closed)
    app.add_url_rule("/y", "second", public(lambda: "never"))
    JWTGuard(app, guard)
    assert status(app, "/x") == 200
    assert status(app, "/x", "POST") == 401
    assert status(app, "/x", "POST", headers=jwt_issuer.headers()) == 200
    assert status(app, "/y") == 401
    # Some middleware takes another method out of a field: not Flask, nor the guard.
    override = {"X-HTTP-Method-Override": "POST"}
    assert status(app, "/x", headers=override) == 200


def test_a_catch_all_opens_only_what_it_gets(app: Flask, guard: Guard) -> None:
    """The router decides which of two is closer, not the order of their names."""
    app.add_url_rule("/<path:rest>", "any", public(lambda rest: rest))
    app.add_url_rule("/admin/<name>", "admin", lambda name: name)
    app.add_url_rule("/admin/<path:rest>", "deep", lambda rest: rest)
    JWTGuard(app, guard)
    assert status(app, "/about/us") == 200
    for path in ("/admin/x", "/admin/x/y", "/admin//x", "/admin/../admin/x"):
        assert status(app, path) == 401, path


def test_slashes_and_redirects_lead_to_no_view(app: Flask, guard: Guard) -> None:
    """A redirect is not the page: it needs a token, and the page does not."""
    app.add_url_rule("/about/", "about", public(fresh()))
    app.add_url_rule("/<word>", "word", lambda word: word)
    app.add_url_rule("/old", "old", public(fresh()), redirect_to="/about/")
    JWTGuard(app, guard)
    assert status(app, "/about/") == 200
    assert status(app, "/about") == 401
    assert status(app, "/old") == 401


class Method(MethodView):
    """One method is open, and one is not."""

    @public
    def get(self) -> str:
        """Show."""
        return "in"

    def post(self) -> str:
        """Change."""
        return "changed"


class Below(Method):
    """Another class: what it inherits is what it runs."""

    def get(self) -> str:
        """Show something else."""
        return "secret"


class Strange(Method):
    """A class that calls what it likes."""

    def dispatch_request(self, **kwargs: Any) -> Any:
        """Call the other one."""
        return self.post()


class Whole(View):
    """A class that is open."""

    decorators = [public]  # noqa: RUF012

    def dispatch_request(self) -> str:
        """Show."""
        return "in"


def test_classes_are_opened_by_method_or_by_decorators(
    app: Flask, guard: Guard
) -> None:
    """A class below another opens only what it runs of it."""
    for name, kind in (("m", Method), ("b", Below), ("s", Strange), ("w", Whole)):
        app.add_url_rule(f"/{name}", view_func=kind.as_view(name))
    JWTGuard(app, guard)
    assert status(app, "/m") == 200
    assert status(app, "/m", "HEAD") == 200
    assert status(app, "/m", "POST") == 401
    assert status(app, "/b") == 401
    assert status(app, "/s") == 401
    assert status(app, "/w") == 200
    with pytest.raises(TypeError, match="decorators = "):
        public(Method)


def test_rules_outweigh_what_a_handler_says(jwt_issuer: JWTIssuer) -> None:
    """A path that needs a scope, a login or a claim needs it still."""
    guard = jwt_issuer.guard(
        scopes=[
            ScopeRule(path="/s", require="a"),
            ScopeRule(path="/acr", acr="mfa"),
            ScopeRule(path="/age", max_age=60),
            ScopeRule(path="/any"),
        ],
        rules=[ClaimRule(path="/c", claims={"a": "b"})],
        token_paths=["/oauth/token"],
    )
    app = Flask("opened")
    for path in ("/s", "/acr", "/age", "/c", "/any", "/none", "/oauth/token"):
        app.add_url_rule(path, path[1:], public(fresh()), methods=["GET", "POST"])
    JWTGuard(app, guard)
    for path in ("/s", "/acr", "/age", "/c"):
        assert status(app, path) == 401, path
    assert status(app, "/oauth/token") == 405
    assert status(app, "/any") == 200
    assert status(app, "/none") == 200, "no rule names it, and its handler opens it"


def test_a_foreign_form_is_refused_where_a_cookie_is_set(jwt_issuer: JWTIssuer) -> None:
    """Login is public, too: no other page may sign visitors in."""
    app = Flask("opened")
    app.add_url_rule("/login", "login", public(fresh()), methods=["POST"])
    JWTGuard(app, jwt_issuer.guard(cookie="token"))
    assert status(app, "/login", "POST") == 200
    evil = {"Origin": "https://evil.example"}
    assert status(app, "/login", "POST", headers=evil) == 403


class Flipping(BaseConverter):
    """A converter that asks a database."""

    known = False

    def to_python(self, value: str) -> str:
        """Match what is known by now."""
        if not self.known:
            raise ValidationError
        return value


def test_a_converter_that_changes_its_mind_is_asked_each_time(
    app: Flask, guard: Guard
) -> None:
    """What was public before is not remembered."""
    app.url_map.converters["flip"] = Flipping
    app.add_url_rule("/<flip:name>", "x", public(lambda name: name))
    JWTGuard(app, guard)
    assert status(app, "/x") == 401
    Flipping.known = True
    try:
        assert status(app, "/x") == 200
    finally:
        Flipping.known = False
    assert status(app, "/x") == 401


def test_hosts_have_views_of_their_own(jwt_issuer: JWTIssuer) -> None:
    """What is open on one host is not on another."""
    app = Flask("hosts", host_matching=True, static_host="static.example")
    app.add_url_rule("/x", "open", public(fresh()), host="open.example")
    app.add_url_rule("/x", "closed", closed, host="closed.example")
    JWTGuard(app, jwt_issuer.guard())
    for _ in range(2):
        for host, expected in (("open", 200), ("closed", 401), ("other", 401)):
            client = app.test_client()
            answer = client.get("/x", base_url=f"https://{host}.example")
            assert answer.status_code == expected, host


def test_what_is_remembered_is_bounded(app: Flask, guard: Guard) -> None:
    """Strangers choose the paths."""
    app.add_url_rule("/<path:rest>", "any", public(lambda rest: "in"))
    JWTGuard(app, guard)
    opener: Any = app.wsgi_app.endpoints.opener  # type: ignore[attr-defined]
    for number in range(1100):
        assert status(app, f"/{number}") == 200
    assert len(opener._known) <= 1024
    before = len(opener._known)
    assert status(app, "/" + "x" * 500) == 200
    assert len(opener._known) == before


def _rewriting(inner: Any) -> Any:
    def rewriting(environ: Any, start: Any) -> Any:
        environ["PATH_INFO"] = "/closed"
        return inner(environ, start)

    return rewriting


class Rewriting:
    """A middleware that the guard does not know."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start: Any) -> Any:
        """Go elsewhere."""
        return _rewriting(self.app)(environ, start)


@pytest.mark.parametrize(
    "inside",
    [
        Rewriting,
        _rewriting,
        ProxyFix,
        lambda inner: DispatcherMiddleware(inner, {"/admin": inner}),
    ],
)
def test_what_may_lead_elsewhere_is_an_error_at_the_start(
    app: Flask, guard: Guard, inside: Any
) -> None:
    """Between the guard and the router: the remedy is to put it outside."""
    app.add_url_rule("/x", "x", public(fresh()))
    app.wsgi_app = inside(app.wsgi_app)  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError, match="@public cannot work here"):
        JWTGuard(app, guard)


def test_outside_of_the_guard_anything_may_stand(app: Flask, guard: Guard) -> None:
    """It changes the request before the guard sees it."""
    app.add_url_rule("/closed", "x", public(fresh()))
    JWTGuard(app, guard)
    inner: Any = app.wsgi_app
    app.wsgi_app = _rewriting(inner)  # type: ignore[method-assign]
    assert status(app, "/anything") == 200


class OwnDispatch(Flask):
    """An application that calls what it likes."""

    def dispatch_request(self) -> Any:
        """Call another view."""
        return "secret"


class OwnAdapter(Flask):
    """An application that routes as it likes."""

    def create_url_adapter(self, request: Any) -> Any:
        """Route elsewhere."""
        return super().create_url_adapter(request)


@pytest.mark.parametrize("kind", [OwnDispatch, OwnAdapter])
def test_an_application_that_routes_by_itself_is_an_error(
    kind: type[Flask], guard: Guard
) -> None:
    """Its router may not be the one that was asked."""
    app = kind("own")
    app.add_url_rule("/x", "x", public(fresh()))
    with pytest.raises(ConfigurationError, match=kind.__name__):
        JWTGuard(app, guard)


def test_a_decorator_above_the_route_is_an_error(app: Flask, guard: Guard) -> None:
    """Flask has the function without the mark."""
    public(app.get("/x")(fresh()))
    with pytest.raises(ConfigurationError, match="@public has no effect"):
        JWTGuard(app, guard)


def test_a_function_that_two_routes_share_is_opened_for_neither_by_the_other(
    app: Flask, guard: Guard
) -> None:
    """The mark is on the function that ``public`` returned; the mix is an error."""
    shared = fresh()
    public(shared)
    app.add_url_rule("/closed", "closed", shared)
    with pytest.raises(ConfigurationError, match="meant to need a token"):
        JWTGuard(app, guard)


def test_conditional_decorators_open_what_they_decorate(
    app: Flask, guard: Guard
) -> None:
    """And nothing else."""

    def maybe(on: bool) -> Any:
        return public if on else lambda function: function

    app.add_url_rule("/on", "on", maybe(True)(fresh()))
    app.add_url_rule("/off", "off", maybe(False)(fresh()))
    JWTGuard(app, guard)
    assert status(app, "/on") == 200
    assert status(app, "/off") == 401


@pytest.mark.parametrize("order", [0, 1])
def test_public_and_a_requirement_contradict_each_other(
    app: Flask, guard: Guard, order: int
) -> None:
    """In either order: no token is read, so nobody could meet it."""
    decorators: list[Any] = [public, require_scope("a")]
    function = fresh()
    for decorator in decorators[order:] + decorators[:order]:
        function = decorator(function)
    app.add_url_rule("/x", "x", function)
    with pytest.raises(ConfigurationError, match="contradict each other"):
        JWTGuard(app, guard)


def test_a_protected_blueprint_stays_protected(
    app: Flask, guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """What runs before the view asks for a caller, and finds none."""
    blueprint = Blueprint("part", "x")
    JWTGuard.protect(blueprint, "a")
    blueprint.add_url_rule("/x", "x", public(fresh()))
    app.register_blueprint(blueprint)
    JWTGuard(app, guard)
    assert status(app, "/x") == 401


@pytest.mark.parametrize("wrong", [public, optional])
@pytest.mark.parametrize("given", [None, "/x", 1, ("a",)])
def test_what_is_no_handler_is_a_type_error(wrong: Any, given: Any) -> None:
    """``@public()`` or ``@public("/x")``: it has no arguments."""
    with pytest.raises(TypeError, match="without brackets"):
        wrong(given)


def test_a_mark_on_what_runs_before_is_an_error(app: Flask, guard: Guard) -> None:
    """It is no handler of a route."""
    app.before_request(public(fresh()))
    with pytest.raises(ConfigurationError, match="among the routes"):
        JWTGuard(app, guard)


def test_the_wsgi_middleware_opens_too(app: Flask, guard: Guard) -> None:
    """Around the application, or its ``wsgi_app``; behind another guard."""
    app.add_url_rule("/x", "x", public(fresh()))
    app.add_url_rule("/y", "y", closed)
    for around in (app, app.wsgi_app):
        front = Flask("front")
        front.wsgi_app = wsgi.GuardMiddleware(around, guard)  # type: ignore[method-assign]
        assert status(front, "/x") == 200
        assert status(front, "/y") == 401
    JWTGuard(app, guard)
    front.wsgi_app = wsgi.GuardMiddleware(app, guard)  # type: ignore[method-assign]
    assert status(front, "/x") == 200
    assert status(front, "/y") == 401


def test_a_custom_rule_is_asked_each_time(app: Flask, guard: Guard) -> None:
    """A rule of the application's own may match by anything."""

    class OwnRule(Rule):
        """The same, by another name."""

    app.url_rule_class = OwnRule
    app.add_url_rule("/x", "x", public(fresh()))
    JWTGuard(app, guard)
    assert status(app, "/x") == 200
    opener: Any = app.wsgi_app.endpoints.opener  # type: ignore[attr-defined]
    assert not opener._known


def test_a_mount_takes_its_part_of_the_path(app: Flask, guard: Guard) -> None:
    """SCRIPT_NAME is no part of what is routed."""
    app.add_url_rule("/x", "x", public(fresh()))
    JWTGuard(app, guard)
    client = app.test_client()
    answer = client.get("/x", base_url=f"{BASE}/api")
    assert answer.status_code == 200
