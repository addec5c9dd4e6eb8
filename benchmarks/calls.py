"""How an application is called without a server: ASGI 3 and PEP 3333."""

from __future__ import annotations

import asyncio
import time
from io import BytesIO
from typing import Any

from .site import PEER, Sent
from .timing import Run


def scope_of(sent: Sent) -> dict[str, Any]:
    """Return the ASGI scope of a request, as uvicorn would make it behind TLS."""
    fields = [(name.encode(), value.encode()) for name, value in sent.fields]
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1", "method": sent.method, "path": sent.path,
        "raw_path": sent.path.encode(), "root_path": "", "scheme": sent.scheme,
        "query_string": b"", "headers": fields, "client": (PEER, 5000),
        "server": ("192.0.2.2", 443), "state": {},
    }  # fmt: skip


def environ_of(sent: Sent) -> dict[str, Any]:
    """Return the WSGI environ of a request, as gunicorn would make it behind TLS."""
    environ = {
        "wsgi.version": (1, 0), "wsgi.url_scheme": sent.scheme, "wsgi.errors": None,
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "wsgi.input_terminated": True, "wsgi.input": None,
        "REQUEST_METHOD": sent.method, "SCRIPT_NAME": "", "PATH_INFO": sent.path,
        "RAW_URI": sent.path, "QUERY_STRING": "", "REMOTE_ADDR": PEER,
        "SERVER_NAME": "api.example", "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }  # fmt: skip
    for name, value in sent.fields:
        key = name.upper().replace("-", "_")
        environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = value
    return environ


async def _nothing(_message: Any) -> None:
    return None


def asgi(app: Any, sent: list[Sent], times: int) -> Run:
    """Return a run that sends each request in turn, *times* requests in all."""
    scopes = [scope_of(one) for one in sent]
    body = sent[0].body

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def run() -> float:
        rounds = times // len(scopes)
        began = time.process_time()
        for _ in range(rounds):
            for scope in scopes:
                await app(scope.copy(), receive, _nothing)
        return (time.process_time() - began) / (rounds * len(scopes)) * 1e6

    return lambda: asyncio.run(run())


async def asgi_status(app: Any, sent: Sent) -> int:
    """Return the status that *app* answers with."""
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sent.body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope_of(sent), receive, send)
    return int(statuses[0])


def wsgi(app: Any, sent: list[Sent], times: int) -> Run:
    """Return a run that sends each request in turn, *times* requests in all."""
    environs = [environ_of(one) for one in sent]
    body = sent[0].body

    def start(_status: str, _fields: Any, _exc_info: Any = None, /) -> Any:
        return None

    def run() -> float:
        rounds = times // len(environs)
        began = time.process_time()
        for _ in range(rounds):
            for environ in environs:
                one = environ.copy()
                one["wsgi.input"] = BytesIO(body)
                answer = app(one, start)
                for _piece in answer:
                    pass
                if hasattr(answer, "close"):
                    answer.close()
        return (time.process_time() - began) / (rounds * len(environs)) * 1e6

    return run


def wsgi_status(app: Any, sent: Sent) -> int:
    """Return the status that *app* answers with."""
    statuses = []

    def start(status: str, _fields: Any, _exc_info: Any = None, /) -> Any:
        statuses.append(int(status.split(maxsplit=1)[0]))

    environ = {**environ_of(sent), "wsgi.input": BytesIO(sent.body)}
    answer = app(environ, start)
    list(answer)
    if hasattr(answer, "close"):
        answer.close()
    return statuses[0]
