"""Applications with a root path of their own are refused before they are routed to."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from hypercorn.middleware import DispatcherMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route
from starlette.testclient import TestClient

from jwtguard import ConfigurationError, ScopeRule
from jwtguard.application.roots import own_roots
from jwtguard.asgi import GuardMiddleware
from jwtguard.testing import JWTIssuer

RULES = (ScopeRule(path="/admin/*", require=("admin",)), ScopeRule(path="/*"))


def rooted(root: str = "/api", **more: Any) -> FastAPI:
    """Return an application that says itself where it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # FastAPI advises against it
        app = FastAPI(root_path=root, openapi_url=None, **more)

    @app.get("/admin/x")
    def admin() -> str:
        return "secret"

    return app


def included() -> FastAPI:
    """Return an application that mounts another one in a router."""
    app, router = FastAPI(), APIRouter()
    router.mount("/sub", rooted())
    app.include_router(router, prefix="/p")
    return app


KEEPS_MOUNTS = any(hasattr(route, "original_router") for route in included().routes)
"""FastAPI before 0.137 drops what is mounted in a router that is included."""


def dispatched(app: Any) -> DispatcherMiddleware:
    """Return hypercorn's way to serve several applications."""
    return DispatcherMiddleware({"/v1": app})


SEEN: dict[str, Any] = {
    "plain": rooted,
    "behind middleware": lambda: GZipMiddleware(rooted()),
    "mounted at /": lambda: Starlette(routes=[Mount("/", app=rooted())]),
    "mounted elsewhere": lambda: Starlette(routes=[Mount("/v1", app=rooted())]),
    "at a host": lambda: Starlette(routes=[Host("a.example", app=rooted())]),
    "mounted twice": lambda: Starlette(
        routes=[Mount("/v1", routes=[Mount("/v2", app=rooted())])]
    ),
    "mounted in a router": included,
    "dispatched by path": lambda: dispatched(rooted()),
    "with another slash": lambda: Starlette(
        routes=[Mount("/api", app=rooted("/api/"))]
    ),
}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            make,
            id=name,
            marks=pytest.mark.skipif(
                make is included and not KEEPS_MOUNTS,
                reason="this FastAPI does not route to it: see the next test",
            ),
        )
        for name, make in SEEN.items()
    ],
)
def test_a_root_path_behind_the_guard_fails_start_and_requests(
    jwt_issuer: JWTIssuer, make: Any
) -> None:
    """200 for ``/api/admin/x`` without the scope, otherwise: FastAPI takes /api off."""
    guarded = GuardMiddleware(make(), jwt_issuer.guard(scopes=RULES))
    with pytest.raises(ConfigurationError, match="root_path") as caught:
        TestClient(guarded).get("/api/admin/x", headers=jwt_issuer.headers())
    assert "/api" in str(caught.value)
    with (
        pytest.raises(ConfigurationError, match="root_path"),
        TestClient(guarded),
    ):
        pass
    with pytest.raises(ConfigurationError, match="root_path"):
        TestClient(guarded).websocket_connect("/api/live").__enter__()


@pytest.mark.parametrize("prefix", ["", "/p", "/api"])
def test_what_is_mounted_in_a_router_is_seen_unless_it_cannot_be_reached(
    prefix: str,
) -> None:
    """FastAPI before 0.137 drops such a mount, whatever its prefix is: always 404."""
    inner = rooted()
    inner.mount("/", answers)
    app, router = FastAPI(openapi_url=None), APIRouter()
    router.mount("/sub", inner)
    app.include_router(router, prefix=prefix)
    if not list(own_roots(app)):
        assert not KEEPS_MOUNTS
        client = TestClient(app)
        for path in ("/sub/x", "/api/sub/x", "/api/x", "/x", "/sub/api/x"):
            for tried in (path, prefix + path):
                assert client.get(tried).status_code == 404


