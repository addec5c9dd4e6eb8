"""WebSockets (RFC 6455) through the ASGI guard: who gets in, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from jwtguard.asgi import GuardMiddleware
from tests.waiting import HANG
from tests.wire.cases_clients import LISTED
from tests.wire.tokens import (
    BASE,
    EVIL,
    ISSUER,
    OTHER,
    WWW,
    bearer,
    cookie,
    origin,
    site,
)
from tests.wire.worlds import App, Fields, guard_of

GOOD = ISSUER.token()
COOKIE = {"COOKIE": "token"}


@dataclass
class Socket:
    """One handshake: what the client offers, and what became of it."""

    headers: Fields = ()
    subprotocols: tuple[str, ...] = ()
    denial: bool = True
    """The server knows the ``websocket.http.response`` extension."""
    scheme: str = "wss"
    sent: list[dict[str, Any]] = field(default_factory=list)
    seen: dict[str, Any] | None = None

    def scope(self) -> dict[str, Any]:
        """Return the ASGI scope of the handshake."""
        fields = [("Host", "api.example"), *self.headers]
        if self.subprotocols:
            fields.append(("Sec-WebSocket-Protocol", ", ".join(self.subprotocols)))
        return {
            "type": "websocket",
            "scheme": self.scheme,
            "path": "/live",
            "raw_path": b"/live",
            "query_string": b"",
            "root_path": "",
            "headers": [(n.lower().encode(), v.encode()) for n, v in fields],
            "client": ("192.0.2.1", 5000),
            "subprotocols": list(self.subprotocols),
            "extensions": {"websocket.http.response": {}} if self.denial else {},
        }

    @property
    def status(self) -> int:
        """Return 101, the status of the denial, or the close code before accept."""
        first = self.sent[0]
        if first["type"] == "websocket.accept":
            return 101
        return int(first.get("status") or first["code"])


async def _accepts(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})


def shake(
    socket: Socket,
    backend: str,
    settings: Mapping[str, str] | None = None,
    app: App | None = None,
) -> Socket:
    """Try the handshake with an application that accepts whoever reaches it."""
    connected = [{"type": "websocket.connect"}]

    async def receive() -> Any:
        return connected.pop() if connected else await anyio.sleep_forever()

    async def send(message: Any) -> None:
        socket.sent.append(dict(message))

    async def application(scope: Any, receive: Any, send: Any) -> None:
        socket.seen = dict(scope)
        await _accepts(scope, receive, send)

    wanted = {**BASE, **(settings or {})}
    guard = guard_of({name: value for name, value in wanted.items() if value}, app)
    anyio.run(
        GuardMiddleware(application, guard),
        socket.scope(),
        receive,
        send,
        backend=backend,
    )
    return socket


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    """Both event loops."""
    found: str = request.param
    return found


LET_IN: dict[str, tuple[Socket, Mapping[str, str]]] = {
    "header token, no origin": (Socket((bearer(),)), {}),
    "header token, the client's page": (Socket((bearer(), origin(WWW))), {}),
    "header token, the own origin": (
        Socket((bearer(), origin("https://api.example"))),
        {},
    ),
    "subprotocol token, the client's page": (
        Socket((origin(WWW),), ("bearer", GOOD, "chat")),
        {},
    ),
    "cookie, the own origin": (
        Socket((cookie(), origin("https://api.example"))),
        COOKIE,
    ),
    "cookie, the page of a client with credentials": (
        Socket((cookie(client_id="shop"), origin("https://shop.example"))),
        {**LISTED, **COOKIE},
    ),
    "subprotocol token, no origin": (Socket((), ("bearer", GOOD)), {}),
    "header token, an origin of the claim": (
        Socket(
            (bearer(claims={"o": ["https://x.example"]}), origin("https://x.example"))
        ),
        {"ORIGINS_CLAIM": "o"},
    ),
    "header token and a cookie: the header counts": (
        Socket((bearer(), cookie(subject="bob"), origin(WWW))),
        COOKIE,
    ),
    "a scope, by a rule for GET": (
        Socket((bearer(scope="live"),)),
        {"SCOPES": "GET:/live=live"},
    ),
}


@pytest.mark.parametrize("name", LET_IN)
def test_who_is_let_in(name: str, backend: str) -> None:
    """A good token from a page that may use it reaches the application."""
    made, settings = LET_IN[name]
    socket = shake(Socket(made.headers, made.subprotocols), backend, settings)
    assert socket.status == 101
    assert socket.seen is not None
    assert socket.seen["user"].subject == "alice"


REFUSED: dict[str, tuple[Socket, Mapping[str, str], int]] = {
    "no token": (Socket(), {}, 401),
    "a forged token": (
        Socket((("Authorization", f"Bearer {ISSUER.forged()}"),)),
        {},
        401,
    ),
    "a foreign origin": (Socket((bearer(), origin(EVIL))), {}, 403),
    "another client's page": (Socket((bearer(), origin(OTHER))), {}, 403),
    "subprotocol token from a foreign page": (
        Socket((origin(EVIL),), ("bearer", GOOD)),
        {},
        403,
    ),
    "cookie without an origin": (Socket((cookie(),)), COOKIE, 403),
    "cookie from a foreign page": (Socket((cookie(), origin(EVIL))), COOKIE, 403),
    "cookie from the client's page, without credentials": (
        Socket((cookie(), origin(WWW))),
        COOKIE,
        403,
    ),
    "cookie, cross-site": (Socket((cookie(), *site("cross-site"))), COOKIE, 403),
    "bearer without a token": (Socket((), ("chat", "bearer")), {}, 400),
    "bearer twice": (Socket((), ("bearer", GOOD, "bearer", GOOD)), {}, 400),
    "a header and a subprotocol": (Socket((bearer(),), ("bearer", GOOD)), {}, 400),
    "two headers": (Socket((bearer(), bearer())), {}, 400),
    "a scope is missing": (Socket((bearer(),)), {"SCOPES": "GET:/live=live"}, 403),
    "plain ws": (Socket((bearer(),), scheme="ws"), {}, 403),
    "header token, origin null": (Socket((bearer(), origin("null"))), {}, 403),
    "header token, an empty origin": (Socket((bearer(), origin(""))), {}, 403),
    "header token, two origins": (
        Socket((bearer(), origin(WWW), origin(WWW))),
        {},
        403,
    ),
    "subprotocol token from another client's page": (
        Socket((origin(OTHER),), ("bearer", GOOD)),
        {},
        403,
    ),
    "an expired subprotocol token": (
        Socket((origin(WWW),), ("bearer", ISSUER.expired())),
        {},
        401,
    ),
    "a client that may not GET": (
        Socket((bearer(client_id="poster"), origin("https://post.example"))),
        LISTED,
        403,
    ),
    "cookie of a client without credentials, beside one that has them": (
        Socket((cookie(), origin(WWW))),
        {**LISTED, **COOKIE},
        403,
    ),
    "cookie, origin null": (Socket((cookie(), origin("null"))), COOKIE, 403),
    "cookie, a listed page by the claim": (
        Socket(
            (cookie(claims={"o": ["https://x.example"]}), origin("https://x.example"))
        ),
        {"ORIGINS_CLAIM": "o", **COOKIE},
        403,
    ),
    "a token path": (Socket((bearer(),)), {"TOKEN_PATHS": "/live"}, 405),
}


@pytest.mark.parametrize("denial", [True, False], ids=["denial", "close"])
@pytest.mark.parametrize("name", REFUSED)
def test_who_is_refused_before_accept(name: str, denial: bool, backend: str) -> None:
    """The application never sees the socket; servers that can say why, do."""
    made, settings, status = REFUSED[name]
    tried = Socket(made.headers, made.subprotocols, denial, made.scheme)
    socket = shake(tried, backend, settings)
    assert socket.seen is None
    if denial:
        assert socket.status == status
        assert [message["type"] for message in socket.sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
    else:
        assert socket.status == (4401 if status == 401 else 4403)


@pytest.mark.parametrize(
    ("offered", "left", "chosen"),
    [
        (("bearer", GOOD), [], "bearer"),
        (("chat", "bearer", GOOD, "v2"), ["chat", "v2"], "bearer"),
    ],
)
def test_the_token_is_taken_out_and_bearer_echoed(
    offered: tuple[str, ...], left: list[str], chosen: str, backend: str
) -> None:
    """The application sees neither; the browser gets one of what it offered."""
    socket = shake(Socket((origin(WWW),), offered), backend)
    assert socket.seen is not None
    assert socket.seen["subprotocols"] == left
    fields = dict(socket.seen["headers"])
    assert fields.get(b"sec-websocket-protocol", b"").decode() == ", ".join(left)
    assert GOOD not in str(fields)
    assert socket.sent[0]["subprotocol"] == chosen


def test_the_application_may_choose_a_subprotocol(backend: str) -> None:
    """Its choice stands."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "chat"})

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    socket = Socket((), ("bearer", GOOD, "chat"))
    middleware = GuardMiddleware(application, guard_of(BASE))
    anyio.run(middleware, socket.scope(), receive, send, backend=backend)
    assert sent[0]["subprotocol"] == "chat"


