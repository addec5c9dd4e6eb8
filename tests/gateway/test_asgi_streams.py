"""ASGI: event streams end with their token, and leave nothing behind."""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from starlette.responses import StreamingResponse

from jwtguard import Guard
from jwtguard.asgi import GuardMiddleware
from jwtguard.testing import JWTIssuer
from tests.waiting import HANG

EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
END = {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    """Both event loops."""
    found: str = request.param
    return found


@dataclass
class Server:
    """One request, served as ASGI says: the disconnect follows the whole body."""

    token: str
    path: str = "/events"
    sent: list[Any] = field(default_factory=list)
    over: anyio.Event = field(default_factory=anyio.Event)

    async def receive(self) -> Any:
        await self.over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        assert not self.over.is_set(), "a message after the whole body"
        self.sent.append(dict(message))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.over.set()

    async def serve(self, app: Any) -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "path": self.path,
            "scheme": "https",
            "headers": [(b"authorization", b"Bearer " + self.token.encode())],
        }
        with anyio.fail_after(HANG):
            await app(scope, self.receive, self.send)

    @property
    def chunks(self) -> list[bytes]:
        """The parts of the body that hold anything."""
        return [message["body"] for message in self.sent[1:] if message["body"]]


async def start(send: Any, *fields: Any) -> None:
    """Begin an answer with these header fields."""
    message = {"type": "http.response.start", "status": 200, "headers": [*fields]}
    await send(message)


async def event(send: Any, text: str = "x") -> None:
    """Send one event."""
    body = f"data: {text}\n\n".encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})


def watched(guard: Guard) -> int:
    """Return by how many names open connections are watched."""
    return len(guard._flow.revocations.watches._by_key)


Ending = Callable[[Guard, JWTIssuer], None]


def revoked(guard: Guard, issuer: JWTIssuer) -> None:
    """End all tokens of alice."""
    guard.revoke_tokens(issuer=issuer.url, subject="alice")


def expired(guard: Guard, issuer: JWTIssuer) -> None:
    """Move the clock, by hand, to when the token is no longer good."""
    issuer.clock.advance(300 + guard.policy.leeway)


def test_a_stream_that_waits_for_events_ends_when_the_token_is_revoked(
    jwt_issuer: JWTIssuer, backend: str
) -> None:
    """The body ends properly, and the application receives the disconnect."""
    guard = jwt_issuer.guard()
    heard: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        await event(send)
        assert watched(guard)
        revoked(guard, jwt_issuer)
        heard.append(await receive())

    async def main() -> Server:
        server = Server(jwt_issuer.token())
        await server.serve(GuardMiddleware(app, guard))
        return server

    server = anyio.run(main, backend=backend)
    assert (server.chunks, server.sent[-1]) == ([b"data: x\n\n"], END)
    assert heard == [{"type": "http.disconnect"}]
    assert not watched(guard)


def test_a_stream_that_waits_for_events_ends_when_the_token_expires(
    jwt_issuer: JWTIssuer, backend: str
) -> None:
    """The stream ends although the application does not send."""
    guard = jwt_issuer.guard(leeway=0)
    token = jwt_issuer.token(claims={"exp": jwt_issuer.clock.time() + 0.2})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        assert (await receive())["type"] == "http.disconnect"

    async def main() -> Server:
        server = Server(token)
        await server.serve(GuardMiddleware(app, guard))
        return server

    assert anyio.run(main, backend=backend).sent[1:] == [END]
    assert not watched(guard)


@pytest.mark.slow
@pytest.mark.parametrize("end", [revoked, expired])
def test_an_application_that_only_sends_gets_an_error(
    jwt_issuer: JWTIssuer, end: Ending, backend: str
) -> None:
    """Its ``finally`` runs, the server sees no error, and no event is sent any more."""
    guard = jwt_issuer.guard()
    closed: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await start(send, EVENTS)
            await event(send, "before")
            end(guard, jwt_issuer)
            while True:
                await event(send, "after")
        finally:
            closed.append(True)

    async def main() -> Server:
        server = Server(jwt_issuer.token())
        await server.serve(GuardMiddleware(app, guard))
        return server

    server = anyio.run(main, backend=backend)
    assert (server.chunks, server.sent[-1]) == ([b"data: before\n\n"], END)
    assert closed == [True]
    assert not watched(guard)


