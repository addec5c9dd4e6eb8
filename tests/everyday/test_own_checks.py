"""``require(check)`` in every framework: what passes, and what is answered else."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from jwtguard import Guard, Principal, starlette
from jwtguard.asgi import GuardMiddleware
from jwtguard.errors import AccessDeniedError
from jwtguard.testing import JWTIssuer
from tests.everyday.apps import APPS, Send

Told = list[dict[str, Any]]


@pytest.fixture(params=APPS)
def world(request: pytest.FixtureRequest) -> Any:
    return APPS[request.param]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def guard(jwt_issuer: JWTIssuer, told: Told) -> Guard:
    return Guard(
        jwt_issuer.policy(),
        clock=jwt_issuer.clock,
        transport=jwt_issuer.transport,
        on_event=lambda event, fields: told.append({"event": event, **fields}),
    )


@contextmanager
def strict() -> Iterator[None]:
    """Nobody forgets to await, and nobody is told of it by a warning only."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield
        gc.collect()


def asked(send: Send, issuer: JWTIssuer, **token: Any) -> Any:
    return send("GET", "/x", headers=issuer.headers(**token))


def plain(who: Principal) -> bool:
    return who.subject == "alice"


async def waits(who: Principal) -> bool:
    return who.subject == "alice"


def sees(who: Principal, request: Any) -> bool:
    return who.subject == "alice" and request.method == "GET"


async def waits_and_sees(who: Principal, request: Any) -> bool:
    return who.subject == "alice" and request.url is not None


@pytest.mark.parametrize("check", [plain, waits, sees, waits_and_sees])
def test_only_those_pass_for_whom_the_check_is_true(
    world: Any, guard: Guard, told: Told, jwt_issuer: JWTIssuer, check: Any
) -> None:
    """Everybody else gets 403, whose body and header fields are the guard's."""
    ran: list[str] = []
    send = world(guard, lambda of: of.require(check, "not_mine"), ran)
    with strict():
        for _ in range(2):
            assert asked(send, jwt_issuer).status_code == 200
            refused = asked(send, jwt_issuer, subject="bob")
            assert refused.status_code == 403
            assert refused.json() == {
                "error": "access_denied",
                "error_description": "The caller may not do this",
            }
            assert "www-authenticate" not in refused.headers
            assert refused.headers["cache-control"] == "no-store"
    assert len(ran) == 2
    reasons = [one["reason"] for one in told if one["event"] == "refused"]
    assert reasons == ["not_mine", "not_mine"]


def forgets(who: Principal) -> Any:
    return waits(who)


@pytest.mark.parametrize(
    "check",
    [lambda _: 1, lambda _: "yes", lambda _: None, forgets, lambda who: who],
)
def test_nothing_but_true_passes(
    world: Any, guard: Guard, jwt_issuer: JWTIssuer, check: Any
) -> None:
    """A coroutine that nobody awaited among it: it is closed."""
    ran: list[str] = []
    send = world(guard, lambda of: of.require(check), ran)
    with strict():
        assert asked(send, jwt_issuer).status_code == 403
    assert not ran


def raises(_: Principal) -> bool:
    raise LookupError("no such note")


async def raises_later(_: Principal) -> bool:
    raise LookupError("no such note")


@pytest.mark.parametrize("check", [raises, raises_later])
def test_an_exception_is_a_500_of_the_application(
    world: Any, guard: Guard, told: Told, jwt_issuer: JWTIssuer, check: Any
) -> None:
    """Never a pass, and never told as a refusal."""
    ran: list[str] = []
    send = world(guard, lambda of: of.require(check), ran)
    assert asked(send, jwt_issuer).status_code == 500
    assert not ran
    assert not [one for one in told if one["event"] == "refused"]


def denies(_: Principal) -> bool:
    raise AccessDeniedError("role_missing")


def test_a_refusal_that_a_check_raises_is_answered_as_a_handlers(
    world: Any, guard: Guard, told: Told, jwt_issuer: JWTIssuer
) -> None:
    """And told once."""
    ran: list[str] = []
    send = world(guard, lambda of: of.require(denies), ran)
    refused = asked(send, jwt_issuer)
    assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")
    assert not ran
    reasons = [one["reason"] for one in told if one["event"] == "refused"]
    assert reasons == ["role_missing"]


def test_nobody_is_asked_for_a_token(world: Any, jwt_issuer: JWTIssuer) -> None:
    """On an optional path too, where the handler is reached without one."""
    ran: list[str] = []
    guard = jwt_issuer.guard(optional_paths=["/x"])
    send = world(guard, lambda of: of.require(raises), ran)
    refused = send("GET", "/x")
    assert (refused.status_code, refused.json()["error"]) == (401, "missing_token")
    assert not ran


@pytest.mark.parametrize("name", ["starlette_async", "fastapi_async"])
def test_a_plain_check_does_not_block_the_event_loop(
    name: str, guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """It runs in a thread, like the plain functions of the framework itself."""
    threads: list[int] = []

    def check(_: Principal) -> bool:
        threads.append(threading.get_ident())
        return True

    async def here(_: Principal) -> bool:
        threads.append(threading.get_ident())
        return True

    def both(of: Any) -> Any:
        return lambda handler: of.require(here)(of.require(check)(handler))

    send = APPS[name](guard, both, [])
    assert asked(send, jwt_issuer).status_code == 200
    assert threads[0] != threads[1]


def test_checks_stack(world: Any, guard: Guard, jwt_issuer: JWTIssuer) -> None:
    """The outermost refuses first; all of them have to pass."""
    ran: list[str] = []

    def stacked(of: Any) -> Any:
        return lambda handler: of.require_scope("a")(
            of.require(waits, "not_mine")(of.require(plain)(handler))
        )

    send = world(guard, stacked, ran)
    assert asked(send, jwt_issuer).json()["error"] == "insufficient_scope"
    assert asked(send, jwt_issuer, scope="a", subject="bob").status_code == 403
    assert not ran
    assert asked(send, jwt_issuer, scope="a").status_code == 200


def test_a_websocket_is_checked_too(guard: Guard, jwt_issuer: JWTIssuer) -> None:
    """The check gets the WebSocket."""
    kinds: list[str] = []

    async def check(who: Principal, socket: Any) -> bool:
        kinds.append(type(socket).__name__)
        return who.subject == "alice"

    @starlette.require(check)
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("in")
        await websocket.close()

    app = Starlette(routes=[WebSocketRoute("/x", endpoint)])
    client = TestClient(GuardMiddleware(app, guard))
    url = "wss://api.example/x"
    with client.websocket_connect(url, headers=jwt_issuer.headers()) as socket:
        assert socket.receive_text() == "in"
    bob = jwt_issuer.headers(subject="bob")
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(url, headers=bob),
    ):
        pass
    assert refused.value.status_code == 403
    assert kinds == ["WebSocket", "WebSocket"]
