"""``CallerFilter``: the application's own log names the caller and the request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from jwtguard.callers import CALLERS
from jwtguard.events import CallerFilter
from jwtguard.flask import JWTGuard
from jwtguard.starlette import GuardMiddleware
from jwtguard.testing import JWTIssuer

log = logging.getLogger("tests.callers")
ID = {"X-Request-ID": "abc-1"}


class Lines(logging.Handler):
    """What a log file would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.addFilter(CallerFilter())

    def emit(self, record: logging.LogRecord) -> None:
        said: Any = record
        text = f"{said.request_id} {said.subject} {said.client_id}"
        self.lines.append(f"{text} {record.getMessage()}")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The lines of the application, and those of the guard."""
    handler = Lines()
    guards = logging.getLogger("jwtguard")
    level = guards.level
    for logger in (log, guards):
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield handler.lines
    for logger in (log, guards):
        logger.removeHandler(handler)
    guards.setLevel(level)
    CALLERS.noted = False


def flask_app(issuer: JWTIssuer) -> Flask:
    """Return an application that writes while it answers, and while it streams."""
    app = Flask("lines")
    JWTGuard(app, issuer.guard(public_paths=("/open",)))

    def chunks() -> Iterator[bytes]:
        for number in (1, 2):
            log.info("chunk %s", number)
            yield b"x"

    @app.get("/plain")
    @app.get("/open", endpoint="open")
    def plain() -> str:
        log.info("plain")
        return "in"

    @app.get("/stream")
    def stream() -> Any:
        answer = app.response_class(chunks())
        answer.call_on_close(lambda: log.info("closed"))
        return answer

    return app


def test_wsgi_names_the_caller_until_the_answer_is_closed(
    jwt_issuer: JWTIssuer, lines: list[str]
) -> None:
    """Also while it is streamed; and nobody afterwards."""
    client = flask_app(jwt_issuer).test_client()
    headers = {**jwt_issuer.headers(), **ID}
    client.get("/plain", headers=headers)
    log.info("between")
    with client.get("/stream", headers=headers) as answer:
        assert answer.get_data() == b"xx"
    log.info("after")
    client.get("/open", headers=ID)
    own = [line for line in lines if "fetch_ok" not in line]
    assert own == [
        "abc-1 alice spa plain",
        "- - - between",
        "abc-1 alice spa chunk 1",
        "abc-1 alice spa chunk 2",
        "abc-1 alice spa closed",
        "- - - after",
        "abc-1 - - plain",
    ]


def test_lines_of_the_guard_have_the_request_too(
    jwt_issuer: JWTIssuer, lines: list[str]
) -> None:
    """A refusal can be found by the id that the client was told."""
    flask_app(jwt_issuer).test_client().get("/plain", headers=ID)
    (line,) = lines
    assert line.startswith("abc-1 - - refused reason='no_credentials'")


async def plain(_: Request) -> PlainTextResponse:
    """Write a line in the event loop."""
    await asyncio.sleep(0)
    log.info("loop")
    return PlainTextResponse("in")


def threaded(request: Request) -> PlainTextResponse:
    """Write a line in a worker thread, and answer with the id."""
    log.info("thread")
    return PlainTextResponse(request.scope["jwtguard.request_id"])


async def streamed(_: Request) -> StreamingResponse:
    """Write a line for each chunk."""

    def chunks() -> Iterator[bytes]:
        for number in (1, 2):
            log.info("chunk %s", number)
            yield b"x"

    return StreamingResponse(chunks())


async def socket(websocket: WebSocket) -> None:
    """Write a line in a WebSocket."""
    await websocket.accept()
    log.info("socket")
    await websocket.close()


ROUTES = [
    Route("/plain", plain),
    Route("/thread", threaded),
    Route("/stream", streamed),
    WebSocketRoute("/socket", socket),
]


def test_asgi_names_the_caller_in_loops_threads_and_sockets(
    jwt_issuer: JWTIssuer, lines: list[str]
) -> None:
    """Wherever the handler runs."""
    app = GuardMiddleware(Starlette(routes=ROUTES), jwt_issuer.guard())
    headers = {**jwt_issuer.headers(subject="bob"), **ID}
    with TestClient(app, base_url="https://testserver") as client:
        for path in ("/plain", "/thread", "/stream"):
            client.get(path, headers=headers)
        with client.websocket_connect("wss://testserver/socket", headers=headers):
            pass
    log.info("after")
    own = [line for line in lines if "fetch_ok" not in line]
    assert own == [
        "abc-1 bob spa loop",
        "abc-1 bob spa thread",
        "abc-1 bob spa chunk 1",
        "abc-1 bob spa chunk 2",
        "abc-1 bob spa socket",
        "- - - after",
    ]


def test_requests_of_one_loop_are_kept_apart(
    jwt_issuer: JWTIssuer, lines: list[str]
) -> None:
    """They take turns in one thread."""
    app = FastAPI()
    turns = asyncio.Barrier(3)

    @app.get("/")
    async def wait() -> str:
        await turns.wait()
        log.info("done")
        return "in"

    app.add_middleware(GuardMiddleware, guard=jwt_issuer.guard())

    async def run() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="https://testserver"
        ) as client:
            await asyncio.gather(
                *(
                    client.get("/", headers=jwt_issuer.headers(subject=name))
                    for name in ("a", "b", "c")
                )
            )

    asyncio.run(run())
    done = sorted(line.split()[1] for line in lines if line.endswith("done"))
    assert done == ["a", "b", "c"]


@pytest.mark.parametrize("sent", ["", "a b", "x\u00e9", "a" * 200, "a\tb"])
def test_what_is_no_id_is_replaced(
    jwt_issuer: JWTIssuer, lines: list[str], sent: str
) -> None:
    """By a random one, the same for all lines of the request and for its handler."""
    app = GuardMiddleware(Starlette(routes=ROUTES), jwt_issuer.guard())
    headers = [(b"x-request-id", sent.encode("latin-1"))] if sent else []
    given = jwt_issuer.headers()["Authorization"].encode()
    client = TestClient(app, base_url="https://testserver")
    answer = client.get("/thread", headers=[*headers, (b"authorization", given)])
    line = next(line for line in lines if line.endswith("thread"))
    assert line.split()[0] == answer.text
    assert len(answer.text) == 32
    assert answer.text.isalnum()


def test_a_subject_cannot_forge_a_line(jwt_issuer: JWTIssuer, lines: list[str]) -> None:
    """Some issuers let people choose it."""
    app = flask_app(jwt_issuer)
    headers = jwt_issuer.headers(subject="a\nINFO root forged \x1b[2J")
    app.test_client().get("/plain", headers=headers)
    line = next(line for line in lines if line.endswith("plain"))
    assert "\n" not in line
    assert "\x1b" not in line
    assert "a\\nINFO root forged" in line


def test_without_a_filter_nothing_is_noted(jwt_issuer: JWTIssuer) -> None:
    """It costs nothing then."""
    CALLERS.noted = False
    seen: list[Any] = []
    app = Flask("none")
    JWTGuard(app, jwt_issuer.guard())

    @app.get("/")
    def root() -> str:
        seen.append(CALLERS.current())
        return "in"

    app.test_client().get("/", headers=jwt_issuer.headers())
    assert seen == [None]


def test_a_configured_log_names_it_by_its_path(lines: list[str]) -> None:
    """``logging.config`` makes filters of dotted names."""
    from logging.config import dictConfig

    filters = {"caller": {"()": "jwtguard.events.CallerFilter"}}
    own = {"class": "logging.NullHandler", "filters": ["caller"]}
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": filters,
            "handlers": {"own": own},
        }
    )
    assert CALLERS.noted
    assert lines == []