def test_a_generator_is_cancelled_where_it_waits(jwt_issuer: JWTIssuer) -> None:
    """Its ``finally`` runs then, and not when the garbage is collected."""
    guard = jwt_issuer.guard()
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[bytes]:
        try:
            yield b"data: 1\n\n"
            expired(guard, jwt_issuer)
            yield b"data: 2\n\n"
            await anyio.sleep_forever()
        finally:
            closed.append(True)

    answer = StreamingResponse(numbers(), media_type="text/event-stream")

    async def main() -> None:
        gc.disable()
        try:
            await Server(jwt_issuer.token()).serve(GuardMiddleware(answer, guard))
        finally:
            gc.enable()

    anyio.run(main)
    assert closed == [True]


@pytest.mark.slow
def test_a_group_of_our_errors_is_not_the_applications(jwt_issuer: JWTIssuer) -> None:
    """An event stream that tasks send ends without an error too."""
    guard = jwt_issuer.guard()

    async def sending(send: Any) -> None:
        while True:
            await event(send)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        revoked(guard, jwt_issuer)
        async with anyio.create_task_group() as group:
            group.start_soon(sending, send)
            group.start_soon(sending, send)

    async def main() -> None:
        await Server(jwt_issuer.token()).serve(GuardMiddleware(app, guard))

    anyio.run(main)


def test_an_error_of_the_application_is_its_own(
    jwt_issuer: JWTIssuer, backend: str
) -> None:
    """Before the end and after it; the token is watched no longer."""
    guard = jwt_issuer.guard()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        if scope["path"] == "/later":
            revoked(guard, jwt_issuer)
            await receive()
        raise LookupError("mine")

    async def main(path: str) -> None:
        await Server(jwt_issuer.token(), path).serve(GuardMiddleware(app, guard))

    for path in ("/now", "/later"):
        with pytest.raises(LookupError, match="mine"):
            anyio.run(main, path, backend=backend)
    assert not watched(guard)


@pytest.mark.parametrize(
    ("path", "fields", "policy"),
    [
        ("/events", [(b"content-type", b"application/json")], {}),
        ("/events", [(b"content-type", b"text/event-streams")], {}),
        ("/events", [], {}),
        ("/events", [EVENTS, (b"content-length", b"27")], {}),
        ("/events", [EVENTS], {"close_streams": False}),
        ("/events", [EVENTS], {"public_paths": ("/events",)}),
    ],
)
def test_other_answers_are_left_alone(
    jwt_issuer: JWTIssuer, path: str, fields: list[Any], policy: dict[str, Any]
) -> None:
    """Downloads, answers of a stated length, and streams that need no token."""
    guard = jwt_issuer.guard(**policy)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, *fields)
        await event(send, "1")
        revoked(guard, jwt_issuer)
        assert not watched(guard)
        await event(send, "2")
        await event(send, "3")
        await send(END)

    async def main() -> Server:
        server = Server(jwt_issuer.token(), path)
        await server.serve(GuardMiddleware(app, guard))
        return server

    assert len(anyio.run(main).chunks) == 3


@pytest.mark.parametrize(
    "given",
    [
        (b"Content-Type", b"Text/Event-Stream"),
        (bytearray(b"content-type"), bytearray(b"text/event-stream ;x=y")),
        (memoryview(b"content-type"), memoryview(b"text/event-stream")),
    ],
)
def test_a_stream_is_known_however_its_type_is_written(
    jwt_issuer: JWTIssuer, given: Any
) -> None:
    """In any case, with parameters, as any kind of bytes."""
    guard = jwt_issuer.guard()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, given)
        revoked(guard, jwt_issuer)
        await receive()

    async def main() -> Server:
        server = Server(jwt_issuer.token())
        await server.serve(GuardMiddleware(app, guard))
        return server

    assert anyio.run(main).sent[1:] == [END]


