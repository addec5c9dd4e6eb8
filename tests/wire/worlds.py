"""One request, as every world sees it: raw WSGI and ASGI, and the three frameworks.

A world is called with a case's environment and request, and returns the answer and
what the application saw. The servers' part is modelled: WSGI joins fields of one name.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from fastapi import FastAPI, Request
from flask import Flask
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from jwtguard import Guard, load_policy
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.flask import JWTGuard
from jwtguard.starlette import GuardMiddleware as StarletteGuard
from jwtguard.wsgi import GuardMiddleware as WSGIGuard
from tests.wire.endpoint import Endpoint
from tests.wire.tokens import ISSUER

Fields = tuple[tuple[str, str], ...]
Revocation = str | Mapping[str, Any]
"""A token that is revoked, or what ``revoke_tokens`` is called with."""


@dataclass(frozen=True)
class Ask:
    """One request. ``path`` is decoded; ``body`` may come in pieces."""

    method: str = "GET"
    path: str = "/notes"
    headers: Fields = ()
    body: bytes | tuple[bytes, ...] = b""
    scheme: str = "https"
    peer: str = "192.0.2.1"
    host: str | None = "api.example"
    query: str = ""
    raw_path: str | None = None
    root: str = ""
    """Where the server says that the application is: ``root_path``, SCRIPT_NAME."""
    length: str | None = "auto"
    """Content-Length; ``auto`` counts, None leaves it out (chunked)."""
    leaves: bool = False
    """The client goes away before the body is whole."""

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """The body as it arrives."""
        return self.body if isinstance(self.body, tuple) else (self.body,)

    def fields(self) -> Fields:
        """All header fields, Host and Content-Length among them."""
        found = list(self.headers)
        if self.host is not None:
            found.insert(0, ("Host", self.host))
        if self.length == "auto" and (any(self.pieces) or self.method == "POST"):
            found.append(("Content-Length", str(sum(map(len, self.pieces)))))
        elif self.length not in ("auto", None):
            found.append(("Content-Length", str(self.length)))
        return tuple(found)


@dataclass
class Answer:
    """What came back, and what the application saw on the way."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    seen: dict[str, Any] | None = None
    """None if the application never ran."""

    def get(self, name: str) -> str | None:
        """Return a header field; there must not be two of one name.

        Challenges are the exception: they are joined here.
        """
        found = [v for k, v in self.headers if k.lower() == name.lower()]
        assert len(found) <= 1 or name.lower() == "www-authenticate", (name, found)
        return ", ".join(found) if found else None

    @property
    def schemes(self) -> tuple[str, ...]:
        """Return the scheme of each challenge."""
        named = [v for k, v in self.headers if k.lower() == "www-authenticate"]
        return tuple(value.partition(" ")[0] for value in named)

    @property
    def error(self) -> str | None:
        """Return ``error`` of a JSON body."""
        try:
            found: str | None = json.loads(self.body)["error"]
        except (ValueError, TypeError, KeyError):
            return None
        return found


@dataclass(frozen=True)
class App:
    """What the application behind the guard answers."""

    status: int = 200
    headers: Fields = (("Content-Type", "text/plain"),)
    body: bytes = b"ok"
    streams: bool = False
    """The answer comes piece by piece, made while it is sent."""
    known: tuple[str, ...] = ()
    """Tokens that the guard has verified before."""
    revoked: tuple[Revocation, ...] = ()
    """What has been revoked since."""

    @property
    def pieces(self) -> list[bytes]:
        """The body as it is sent."""
        if not self.streams:
            return [self.body]
        return [self.body[n : n + 1] for n in range(len(self.body))]


def guard_of(settings: Mapping[str, str], app: App | None = None) -> Guard:
    """Return a guard by these settings, names without their prefix, and what *app* did.

    It lives in the issuer's moment: tokens made for the table do not grow old.
    """
    policy = load_policy({f"JWTGUARD_{k}": v for k, v in settings.items()})
    guard = Guard(policy, clock=ISSUER.clock, transport=Endpoint())
    for token in app.known if app else ():
        guard.verify(token)
    for one in app.revoked if app else ():
        if isinstance(one, str):
            guard.revoke(Guard(policy, clock=ISSUER.clock).verify(one))
        else:
            guard.revoke_tokens(issuer=ISSUER.url, **one)
    return guard


