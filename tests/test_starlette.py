"""Starlette: decorators, endpoint classes, WebSockets and ``principal_of``.

Each application runs twice: with the guard among its middleware, and wrapped in it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from jwtguard import ConfigurationError, Guard
from jwtguard.errors import MissingTokenError
from jwtguard.starlette import (
    GuardMiddleware,
    principal_of,
    require_any_scope,
    require_role,
    require_scope,
)
from jwtguard.testing import JWTIssuer


@require_scope("a", "b")
async def notes(request: Request) -> JSONResponse:
    """Need two scopes."""
    return JSONResponse({"owner": principal_of(request).subject})


@require_any_scope("a", "b")
def either(request: Request) -> PlainTextResponse:
    """Need one of two, in a thread."""
    return PlainTextResponse("in")


@require_role("admin")
async def admin(request: Request) -> PlainTextResponse:
    """Need a role."""
    return PlainTextResponse("in")


def _async_of(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    async def made(request: Request) -> Any:
        return endpoint(request)

    return made


def _sync_of(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    def made(request: Request) -> PlainTextResponse:
        return PlainTextResponse("in")

    return made


@require_scope("a")
@_async_of
def made_async(request: Request) -> PlainTextResponse:
    """Another decorator made an async endpoint of this."""
    return PlainTextResponse("in")


@require_scope("a")
@_sync_of
async def made_sync(request: Request) -> PlainTextResponse:
    """Another decorator made a plain endpoint of this."""
    return PlainTextResponse("never")


def _named(name: str, request: Request) -> PlainTextResponse:
    return PlainTextResponse(name)


@require_scope("a")
class Class(HTTPEndpoint):
    """An endpoint class; writing needs more."""

    async def get(self, request: Request) -> Response:
        """Read."""
        return PlainTextResponse("in")

    @require_scope("w")
    def post(self, request: Request) -> Response:
        """Write."""
        return PlainTextResponse("in")


async def who(request: Request) -> JSONResponse:
    """Say who calls."""
    return JSONResponse({"owner": principal_of(request).subject})


async def maybe(request: Request) -> PlainTextResponse:
    """Do without a caller."""
    try:
        return PlainTextResponse(principal_of(request).subject)
    except MissingTokenError:
        return PlainTextResponse("nobody")


@requires("a")
async def native(request: Request) -> PlainTextResponse:
    """Use Starlette's own decorator."""
    return PlainTextResponse(request.user.display_name)


@require_scope("a")
async def chat(websocket: WebSocket) -> None:
    """Greet, and hang up."""
    await websocket.accept()
    await websocket.send_text(principal_of(websocket).subject)
    await websocket.close()


@require_scope("a")
class Chat(WebSocketEndpoint):
    """The same as a class; a second message needs more."""

    encoding = "text"

    async def on_connect(self, websocket: WebSocket) -> None:
        """Greet."""
        await websocket.accept()
        await websocket.send_text(principal_of(websocket).subject)

    @require_scope("w")
    async def on_receive(self, websocket: WebSocket, data: str) -> None:
        """Answer."""
        await websocket.send_text(data)


async def early(websocket: WebSocket) -> None:
    """Ask for the caller before accepting."""
    principal_of(websocket)


async def late(websocket: WebSocket) -> None:
    """Ask for the caller afterwards."""
    await websocket.accept()
    principal_of(websocket)


ROUTES = [
    Route("/notes", notes),
    Route("/either", either),
    Route("/admin", admin),
    Route("/made-async", made_async),
    Route("/made-sync", made_sync),
    Route("/partial", require_scope("a")(functools.partial(_named, "in"))),
    Route("/class", Class),
    Route("/who", who),
    Route("/maybe", maybe),
    Route("/native", native),
    Mount("/mounted", routes=[Route("/notes", notes)]),
    WebSocketRoute("/chat", chat),
    WebSocketRoute("/class-chat", Chat),
    WebSocketRoute("/early", early),
    WebSocketRoute("/late", late),
]
OPEN = ("/who", "/maybe", "/native", "/early", "/late", "/notes", "/chat")


