"""Flask: the extension, the decorators and the proxy, in real applications."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from flask import Blueprint, Flask, views
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, HTTPException, Unauthorized
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import TestResponse

from jwtguard import ConfigurationError, Guard
from jwtguard.errors import InvalidTokenError
from jwtguard.flask import (
    JWTGuard,
    current_principal,
    optional_principal,
    require_any_scope,
    require_role,
    require_scope,
)
from jwtguard.testing import JWTIssuer


class World:
    """An application with the views of this module, and an issuer."""

    def __init__(self, issuer: JWTIssuer) -> None:
        self.issuer = issuer
        self.guard = issuer.guard(
            optional_paths=("/optional", "/mixed"), public_paths=("/public",)
        )
        self.app = Flask("world")
        JWTGuard(self.app, self.guard)

    def get(self, path: str, scope: str | None = None, **token: Any) -> TestResponse:
        """GET *path*, with a token unless *scope* is None."""
        headers = {} if scope is None else self.issuer.headers(scope=scope, **token)
        return self.app.test_client().get(path, headers=headers)


@pytest.fixture
def world(jwt_issuer: JWTIssuer) -> World:
    """An empty guarded application."""
    return World(jwt_issuer)


def test_a_view_needs_every_scope_it_names(world: World) -> None:
    """The refusal names them all, as the endpoint's need (RFC 6750 section 3.1)."""

    @world.app.get("/notes")
    @require_scope("notes:read", "notes:write")
    def notes() -> ResponseReturnValue:
        return {"owner": current_principal.subject}

    assert world.get("/notes", "notes:write notes:read").json == {"owner": "alice"}
    refused = world.get("/notes", "notes:read")
    assert refused.status_code == 403
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="notes:read notes:write"' in challenge
    assert refused.headers["Cache-Control"] == "no-store"


def test_one_of_several_scopes_is_enough_where_any_is(world: World) -> None:
    """And none of them is not."""

    @world.app.get("/any")
    @require_any_scope("a", "b")
    def any_of() -> str:
        return "in"

    assert world.get("/any", "b c").status_code == 200
    assert world.get("/any", "c").status_code == 403


def test_a_role_does_not_count_as_a_scope(world: World) -> None:
    """No challenge: asking the issuer for more would not help."""

    @world.app.get("/role")
    @require_role("admin")
    def admin() -> str:
        return "in"

    refused = world.get("/role", "admin")
    assert refused.status_code == 403
    assert "WWW-Authenticate" not in refused.headers


def test_an_async_view_stays_one(world: World) -> None:
    """Flask itself decides how it is run, and the caller is known inside."""

    @world.app.get("/later")
    @require_scope("a")
    async def later() -> dict[str, str]:
        return {"owner": current_principal.subject}

    assert inspect.iscoroutinefunction(later)
    assert later.__name__ == "later"
    assert world.get("/later", "a").json == {"owner": "alice"}
    assert world.get("/later", "b").status_code == 403


def test_class_based_views_are_guarded_whole_or_by_method(world: World) -> None:
    """``decorators`` of the class, and decorated methods, sync and async."""

    class Notes(views.MethodView):
        decorators = [require_scope("read")]  # noqa: RUF012  # as Flask's docs do

        async def get(self, number: int) -> str:
            return f"read {number}"

        @require_scope("write")
        def post(self, number: int) -> str:
            return f"wrote {number}"

    world.app.add_url_rule("/n/<int:number>", view_func=Notes.as_view("notes"))
    assert world.get("/n/7", "read").text == "read 7"
    assert world.get("/n/7", "write").status_code == 403
    client = world.app.test_client()
    post = [
        client.post("/n/7", headers=world.issuer.headers(scope=scope))
        for scope in ("read", "read write")
    ]
    assert [(r.status_code, r.text == "wrote 7") for r in post] == [
        (403, False),
        (200, True),
    ]