def _seen(scope: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    principal = scope["jwtguard.principal"]
    return {
        "subject": principal.subject if principal else None,
        "refusal": scope["jwtguard.refusal"],
        "body": body,
    }


def _environ(ask: Ask) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": ask.method,
        "SCRIPT_NAME": ask.root,
        "PATH_INFO": ask.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": ask.query,
        "SERVER_NAME": "server",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "" if ask.peer == "unix" else ask.peer,
        "RAW_URI": ask.raw_path or ask.path,
        "wsgi.url_scheme": ask.scheme,
        "wsgi.version": (1, 0),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in ask.fields():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    sent = b"".join(ask.pieces)
    if ask.length is None:
        environ["wsgi.input_terminated"] = True
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    environ["wsgi.input"] = _Stream(sent, breaks=ask.leaves and ask.length is None)
    if ask.leaves and ask.length == "auto":
        environ["CONTENT_LENGTH"] = str(len(sent) + 1)
    return environ


class _Stream(io.BytesIO):
    """A socket's body: it blocks for ever past its end, or breaks."""

    def __init__(self, sent: bytes, *, breaks: bool) -> None:
        super().__init__(sent)
        self._breaks = breaks

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        if not found and self._breaks:
            raise OSError("the client left")
        return found


def _call_wsgi(app: Any, ask: Ask, answer: Answer) -> Answer:
    def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        answer.status, answer.headers = int(status[:3]), headers
        return lambda piece: None

    chunks = app(_environ(ask), start)
    answer.body = b"".join(chunks)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    return answer


def wsgi(settings: Mapping[str, str], ask: Ask, app: App) -> Answer:
    """Raw WSGI."""
    answer = Answer()

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        answer.seen = _seen(environ, environ["wsgi.input"].read())
        write = start_response(f"{app.status} X", list(app.headers))
        if app.streams:
            write(b"")
        yield from app.pieces

    return _call_wsgi(WSGIGuard(application, guard_of(settings, app)), ask, answer)


def flask(settings: Mapping[str, str], ask: Ask, app: App) -> Answer:
    """Flask, behind its extension."""
    answer = Answer()
    application = Flask("wire", static_folder=None)

    def view(**_: str) -> Any:
        answer.seen = _seen(flask_request.environ, flask_request.get_data())
        made = application.response_class(iter(app.pieces), app.status)
        made.headers.clear()
        for name, value in app.headers:
            made.headers.add(name, value)
        return made

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    options: dict[str, Any] = {"methods": methods, "provide_automatic_options": False}
    application.add_url_rule("/", "root", view, **options)
    application.add_url_rule("/<path:path>", "any", view, **options)
    application.url_map.merge_slashes = False
    JWTGuard(application, guard_of(settings, app))
    return _call_wsgi(application, ask, answer)


def _scope(ask: Ask) -> dict[str, Any]:
    raw = (ask.raw_path or ask.path).encode("utf-8", "surrogateescape")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": ask.method,
        "scheme": ask.scheme,
        "path": ask.path,
        "raw_path": raw,
        "query_string": ask.query.encode(),
        "root_path": ask.root,
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in ask.fields()
        ],
        "client": None if ask.peer == "unix" else (ask.peer, 5000),
        "server": ("server", 443),
    }


def _call_asgi(app: Any, ask: Ask, answer: Answer, backend: str) -> Answer:
    pieces = list(ask.pieces)

    async def receive() -> dict[str, Any]:
        if pieces:
            more = len(pieces) > 1 or ask.leaves
            return {"type": "http.request", "body": pieces.pop(0), "more_body": more}
        if not ask.leaves:
            await anyio.sleep_forever()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [
                (name.decode(), value.decode()) for name, value in message["headers"]
            ]
        else:
            answer.body += message.get("body", b"")

    anyio.run(app, _scope(ask), receive, send, backend=backend)
    return answer


async def _read(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def asgi(backend: str, settings: Mapping[str, str], ask: Ask, app: App) -> Answer:
    """Raw ASGI, on asyncio or trio."""
    answer = Answer()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        answer.seen = _seen(scope, await _read(receive))
        headers = [(n.lower().encode(), v.encode()) for n, v in app.headers]
        start = {"type": "http.response.start", "status": app.status}
        await send({**start, "headers": headers})
        for piece in app.pieces:
            message = {"type": "http.response.body", "body": piece}
            await send({**message, "more_body": True})
        await send({"type": "http.response.body"})

    guarded = ASGIGuard(application, guard_of(settings, app))
    return _call_asgi(guarded, ask, answer, backend)


def _endpoint(answer: Answer, app: App) -> Any:
    async def endpoint(request: Any) -> Response:
        answer.seen = _seen(request.scope, await request.body())
        made: Response = Response(app.body, app.status)
        if app.streams:
            made = StreamingResponse(iter(app.pieces), app.status)
        made.raw_headers = [(n.lower().encode(), v.encode()) for n, v in app.headers]
        return made

    return endpoint


class _Any:
    """An endpoint for every method and path, which Starlette's Route has not."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = await self._endpoint(Request(scope, receive))
        await answer(scope, receive, send)


def starlette(settings: Mapping[str, str], ask: Ask, app: App) -> Answer:
    """Starlette, with the guard among its middleware."""
    answer = Answer()
    application = Starlette(
        routes=[Mount("/", app=_Any(_endpoint(answer, app)))],
        middleware=[Middleware(StarletteGuard, guard=guard_of(settings, app))],
    )
    return _call_asgi(application, ask, answer, "asyncio")


def fastapi(settings: Mapping[str, str], ask: Ask, app: App) -> Answer:
    """FastAPI, with the guard among its middleware."""
    answer = Answer()
    application = FastAPI(openapi_url=None)
    endpoint = _endpoint(answer, app)

    async def operation(request: Request) -> Response:
        found: Response = await endpoint(request)
        return found

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    route = Route("/{path:path}", operation, methods=methods)
    application.router.routes.append(route)
    application.add_middleware(StarletteGuard, guard=guard_of(settings, app))
    return _call_asgi(application, ask, answer, "trio")


World = Callable[[Mapping[str, str], Ask, App], Answer]
WORLDS: Mapping[str, World] = {
    "wsgi": wsgi,
    "asyncio": functools.partial(asgi, "asyncio"),
    "trio": functools.partial(asgi, "trio"),
    "flask": flask,
    "starlette": starlette,
    "fastapi": fastapi,
}