async def _listens(receive: Any, send: Any) -> Any:
    return await receive()


async def _only_sends(receive: Any, send: Any) -> Any:
    while True:
        await send({"type": "websocket.send", "text": "tick"})
        await anyio.sleep(0.02)


async def _sleeps(receive: Any, send: Any) -> Any:
    await anyio.sleep(0.6)
    return await receive()


@pytest.mark.parametrize("behaviour", [_listens, _only_sends, _sleeps])
def test_a_socket_ends_with_its_token(behaviour: Any, backend: str) -> None:
    """At exp and leeway it is closed with 4401, whatever the application does."""
    sent: list[Any] = []
    ended: list[Any] = []
    connected = [{"type": "websocket.connect"}]

    async def receive() -> Any:
        return connected.pop() if connected else await anyio.sleep_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            ended.append(await behaviour(receive, send))
        except OSError as error:
            ended.append(error)

    guard = guard_of({**BASE, "LEEWAY": "0"})
    claims = {"exp": ISSUER.clock.time() + 0.3}
    socket = Socket((bearer(claims=claims),))

    async def run() -> None:
        with anyio.fail_after(HANG):
            middleware = GuardMiddleware(application, guard)
            await middleware(socket.scope(), receive, send)

    anyio.run(run, backend=backend)
    closed = [message for message in sent if message["type"] == "websocket.close"]
    assert [message["code"] for message in closed] == [4401]
    assert sent[-1]["type"] == "websocket.close"
    (last,) = ended
    if behaviour is _only_sends:
        assert isinstance(last, OSError)
    else:
        assert last == {"type": "websocket.disconnect", "code": 4401}


