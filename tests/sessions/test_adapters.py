"""``log_in`` and ``log_out`` in each framework: the cookie leaves with any answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from flask import Flask
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from jwtguard import fastapi, flask, starlette
from jwtguard.asgi import GuardMiddleware
from jwtguard.errors import InvalidCredentialsError
from jwtguard.flask import JWTGuard, current_principal
from jwtguard.testing import JWTIssuer
from tests.session_support import HOST, NAME, Site

FORM = {"username": "alice", "password": "wonderland"}
Client = Any


async def sign_in(request: StarletteRequest) -> Response:
    """Sign in by a form; a wrong password is not caught."""
    form = await request.form()
    said = str(form["username"]), str(form["password"])
    principal = await starlette.log_in(request, *said)
    assert request.user.subject == principal.subject
    return RedirectResponse("/me", 303)


async def careful(request: StarletteRequest) -> Response:
    """Sign in by a form; a wrong password is caught."""
    form = await request.form()
    try:
        await starlette.log_in(request, str(form["username"]), str(form["password"]))
    except InvalidCredentialsError as error:
        return JSONResponse({"caught": error.reason}, error.status)
    return RedirectResponse("/me", 303)


async def sign_out(request: StarletteRequest) -> Response:
    """Sign out."""
    await starlette.log_out(request)
    assert not request.user.is_authenticated
    return RedirectResponse("/login", 303)


async def me(request: StarletteRequest) -> Response:
    """Say who is signed in."""
    return JSONResponse({"me": request.user.display_name})


async def live(websocket: WebSocket) -> None:
    """Say it on a WebSocket."""
    await websocket.accept()
    await websocket.send_text(websocket.scope["jwtguard.principal"].subject)
    await websocket.close()


ROUTES = [
    Route("/login", sign_in, methods=["POST"]),
    Route("/careful", careful, methods=["POST"]),
    Route("/logout", sign_out, methods=["POST"]),
    Route("/me", me),
    WebSocketRoute("/live", live),
]


def client_of(app: Any) -> Client:
    return TestClient(
        app, base_url=f"https://{HOST}", follow_redirects=False,
        headers={"Origin": f"https://{HOST}"}, raise_server_exceptions=False,
    )  # fmt: skip


def by_starlette(site: Site) -> Client:
    """The guard is a middleware of the application."""
    middleware = [Middleware(GuardMiddleware, guard=site.guard)]
    return client_of(Starlette(routes=ROUTES, middleware=middleware))


def wrapped(site: Site) -> Client:
    """The guard stands in front of the application."""
    return client_of(GuardMiddleware(Starlette(routes=ROUTES), site.guard))


def mounted(site: Site) -> Client:
    """The application is mounted in another one, whose middleware the guard is."""
    inner = Mount("/", app=Starlette(routes=ROUTES))
    middleware = [Middleware(GuardMiddleware, guard=site.guard)]
    return client_of(Starlette(routes=[inner], middleware=middleware))


def by_fastapi(site: Site) -> Client:
    """The same for FastAPI."""
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=site.guard)

    @app.post("/login")
    async def login(request: Request) -> Response:
        said = dict(httpx.QueryParams((await request.body()).decode()))
        await fastapi.log_in(request, said["username"], said["password"])
        return RedirectResponse("/me", 303)

    @app.post("/logout")
    async def logout(request: Request) -> Response:
        await fastapi.log_out(request)
        return RedirectResponse("/login", 303)

    app.add_api_route("/careful", careful, methods=["POST"], response_model=None)

    @app.get("/me")
    async def who(request: Request) -> dict[str, str]:
        return {"me": request.user.display_name}

    return client_of(app)


class _FlaskClient(httpx.Client):
    """The parts of Starlette's client that these tests use."""