def test_a_blueprint_is_protected_at_once_its_children_too(world: World) -> None:
    """No view of it can be forgotten."""
    admin, child = Blueprint("admin", __name__), Blueprint("child", __name__)
    JWTGuard.protect(admin, "admin")
    admin.add_url_rule("/x", "x", lambda: "x")
    child.add_url_rule("/y", "y", lambda: "y")
    admin.register_blueprint(child)
    world.app.register_blueprint(admin, url_prefix="/admin")
    world.app.add_url_rule("/other", "other", lambda: "other")
    for path in ("/admin/x", "/admin/y"):
        assert world.get(path, "admin").status_code == 200
        assert world.get(path, "user").status_code == 403
    assert world.get("/other", "user").status_code == 200


def test_refusals_are_werkzeugs_so_that_error_handlers_see_them(world: World) -> None:
    """401 is an Unauthorized, 403 a Forbidden; each says what we would."""
    seen: list[HTTPException] = []

    def page(error: HTTPException) -> ResponseReturnValue:
        seen.append(error)
        return f"our own page: {error.description}", error.code or 500

    world.app.register_error_handler(401, page)
    world.app.register_error_handler(403, page)
    world.app.add_url_rule("/mixed", "mixed", require_scope("a")(lambda: "in"))
    assert world.get("/mixed").text == "our own page: An access token is required"
    assert "our own page" in world.get("/mixed", "b").text
    assert isinstance(seen[0], Unauthorized)
    assert isinstance(seen[1], Forbidden)


def test_using_the_principal_where_there_is_none_is_401(world: World) -> None:
    """On optional and public paths; with our challenge."""
    for path in ("/optional", "/public"):
        world.app.add_url_rule(path, path, lambda: current_principal.subject)
    for path in ("/optional", "/public"):
        refused = world.get(path)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert world.get("/optional", "").text == "alice"


def test_the_optional_principal_is_none_without_a_token(world: World) -> None:
    """On an optional path; a bad token is refused there."""

    @world.app.get("/optional")
    def optional() -> str:
        who = optional_principal()
        return "nobody" if who is None else who.subject

    assert world.get("/optional").text == "nobody"
    assert world.get("/optional", "").text == "alice"
    bad = {"Authorization": f"Bearer {world.issuer.expired()}"}
    assert world.app.test_client().get("/optional", headers=bad).status_code == 401


def test_the_optional_principal_needs_the_guard() -> None:
    """It is never taken for a request without a token."""
    app = Flask("bare")
    app.testing = True
    app.add_url_rule("/", "root", lambda: str(optional_principal()))
    with pytest.raises(ConfigurationError, match=r"did not pass JWTGuard\(app\)"):
        app.test_client().get("/")


def test_an_error_of_verify_that_leaves_a_view_is_answered(world: World) -> None:
    """A view may verify another token, and need not catch what that raises."""
    other = world.issuer.expired()

    @world.app.get("/second")
    def second() -> str:
        return world.guard.verify(other).subject

    refused = world.get("/second", "")
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_keys_that_cannot_be_had_are_503_there_too(world: World) -> None:
    """Whatever the status, the exception is werkzeug's."""
    world.app.add_url_rule(
        "/public", "public", lambda: world.guard.verify(world.issuer.token()).subject
    )
    world.issuer.down()
    refused = world.get("/public")
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    assert "WWW-Authenticate" not in refused.headers


def test_an_application_factory_guards_each_application_once(
    jwt_guard: Guard,
) -> None:
    """``init_app`` takes a guard of its own; twice would check everything twice."""
    extension, app = JWTGuard(), Flask("one")
    extension.init_app(app, jwt_guard)
    assert app.extensions["jwtguard"] is jwt_guard
    assert app.test_client().get("/").status_code == 401
    with pytest.raises(ConfigurationError, match="guarded already"):
        extension.init_app(app, jwt_guard)
    JWTGuard(guard=jwt_guard).init_app(second := Flask("two"))
    assert second.test_client().get("/").status_code == 401