def test_a_caller_that_stops_waiting_loses_no_message(backend: str) -> None:
    """A time limit around ``receive`` may end just when a message was taken."""
    messages = [{"type": "websocket.receive", "text": str(n)} for n in range(4)]
    waiting: list[anyio.CancelScope] = []
    heard: list[str] = []

    async def receive() -> Any:
        waiting.pop().cancel()
        return messages.pop(0)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(8):
            with anyio.CancelScope() as limit:
                waiting[:] = [limit]
                heard.append((await receive())["text"])

    async def run() -> None:
        middleware: Any = GuardMiddleware(application, guard_of(BASE))
        await middleware(Socket((bearer(),)).scope(), receive, None)

    anyio.run(run, backend=backend)
    assert heard == ["0", "1", "2", "3"]


def test_an_error_of_the_application_is_its_own(backend: str) -> None:
    """It comes out as it was raised, not wrapped in a group."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("mine")

    socket = Socket((bearer(),))
    middleware: Any = GuardMiddleware(application, guard_of(BASE))
    with pytest.raises(LookupError, match="mine"):
        anyio.run(middleware, socket.scope(), None, None, backend=backend)


def test_an_error_of_the_server_is_its_own(backend: str) -> None:
    """What ``receive`` raises reaches the application as it is: no group around it."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(ConnectionResetError, match="gone"):
            await receive()
        raise LookupError("seen")

    async def receive() -> Any:
        raise ConnectionResetError("gone")

    socket = Socket((bearer(),))
    middleware: Any = GuardMiddleware(application, guard_of(BASE))
    with pytest.raises(LookupError, match="seen"):
        anyio.run(middleware, socket.scope(), receive, None, backend=backend)