def by_flask(site: Site) -> Client:
    """The same for Flask, not awaited."""
    app = Flask("site")
    JWTGuard(app, site.guard)

    @app.post("/login")
    def login() -> Any:
        form = flask_request.form
        flask.log_in(flask_request, form["username"], form["password"])
        assert current_principal.subject == form["username"]
        return "", 303, {"Location": "/me"}

    @app.post("/careful")
    def careful_view() -> Any:
        form = flask_request.form
        try:
            flask.log_in(flask_request, form["username"], form["password"])
        except InvalidCredentialsError as error:
            return {"caught": error.reason}, error.status
        return "", 303, {"Location": "/me"}

    @app.post("/logout")
    def logout() -> Any:
        flask.log_out(flask_request)
        return "", 303, {"Location": "/login"}

    @app.get("/me")
    def who() -> Any:
        return {"me": current_principal.display_name}

    return _FlaskClient(
        transport=httpx.WSGITransport(app=app),
        base_url=f"https://{HOST}",
        headers={"Origin": f"https://{HOST}"},
    )


WORLDS = {
    "starlette": by_starlette,
    "wrapped": wrapped,
    "mounted": mounted,
    "fastapi": by_fastapi,
    "flask": by_flask,
}


@pytest.fixture
def site(jwt_issuer: JWTIssuer) -> Site:
    """A site whose login pages are public."""
    return Site(jwt_issuer, public_paths=("/login", "/careful"))


@pytest.fixture(params=WORLDS.values(), ids=list(WORLDS))
def client(request: pytest.FixtureRequest, site: Site) -> Client:
    """A browser in front of one framework."""
    make: Callable[[Site], Client] = request.param
    return make(site)


def test_a_form_signs_in_and_out(client: Client, site: Site) -> None:
    """A session begins and ends with cookies only."""
    assert client.get("/me").status_code == 401
    answer = client.post("/login", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    assert answer.headers["cache-control"] == "private, no-store"
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"{NAME}=")
    assert client.get("/me").json() == {"me": "alice"}
    site.issuer.clock.advance(290)
    answer = client.get("/me")
    assert answer.json() == {"me": "alice"}
    assert len(answer.headers.get_list("set-cookie")) == 1
    assert client.get("/me").headers.get_list("set-cookie") == []
    copy = dict(client.cookies)
    answer = client.post("/logout")
    assert answer.status_code == 303
    assert all("Max-Age=0" in one for one in answer.headers.get_list("set-cookie"))
    assert client.get("/me").status_code == 401
    client.cookies.update(copy)
    assert client.get("/me").status_code == 401
    assert site.server.refreshes == 1


def test_an_error_that_is_not_caught_is_answered(client: Client, site: Site) -> None:
    """The response has its status and fields, in every position of the guard."""
    wrong = {**FORM, "password": "wrong"}
    answers = [client.post("/login", data=wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[0].headers["cache-control"] == "no-store"
    other = {**FORM, "username": "bob"}
    site.server.answer = lambda _: httpx.Response(500)
    answer = client.post("/login", data=other)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    for one in [*answers, answer]:
        assert "set-cookie" not in one.headers
        assert "wrong" not in one.text.replace("password is wrong", "")


def test_an_error_can_be_caught_by_its_class(client: Client) -> None:
    """The exception has the status."""
    answer = client.post("/careful", data={**FORM, "password": "wrong"})
    assert answer.status_code == 401
    assert answer.json() == {"caught": "invalid_credentials"}


def test_every_framework_gets_the_answer_of_the_guard(client: Client) -> None:
    """The body is the guard's, in every position of it."""
    answer = client.post("/login", data={**FORM, "password": "x"})
    assert answer.json()["error"] == "invalid_credentials"
    assert answer.headers["content-type"] == "application/json"


def test_a_websocket_is_refreshed_too(site: Site) -> None:
    """The handshake response sets the new cookie, even if it is a refusal."""
    client = by_starlette(site)
    client.post("/login", data=FORM)
    before = client.cookies[NAME]
    site.issuer.clock.advance(290)
    with client.websocket_connect(f"wss://{HOST}/live") as socket:
        assert socket.receive_text() == "alice"
        names = [name for name, _ in socket.extra_headers]
        assert names.count(b"set-cookie") == 1
    site.server.valid.clear()
    site.issuer.clock.advance(400)
    with pytest.raises(WebSocketDenialResponse) as caught:
        client.websocket_connect(f"wss://{HOST}/live").__enter__()
    assert caught.value.status_code == 401
    assert before