def test_a_stream_that_ends_by_itself_is_watched_no_longer(
    jwt_issuer: JWTIssuer, backend: str
) -> None:
    """This includes an application that returns without ending the body."""
    guard = jwt_issuer.guard()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        await event(send)
        if scope["path"] == "/whole":
            await send(END)
            assert not watched(guard)
            expired(guard, jwt_issuer)
            with pytest.raises(AssertionError, match="after the whole body"):
                await event(send)  # for the server to judge

    async def main(path: str) -> Server:
        server = Server(jwt_issuer.token(), path)
        await server.serve(GuardMiddleware(app, guard))
        revoked(guard, jwt_issuer)
        await anyio.wait_all_tasks_blocked()
        return server

    assert anyio.run(main, "/whole", backend=backend).sent[2:] == [END]
    jwt_issuer.clock.advance(1)  # sign in again
    assert anyio.run(main, "/cut", backend=backend).sent[2:] == []
    assert not watched(guard)


def test_a_cancelled_stream_is_watched_no_longer(
    jwt_issuer: JWTIssuer, backend: str
) -> None:
    """Servers cancel applications when they stop."""
    guard = jwt_issuer.guard()
    begun = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        begun.set()
        await anyio.sleep_forever()

    async def main() -> None:
        server = Server(jwt_issuer.token())
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, GuardMiddleware(app, guard))
            await begun.wait()
            assert watched(guard)
            group.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert not watched(guard)


@pytest.mark.slow
def test_a_client_that_reads_nothing_gets_the_end_in_its_turn(
    jwt_issuer: JWTIssuer, backend: str
) -> None:
    """The end waits for the chunk that is on its way; then no other follows."""
    guard = jwt_issuer.guard()
    reads = anyio.Event()

    class Slow(Server):
        async def send(self, message: Any) -> None:
            if message.get("body"):
                await reads.wait()
            await super().send(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        while True:
            await event(send)

    async def main() -> Server:
        server = Slow(jwt_issuer.token())
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, GuardMiddleware(app, guard))
            await anyio.wait_all_tasks_blocked()
            revoked(guard, jwt_issuer)
            await anyio.wait_all_tasks_blocked()
            assert server.sent[1:] == []
            assert not watched(guard)
            reads.set()
        return server

    server = anyio.run(main, backend=backend)
    assert (server.chunks, server.sent[-1]) == ([b"data: x\n\n"], END)


def test_an_end_that_the_server_refuses_raises_nothing(
    jwt_issuer: JWTIssuer, backend: str
) -> None:
    """The client has left, and the server says so by an error."""
    guard = jwt_issuer.guard()
    refused = anyio.Event()

    class Left(Server):
        async def send(self, message: Any) -> None:
            if message == END:
                refused.set()
                raise RuntimeError("the client has left")
            await super().send(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        revoked(guard, jwt_issuer)
        await refused.wait()

    async def main() -> None:
        await Left(jwt_issuer.token()).serve(GuardMiddleware(app, guard))

    anyio.run(main, backend=backend)
    assert not watched(guard)


@pytest.mark.slow
def test_one_revocation_wakes_only_the_streams_that_it_hits(
    jwt_issuer: JWTIssuer,
) -> None:
    """Of a thousand open streams, which need no thread."""
    guard = jwt_issuer.guard()
    ended: list[str] = []
    before = threading.active_count()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, EVENTS)
        await receive()
        ended.append(scope["jwtguard.principal"].subject)

    async def main() -> None:
        subjects = [f"s{number}" for number in range(1000)]
        async with anyio.create_task_group() as group:
            for subject in subjects:
                server = Server(jwt_issuer.token(subject=subject))
                group.start_soon(server.serve, GuardMiddleware(app, guard))
            await anyio.wait_all_tasks_blocked()
            assert threading.active_count() == before
            guard.revoke_tokens(issuer=jwt_issuer.url, subject="s7")
            await anyio.wait_all_tasks_blocked()
            assert ended == ["s7"]
            guard.revoke_tokens(issuer=jwt_issuer.url)
        assert sorted(ended) == sorted(subjects)

    anyio.run(main)
    assert not watched(guard)
