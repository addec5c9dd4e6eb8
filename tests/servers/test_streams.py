"""Event streams and WebSockets end with their token behind every server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from jwtguard.testing import JWTIssuer
from tests.redis_server import Redis, needs_redis
from tests.waiting import HANG, NO_TLS, ask, until

pytestmark = pytest.mark.slow

Serve = Callable[..., Any]
ASGI: Mapping[str, tuple[str, ...]] = {
    "uvicorn": ("uvicorn", "--app-dir=.", "--port=PORT", "stream_asgi:app"),
    "hypercorn": ("hypercorn", "--bind=127.0.0.1:PORT", "stream_asgi:app"),
    "hypercorn on trio": (
        *("hypercorn", "--worker-class=trio", "--bind=127.0.0.1:PORT"),
        "stream_asgi:app",
    ),
    "daphne": ("daphne", "--bind=127.0.0.1", "--port=PORT", "stream_asgi:app"),
}
GUNICORN = ("gunicorn", "--bind=127.0.0.1:PORT", "stream_wsgi:app")
WSGI: Mapping[str, tuple[str, ...]] = {
    "gunicorn sync": (*GUNICORN, "--workers=2"),
    "gunicorn gthread": (*GUNICORN, "--worker-class=gthread", "--threads=4"),
    "waitress": ("waitress", "--listen=127.0.0.1:PORT", "stream_wsgi:app"),
    "werkzeug": ("flask", "--app=stream_wsgi:app", "run", "--port=PORT"),
}
SERVERS = {**ASGI, **WSGI}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of this test's own."""
    with Redis(tmp_path) as running:
        yield running


class Refused(Exception):  # noqa: N818  # no error: the machine was slow
    """The token had ended before the stream began."""


@contextmanager
def opened(running: Any, path: str, token: str) -> Iterator[Iterator[bytes]]:
    """Open an event stream, and yield its chunks; a cut body raises."""
    headers = {"Authorization": f"Bearer {token}"}
    with (
        httpx.Client(verify=NO_TLS, trust_env=False, timeout=HANG) as client,
        client.stream("GET", running.url(path), headers=headers) as answer,
    ):
        if answer.status_code == 401:
            raise Refused
        assert answer.status_code == 200
        yield answer.iter_raw()


