"""The token header behind every adapter: websockets, applications, and the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from jwtguard import Guard
from jwtguard.adapters import Proceed, Request, Respond
from jwtguard.starlette import GuardMiddleware, principal_of
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware as WSGIGuard
from tests.wire.worlds import Ask, _environ

NAME = "X-Access-Token"


@pytest.fixture
def guard(jwt_issuer: JWTIssuer) -> Guard:
    """A guard that reads the field from one address."""
    policy = jwt_issuer.policy(token_header=NAME, trusted_proxies=("10.0.0.1",))
    return Guard(policy, clock=jwt_issuer.clock, transport=jwt_issuer.transport)


def ask(guard: Guard, value: str, peer: str = "10.0.0.1", **more: Any) -> Any:
    """Decide a request with the field."""
    request = Request("GET", "/x", {NAME.lower(): (value,)}, peer=peer, **more)
    return guard.decide(request)


def test_known_and_new_tokens_are_found_alike(
    guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """The second request with a token is as good as the first."""
    token = jwt_issuer.token()
    for _ in range(2):
        decision = ask(guard, token)
        assert isinstance(decision, Proceed)
        assert (decision.carrier, decision.principal is None) == ("header", False)


@pytest.mark.parametrize(
    ("peer", "value"), [("192.0.2.1", "a.secret.token"), ("10.0.0.1", " ")]
)
def test_the_log_says_that_the_field_was_not_read(
    peer: str, value: str, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    """With its name, and never with its value."""
    caplog.set_level(logging.INFO, "jwtguard")
    decision = ask(guard, value, peer)
    assert isinstance(decision, Respond)
    assert decision.reason == "no_credentials"
    detail = caplog.records[-1].__dict__["detail"]
    assert detail.startswith("x-access-token is empty, or not read because")
    assert "secret" not in caplog.text


def test_a_token_beside_a_subprotocol_is_one_too_many(
    guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """Also where both are the same."""
    token = jwt_issuer.token()
    decision = ask(guard, token, websocket=True, subprotocols=("bearer", token))
    assert (decision.status, decision.reason) == (400, "token_repeated")


def test_the_application_does_not_see_the_field(
    guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """Nor would it see what a stranger has sent there."""
    seen: dict[str, Any] = {}

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return []

    status: list[str] = []
    authorization = ("Authorization", jwt_issuer.headers()["Authorization"])
    for peer, more in (("10.0.0.1", ()), ("192.0.2.1", (authorization,))):
        fields = ((NAME, jwt_issuer.token()), ("X-Other", "1"), *more)
        environ = _environ(Ask(headers=fields, peer=peer))
        seen.clear()
        WSGIGuard(application, guard)(environ, lambda s, *_: status.append(s))  # type: ignore[arg-type]
        assert seen["HTTP_X_OTHER"] == "1"
        assert "HTTP_X_ACCESS_TOKEN" not in seen
    assert status == ["200 OK"] * 2


def coming_from(address: str, app: Any) -> Any:
    """Return *app* as one address reaches it; older TestClients cannot set that."""

    async def reached(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": (address, 1)}, receive, send)

    return reached


def test_a_websocket_may_bring_it(jwt_issuer: JWTIssuer) -> None:
    """As any request that a proxy hands on."""

    async def endpoint(websocket: Any) -> None:
        await websocket.accept()
        await websocket.send_text(principal_of(websocket).subject)
        await websocket.close()

    policy = jwt_issuer.policy(token_header=NAME, trusted_proxies=("10.0.0.1",))
    guard = Guard(policy, clock=jwt_issuer.clock, transport=jwt_issuer.transport)
    app = Starlette(
        routes=[WebSocketRoute("/feed", endpoint)],
        middleware=[Middleware(GuardMiddleware, guard=guard)],
    )
    url, token = "wss://localhost/feed", jwt_issuer.token()
    by_proxy = TestClient(coming_from("10.0.0.1", app))
    with by_proxy.websocket_connect(url, headers={NAME: token}) as socket:
        assert socket.receive_text() == "alice"
    by_stranger = TestClient(coming_from("192.0.2.1", app))
    with (
        pytest.raises(WebSocketDenialResponse),
        by_stranger.websocket_connect(url, headers={NAME: token}),
    ):
        raise AssertionError("it must not open")
