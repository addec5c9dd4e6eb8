"""Applications on real sockets whose guard asks an endpoint on a real socket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from email.parser import BytesHeaderParser
from socketserver import ThreadingMixIn
from typing import Any, NamedTuple
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import uvicorn

from jwtguard import Guard, asgi, load_policy, wsgi
from tests.outside.http_support import Handler, Server
from tests.ports import free_port
from tests.waiting import HANG, until

AUDIENCE = "https://api.example"
PATH = "/introspect"


class Asked(Handler):
    """One question; ``token`` is what it is about."""

    server: Endpoint
    token = ""

    def do_POST(self) -> None:  # noqa: N802  # the name that http.server looks for
        """Answer as the endpoint does now, and count who is here at once."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.token = parse_qs(body)["token"][0]
        self.server.count(1)
        try:
            self.server.behave(self)
        finally:
            self.server.count(-1)

    def tell(self) -> None:
        """Say that the token is active, if it begins with ``good``."""
        said = {"active": True, "sub": "alice", "aud": AUDIENCE}
        found = said if self.token.startswith("good") else {"active": False}
        self.send(json.dumps(found).encode(), Content_Type="application/json")

    def held(self) -> None:
        """Answer once the endpoint is open."""
        self.server.open.wait(HANG)
        self.tell()


class Endpoint(Server):
    """An introspection endpoint; ``behave`` is what it does with a question."""

    request_queue_size = 1024

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = Asked
        self.open = threading.Event()
        self.behave: Callable[[Asked], None] = Asked.tell
        self.calls = self.now = self.most = 0
        self._lock = threading.Lock()

    def count(self, one: int) -> None:
        """Note that a question has come (1) or gone (-1)."""
        with self._lock:
            self.calls += max(one, 0)
            self.now += one
            self.most = max(self.most, self.now)


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """Serve an endpoint for as long as the block lasts."""
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.open.set()
            server.stop.set()
            server.shutdown()
            thread.join()


class Site:
    """A guard that asks *server*, how many requests it got, and what it has told."""

    def __init__(self, server: Endpoint, **settings: str) -> None:
        environ = {
            "ISSUER": "https://id.example", "AUDIENCE": AUDIENCE,
            "INTROSPECT": "opaque", "INTROSPECT_URL": server.url(PATH),
            "INTROSPECT_CLIENT_ID": "api", "INTROSPECT_TTL": "3600",
            "INTROSPECT_TIMEOUT": str(HANG), **settings,
        }  # fmt: skip
        if "INTROSPECT_CLIENT_SECRET_FILE" not in environ:
            environ["INTROSPECT_CLIENT_SECRET"] = "of-the-api"
        variables = {f"JWTGUARD_{name}": value for name, value in environ.items()}
        self.told: list[str] = []
        self.guard = Guard(
            load_policy(variables), on_event=lambda event, _: self.told.append(event)
        )
        self.guard.follow_files(variables)
        self.requests = 0
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Count a request that has reached the server."""
        with self._lock:
            self.requests += 1


@contextmanager
def by_asgi(site: Site) -> Iterator[int]:
    """Serve an ASGI application behind the guard with uvicorn; yield the port."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        subject = scope["jwtguard.principal"].subject
        headers = [(b"content-length", b"%d" % len(subject))]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": subject.encode()})

    guarded = asgi.GuardMiddleware(app, guard=site.guard)

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        site.enter()
        await guarded(scope, receive, send)

    port = free_port()
    config = uvicorn.Config(counting, port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert until(lambda: server.started)
        yield port
    finally:
        server.should_exit = True
        thread.join()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Keep test output clean."""


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 2048


@contextmanager
def by_wsgi(site: Site) -> Iterator[int]:
    """Serve a WSGI application behind the guard, a thread for each request."""

    def app(environ: Any, start: Any) -> Iterable[bytes]:
        start("200 OK", [])
        return [environ["jwtguard.principal"].subject.encode()]

    guarded = wsgi.GuardMiddleware(app, guard=site.guard)

    def counting(environ: Any, start: Any) -> Iterable[bytes]:
        site.enter()
        return guarded(environ, start)

    with _Threads(("127.0.0.1", 0), _Quiet) as server:
        server.set_app(counting)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


Serve = Callable[[Site], AbstractContextManager[int]]


class Answer(NamedTuple):
    """What a caller got."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The error code of a refusal."""
        found: str = json.loads(self.body)["error"]
        return found


async def _ask(port: int, token: str, answers: list[Answer]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /notes HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    line, _, fields = head.partition(b"\r\n")
    found = {k.lower(): v for k, v in BytesHeaderParser().parsebytes(fields).items()}
    answers.append(Answer(int(line.split()[1]), found, body))


class Callers:
    """Requests that are all under way at once; ``answers`` has those that ended."""

    def __init__(self, port: int, tokens: Iterable[str]) -> None:
        self.answers: list[Answer] = []
        self._asked = [(port, token, self.answers) for token in tokens]
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    async def _run(self) -> None:
        await asyncio.gather(*(_ask(*one) for one in self._asked))

    def ended(self) -> list[Answer]:
        """Wait for all answers."""
        self._thread.join(HANG)
        assert not self._thread.is_alive()
        assert len(self.answers) == len(self._asked)
        return self.answers


def ask_once(port: int, token: str) -> Answer:
    """Send one request with *token*."""
    (answer,) = Callers(port, [token]).ended()
    return answer