@pytest.fixture(params=["inside", "wrapped"])
def client(request: pytest.FixtureRequest, jwt_issuer: JWTIssuer) -> TestClient:
    """A browser, as it were, on TLS; both places where the guard may stand."""
    guard = jwt_issuer.guard(optional_paths=OPEN)
    app: Any = Starlette(
        routes=ROUTES, middleware=[Middleware(GuardMiddleware, guard=guard)]
    )
    if request.param == "wrapped":
        app = GuardMiddleware(Starlette(routes=ROUTES), guard)
    return TestClient(app, base_url="https://testserver")


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("/notes", "a b c", "a"),
        ("/mounted/notes", "b a", "b"),
        ("/either", "b", "c"),
        ("/made-async", "a", "b"),
        ("/made-sync", "a", "b"),
        ("/partial", "a", "b"),
        ("/class", "a", "w"),
        ("/native", "a", "b"),
    ],
)
def test_whoever_holds_the_scopes_passes(
    client: TestClient, jwt_issuer: JWTIssuer, path: str, good: str, bad: str
) -> None:
    """In functions, threads, partials, classes, mounts and Starlette's own way."""
    passed = client.get(path, headers=jwt_issuer.headers(scope=good))
    assert (passed.status_code, passed.text[:3] != "nev") == (200, True)
    assert client.get(path, headers=jwt_issuer.headers(scope=bad)).status_code == 403