def test_a_bad_configuration_raises_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In ``JWTGuard(app)``, where the traceback points to the right line."""
    monkeypatch.delenv("JWTGUARD_ISSUER", raising=False)
    app = Flask("bare")
    with pytest.raises(ConfigurationError, match="JWTGUARD_ISSUER"):
        JWTGuard(app)
    assert "jwtguard" not in app.extensions


def test_a_decorator_without_the_guard_refuses_every_request() -> None:
    """And the error says what is missing."""
    app = Flask("bare")
    app.testing = True
    app.add_url_rule("/", "root", require_scope("a")(lambda: "in"))
    with pytest.raises(ConfigurationError, match=r"did not pass JWTGuard\(app\)"):
        app.test_client().get("/")


@pytest.mark.parametrize(
    ("decorate", "names"),
    [
        (require_scope, (lambda: "view",)),
        (require_scope, (["a"],)),
        (require_any_scope, ()),
        (require_any_scope, (1,)),
        (require_role, ("",)),
        (require_role, (lambda: "view",)),
    ],
)
def test_a_wrong_decorator_is_told_at_decoration(decorate: Any, names: Any) -> None:
    """Forgotten parentheses, lists, and no scope at all where one is needed."""
    with pytest.raises(TypeError, match="@require_"):
        decorate(*names)


def test_several_scopes_in_one_string_are_refused() -> None:
    """Nobody would ever hold it."""
    with pytest.raises(ValueError, match="several scopes as arguments"):
        require_scope("a b")


def test_refusals_of_decorators_are_told_to_the_hook(jwt_issuer: JWTIssuer) -> None:
    """With reason and client, like those of the guard itself."""
    told: list[tuple[str, Any]] = []
    guard = Guard(
        jwt_issuer.policy(),
        clock=jwt_issuer.clock,
        transport=jwt_issuer.transport,
        on_event=lambda name, fields: told.append((name, dict(fields))),
    )
    app = Flask("told")
    JWTGuard(app, guard)
    app.add_url_rule("/", "root", require_scope("a")(lambda: "in"))
    app.test_client().get("/", headers=jwt_issuer.headers())
    (fields,) = [fields for name, fields in told if name == "refused"]
    assert (fields["reason"], fields["client_id"]) == ("scope_missing", "spa")


def test_catching_our_errors_in_a_view_works(world: World) -> None:
    """Nothing answers what the view has caught."""

    @world.app.get("/caught")
    def caught() -> str:
        try:
            return world.guard.verify("rubbish").subject
        except InvalidTokenError:
            return "nobody"

    assert world.get("/caught", "").text == "nobody"


def test_a_proxy_fix_inside_the_guard_is_reported(
    jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """It was applied too early: the log says so at start-up, and at each refusal."""
    app = Flask("world")
    app.wsgi_app = Deeper(ProxyFix(app.wsgi_app))  # type: ignore[method-assign]
    caplog.set_level("INFO", "jwtguard")
    JWTGuard(app, jwt_issuer.guard())
    (record,) = caplog.records
    assert (record.levelname, record.__dict__["event"]) == ("WARNING", "misconfigured")
    assert "apply ProxyFix after JWTGuard(app)" in record.getMessage()
    fields = {**jwt_issuer.headers(), "X-Forwarded-Proto": "https"}
    sent: Any = {"base_url": "http://api.example", "headers": fields}
    assert app.test_client().get("/", **sent).status_code == 403
    assert "ProxyFix after JWTGuard(app)" in caplog.records[-1].__dict__["detail"]
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    assert app.test_client().get("/", **sent).status_code == 404


def test_a_proxy_fix_is_fine_where_the_guard_reads_the_fields_itself(
    jwt_issuer: JWTIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Or outside of the guard, or where HTTPS is not required: no warning."""
    for settings in ({"trusted_proxies": ("10.0.0.1",)}, {"require_https": False}):
        app = Flask("world")
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
        JWTGuard(app, jwt_issuer.guard(**settings))
    JWTGuard(Flask("world"), jwt_issuer.guard())
    assert not caplog.records


class Deeper:
    """Another middleware, with the application where werkzeug's have it."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)