async def answers(scope: Any, receive: Any, send: Any) -> None:
    """Answer every request."""
    await PlainTextResponse("secret")(scope, receive, send)


def test_the_guard_inside_of_the_outer_application_sees_it_too(
    jwt_issuer: JWTIssuer,
) -> None:
    """Middleware of the outer one, and the root path of what it mounts."""
    layers = [Middleware(GuardMiddleware, guard=jwt_issuer.guard(scopes=RULES))]
    outer = Starlette(routes=[Mount("/", app=rooted())], middleware=layers)
    with pytest.raises(ConfigurationError, match="root_path"):
        TestClient(outer).get("/api/admin/x", headers=jwt_issuer.headers())


@pytest.mark.parametrize(
    "path", ["/admin/x", "/api/admin/x", "/api/api/admin/x", "/API/admin/x"]
)
def test_a_guard_inside_of_the_rooted_application_judges_what_it_routes(
    jwt_issuer: JWTIssuer, path: str
) -> None:
    """It stands behind the place where the root path is set."""
    guard = jwt_issuer.guard(scopes=RULES)
    client = TestClient(
        rooted(middleware=[Middleware(GuardMiddleware, guard=guard)]),
        base_url="https://testserver",
    )
    assert client.get(path, headers=jwt_issuer.headers()).status_code in (400, 403, 404)
    if path in ("/admin/x", "/api/admin/x"):
        rich = jwt_issuer.headers(scope="admin")
        assert client.get(path, headers=rich).status_code == 200


def test_a_root_path_that_is_the_mount_changes_nothing(jwt_issuer: JWTIssuer) -> None:
    """The outer application says the same of it."""
    rules = (ScopeRule(path="/api/admin/*", require=("admin",)), ScopeRule(path="/*"))
    app = Starlette(routes=[Mount("/api", app=rooted())])
    client = TestClient(
        GuardMiddleware(app, jwt_issuer.guard(scopes=rules)),
        base_url="https://testserver",
    )
    for scope, status in (("", 403), ("admin", 200)):
        headers = jwt_issuer.headers(scope=scope)
        assert client.get("/api/admin/x", headers=headers).status_code == status


def test_what_cannot_be_read_is_left_alone() -> None:
    """An odd application is no reason to fail; it is not looked at for ever."""

    class Odd:
        routes = 5

        def __call__(self) -> None: ...

        @property
        def app(self) -> Any:
            return Odd()

        @property
        def mounts(self) -> Any:
            raise RuntimeError("outside of a request")

    assert list(own_roots(Odd())) == []
    assert list(own_roots(None)) == []
    assert list(own_roots(FastAPI())) == []
    plain = Starlette(routes=[Route("/", endpoint=lambda request: None)])
    assert list(own_roots(plain)) == []
    assert list(own_roots(rooted("/"))) == []


@pytest.mark.slow
@pytest.mark.parametrize("wrapped", ["{}", "Starlette(routes=[Mount('/', app={})])"])
def test_django_with_force_script_name(wrapped: str) -> None:
    """Its ASGI handler takes the prefix off, wherever the server says that it is."""
    app = wrapped.format("get_asgi_application()")
    code = f"""
        import django
        from django.conf import settings
        settings.configure(
            ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], FORCE_SCRIPT_NAME="/api"
        )
        django.setup()
        urlpatterns = []
        from django.core.asgi import get_asgi_application
        from starlette.applications import Starlette
        from starlette.routing import Mount
        from starlette.testclient import TestClient
        from jwtguard.asgi import GuardMiddleware
        from jwtguard.testing import JWTIssuer
        app = {app}
        client = TestClient(GuardMiddleware(app, JWTIssuer(alg="ES256").guard()))
        client.get("/api/admin/x")
    """
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
    )
    message = ran.stderr.splitlines()[-1]
    assert message.startswith("jwtguard.errors.ConfigurationError: FORCE_SCRIPT_NAME")
    assert "--root-path /api" in message