def test_a_refusal_has_the_body_and_the_fields_of_the_guard(
    client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """Status, JSON, challenge and cache rule, wherever the guard stands."""
    refused = client.get("/notes", headers=jwt_issuer.headers(scope="a"))
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.json()["error"] == "insufficient_scope"
    assert 'scope="a b"' in refused.headers["WWW-Authenticate"]
    assert refused.headers["Cache-Control"] == "no-store"
    nobody = client.get("/notes")
    assert nobody.status_code == 401
    assert nobody.headers["WWW-Authenticate"].startswith('Bearer realm="api", DPoP ')


def test_a_role_does_not_count_as_a_scope(
    client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """So its refusal is no challenge."""
    refused = client.get("/admin", headers=jwt_issuer.headers(scope="admin"))
    assert refused.status_code == 403
    assert "WWW-Authenticate" not in refused.headers


def test_a_method_of_a_class_may_need_more(
    client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """What the class needs, and then its own."""
    found = [
        client.post("/class", headers=jwt_issuer.headers(scope=scope)).status_code
        for scope in ("w", "a", "a w")
    ]
    assert found == [403, 403, 200]


def test_principal_without_a_token_is_401_wherever_the_guard_stands(
    client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """Left alone it is answered; caught, it is a MissingTokenError."""
    nobody = client.get("/who")
    assert nobody.status_code == 401
    assert nobody.headers["WWW-Authenticate"].startswith('Bearer realm="api", DPoP ')
    assert client.get("/maybe").text == "nobody"
    assert client.get("/maybe", headers=jwt_issuer.headers()).text == "alice"


WS = "wss://testserver"


@pytest.mark.parametrize("path", ["/chat", "/class-chat"])
def test_a_websocket_endpoint_is_guarded(
    client: TestClient, jwt_issuer: JWTIssuer, path: str
) -> None:
    """As a function and as a class: before accept, with a status."""
    with client.websocket_connect(
        WS + path, headers=jwt_issuer.headers(scope="a")
    ) as socket:
        assert socket.receive_text() == "alice"
    with (
        pytest.raises(WebSocketDenialResponse) as caught,
        client.websocket_connect(WS + path, headers=jwt_issuer.headers(scope="b")),
    ):
        pass
    assert caught.value.status_code == 403


def test_after_accept_a_refusal_closes(
    client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """No response can be sent any more."""
    headers = jwt_issuer.headers(scope="a")
    with client.websocket_connect(WS + "/class-chat", headers=headers) as socket:
        socket.receive_text()
        socket.send_text("more")
        with pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_text()
    assert (caught.value.code, caught.value.reason) == (4403, "scope_missing")


def test_principal_without_a_token_ends_a_websocket(client: TestClient) -> None:
    """Before accept with 401, afterwards with 4401; never by a broken server."""
    with (
        pytest.raises(WebSocketDenialResponse) as caught,
        client.websocket_connect(WS + "/early"),
    ):
        pass
    assert caught.value.status_code == 401
    with (
        client.websocket_connect(WS + "/late") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()
    assert closed.value.code == 4401


def test_without_denial_responses_a_decorator_closes(jwt_issuer: JWTIssuer) -> None:
    """Older servers turn a close before accept into their own 403."""
    guard = jwt_issuer.guard(optional_paths=("/chat",))
    app = GuardMiddleware(Starlette(routes=ROUTES), guard)

    async def older(scope: Any, receive: Any, send: Any) -> None:
        scope["extensions"] = {}
        await app(scope, receive, send)

    client = TestClient(older)
    for headers, code in (({}, 4401), (jwt_issuer.headers(scope="b"), 4403)):
        with (
            pytest.raises(WebSocketDisconnect) as caught,
            client.websocket_connect(WS + "/chat", headers=headers),
        ):
            pass
        assert caught.value.code == code


def test_signature_and_name_stay(jwt_issuer: JWTIssuer) -> None:
    """Starlette asks for both: routes are named, and awaited or not."""
    assert inspect.iscoroutinefunction(notes)
    assert not inspect.iscoroutinefunction(either)
    assert notes.__name__ == "notes"
    assert Class.__name__ == "Class"
    assert issubclass(Class, HTTPEndpoint)
    assert list(inspect.signature(notes).parameters) == ["request"]


def by_annotation(given: HTTPConnection) -> None:
    """Name the parameter as one likes."""


def by_type(given: Any) -> None:
    """See below."""


by_type.__annotations__["given"] = Request


@pytest.mark.parametrize("endpoint", [by_annotation, by_type, lambda conn: None])
def test_a_request_is_known_by_name_or_type(endpoint: Any) -> None:
    """``request``, ``websocket``, or whatever is annotated as one."""
    assert require_scope("a")(endpoint) is not endpoint


@pytest.mark.parametrize("endpoint", [lambda: 1, lambda x: x, int, dict])
def test_an_endpoint_without_a_request_is_a_type_error(endpoint: Any) -> None:
    """At decoration: nothing could be checked later."""
    with pytest.raises(TypeError):
        require_scope("a")(endpoint)


def test_an_endpoint_that_is_called_without_its_request_says_so() -> None:
    """By hand, that is: Starlette never does."""
    with pytest.raises(ConfigurationError, match="without its request"):
        either("request")  # type: ignore[arg-type]


def test_any_of_no_scopes_is_a_mistake() -> None:
    """It would close the endpoint to everybody."""
    with pytest.raises(TypeError, match="at least one scope"):
        require_any_scope()


def test_without_the_middleware_every_request_fails() -> None:
    """And the error says what is missing; it is no HTTPException."""
    client = TestClient(Starlette(routes=ROUTES))
    for path in ("/notes", "/who", "/class"):
        with pytest.raises(ConfigurationError, match="Middleware") as caught:
            client.get(path)
        assert not isinstance(caught.value, HTTPException)


def test_refusals_of_principal_of_are_told(jwt_issuer: JWTIssuer) -> None:
    """Once each, wherever they are answered."""
    told: list[Any] = []
    guard = Guard(
        jwt_issuer.policy(optional_paths=OPEN),
        clock=jwt_issuer.clock,
        transport=jwt_issuer.transport,
        on_event=lambda name, fields: told.append((name, fields["reason"])),
    )
    app = Starlette(
        routes=ROUTES, middleware=[Middleware(GuardMiddleware, guard=guard)]
    )
    TestClient(app, base_url="https://testserver").get("/who")
    assert told == [("refused", "no_credentials")]