def sign_out(running: Any, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert ask("POST", running.url("/sign-out"), headers=headers).is_success


def refusal(running: Any, token: str) -> str:
    """Return why the next request is refused."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = ask("GET", running.url("/events"), headers=headers)
    assert answer.status_code == 401
    said: str = answer.json()["error_description"]
    return said


def is_closed(running: Any, path: str) -> bool:
    """Whether the generator of *path* is closed, at the latest as garbage."""

    def said() -> bool:
        ask("GET", running.url("/healthz"))
        return f"closed {path}" in running.log.read_text()

    return until(said)


def is_clean(running: Any) -> bool:
    """Whether no connection is watched, and the server has logged no error."""
    assert "Traceback" not in running.log.read_text()
    return until(lambda: ask("GET", running.url("/healthz")).json() == {"watched": 0})


@needs_redis
@pytest.mark.parametrize("server", SERVERS)
def test_a_revocation_in_one_process_ends_a_stream_of_another(
    server: str, serve: Serve, issuer: JWTIssuer, redis: Redis
) -> None:
    """The body ends whole, the generator is closed, and the next request is 401."""
    here, there = (serve(*SERVERS[server], JWTGUARD_STATE=redis.url) for _ in range(2))
    token, other = issuer.token(), issuer.token(subject="bob")
    with (
        opened(here, "/events", token) as chunks,
        opened(here, "/events", other) as kept,
    ):
        assert next(chunks)
        assert next(kept)
        sign_out(there, token)
        for _ in chunks:  # those on their way, until the body is whole
            pass
        assert [next(kept), next(kept)]
    assert is_closed(here, "/events")
    assert refusal(here, token) == "The access token was revoked"
    assert is_clean(here)


def brief(issuer: JWTIssuer, seconds: float, subject: str = "alice") -> str:
    """Return a token that is good for so many seconds of real time."""
    now = time.time()
    claims = {"exp": now + seconds, "iat": now - 1}
    return issuer.token(subject=subject, claims=claims)


def in_time(issuer: JWTIssuer, use: Callable[[str], bool], who: str = "alice") -> str:
    """Return a token that has ended while *use* used it.

    A busy machine may be slower than the token: then *use* returns False.
    """
    for seconds in (2, 8, 32, 120):
        token = brief(issuer, seconds, who)
        if use(token):
            return token
    raise AssertionError("no token lives long enough")


def read_whole(running: Any, token: str) -> bool:
    """Read an event stream until it ends; return False for 401."""
    try:
        with opened(running, "/events", token) as chunks:
            for _ in chunks:
                pass
    except Refused:
        return False
    return True


@pytest.mark.parametrize("server", SERVERS)
def test_a_stream_ends_when_its_token_expires(
    server: str, serve: Serve, issuer: JWTIssuer
) -> None:
    """Likewise."""
    running = serve(*SERVERS[server], JWTGUARD_LEEWAY="1")
    token = in_time(issuer, lambda token: read_whole(running, token))
    assert is_closed(running, "/events")
    assert refusal(running, token) == "The access token has expired"
    assert is_clean(running)


FRAMEWORKS = ["starlette", "base", "litestar", "quart", "django"]


@pytest.mark.parametrize("server", ASGI)
@pytest.mark.parametrize("path", ["events", "idle"])
def test_frameworks_close_their_generators(
    path: str, server: str, serve: Serve, issuer: JWTIssuer
) -> None:
    """Generators that never continue are closed too, without an error in the server."""
    frameworks = FRAMEWORKS if "trio" not in server else ["starlette", "base"]
    running = serve(*ASGI[server])
    for number, framework in enumerate(frameworks):
        token = issuer.token(subject=f"{framework}{number}")
        with opened(running, f"/{framework}/{path}", token) as chunks:
            assert next(chunks)
            sign_out(running, token)
            for _ in chunks:
                pass
        name = path if framework in ("starlette", "base") else f"{framework}/{path}"
        assert is_closed(running, f"/{name}"), framework
    assert is_clean(running)


@pytest.mark.parametrize(
    ("framework", "server"),
    [
        (framework, server)
        for framework in ("raw", "falcon")
        for server in ASGI
        if framework != "falcon" or "trio" not in server  # Falcon needs asyncio
    ],
)
def test_applications_that_only_send_are_stopped(
    framework: str, server: str, serve: Serve, issuer: JWTIssuer
) -> None:
    """They get an error soon after, which is not passed on to the server."""
    running = serve(*ASGI[server])
    token = issuer.token()
    with opened(running, f"/{framework}/events", token) as chunks:
        assert next(chunks)
        sign_out(running, token)
        for _ in chunks:
            pass
    assert is_closed(running, f"/{framework}/events")
    assert is_clean(running)


@pytest.mark.parametrize("server", SERVERS)
def test_a_client_that_leaves_leaves_nothing_behind(
    server: str, serve: Serve, issuer: JWTIssuer
) -> None:
    """The token is watched no longer."""
    running = serve(*SERVERS[server])
    with opened(running, "/events", issuer.token()) as chunks:
        assert next(chunks)
    assert is_closed(running, "/events")
    assert is_clean(running)


def dial(running: Any, token: str) -> ClientConnection:
    headers = {"Authorization": f"Bearer {token}"}
    url: str = running.url("/socket", "ws")
    opened: ClientConnection = connect(
        url, proxy=None, open_timeout=HANG, additional_headers=headers
    )
    return opened


def closing(running: Any, token: str, sign_out_at: Any = None) -> str:
    """Open a WebSocket, and return why the server closed it with 4401."""
    try:
        socket = dial(running, token)
    except InvalidStatus:
        return ""
    with socket:
        assert socket.recv(HANG) == "hello"
        if sign_out_at is not None:
            sign_out(sign_out_at, token)
        with pytest.raises(ConnectionClosed):
            socket.recv(HANG)
        assert socket.close_code == 4401
        return socket.close_reason or "no reason"


@needs_redis
@pytest.mark.parametrize("server", ASGI)
def test_a_websocket_ends_with_its_token(
    server: str, serve: Serve, issuer: JWTIssuer, redis: Redis
) -> None:
    """4401: revoked in another process, or expired. Daphne drops the reason."""
    settings = {"JWTGUARD_STATE": redis.url, "JWTGUARD_LEEWAY": "1"}
    here, there = (serve(*ASGI[server], **settings) for _ in range(2))
    told = "no reason" if server == "daphne" else "revoked"
    assert closing(here, issuer.token(), there) == told
    reasons: list[str] = []

    def use(token: str) -> bool:
        reasons.append(closing(here, token))
        return bool(reasons[-1])

    in_time(issuer, use, "bob")
    assert reasons[-1] == ("no reason" if server == "daphne" else "expired")
    assert is_closed(here, "/socket")
    assert is_clean(here)
