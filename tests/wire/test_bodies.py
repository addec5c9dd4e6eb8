"""Bodies on token paths as servers hand them over: ``wsgi.input`` and ASGI messages."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import anyio
import pytest

from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.wsgi import GuardMiddleware as WSGIGuard
from tests.wire.cases_grants import FORM, LOGIN, SETTINGS, encoded
from tests.wire.tokens import BASE, WWW, bearer, origin
from tests.wire.worlds import Ask, _environ, guard_of

BODY = encoded(LOGIN) + b"&x=%00+%C3%A9"
ASK = Ask(method="POST", path="/oauth/token", headers=(FORM, origin(WWW)), body=BODY)
GUARD = guard_of({**BASE, **SETTINGS})


class Socket(io.RawIOBase):
    """What a server reads from: a few bytes at a time, and it hangs past its end.

    Hanging is an error here: whoever reads past the end would wait for ever.
    """

    def __init__(self, sent: bytes, *, at_most: int = 7, ends: bool = False) -> None:
        self._left = sent
        self._at_most = at_most
        self._ends = ends
        self.asked = 0

    def read(self, size: int = -1, /) -> bytes:
        self.asked += 1
        if not self._left and not self._ends:
            raise AssertionError("read past the end of the body")
        size = min(self._at_most, size if size >= 0 else self._at_most)
        piece, self._left = self._left[:size], self._left[size:]
        return piece


def ask_wsgi(stream: Any, **changes: str | bool | None) -> tuple[int, dict[str, Any]]:
    """Return the status, and the environ that the application saw."""
    seen: dict[str, Any] = {}
    status: list[str] = []

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("200 OK", [])
        return []

    environ = {**_environ(ASK), "wsgi.input": stream}
    for name, value in changes.items():
        key = name.replace("wsgi_", "wsgi.")
        environ.pop(key, None)
        if value is not None:
            environ[key] = value
    WSGIGuard(application, GUARD)(environ, lambda s, *_: status.append(s))  # type: ignore[arg-type]
    return int(status[0][:3]), seen


def test_a_body_with_a_length_is_read_to_it_and_no_further() -> None:
    """However little comes at a time; the application gets a fresh stream of it."""
    status, seen = ask_wsgi(Socket(BODY))
    assert (status, seen["body"]) == (200, BODY)
    assert seen["CONTENT_LENGTH"] == str(len(BODY))


def test_a_chunked_body_is_read_to_its_end_where_the_server_marks_it() -> None:
    """And handed on with its length, no longer chunked: nobody decodes it again."""
    status, seen = ask_wsgi(
        Socket(BODY, ends=True),
        CONTENT_LENGTH=None,
        HTTP_TRANSFER_ENCODING="chunked",
        wsgi_input_terminated=True,
    )
    assert (status, seen["body"]) == (200, BODY)
    assert seen["CONTENT_LENGTH"] == str(len(BODY))
    assert "HTTP_TRANSFER_ENCODING" not in seen


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("chunks whose end is not marked", {"HTTP_TRANSFER_ENCODING": "chunked"}),
        ("no length at all", {}),
        ("an empty length", {"CONTENT_LENGTH": ""}),
    ],
)
def test_a_body_that_never_ends_is_not_waited_for(
    name: str, changes: dict[str, str]
) -> None:
    """Without a length or an end it is not touched: a server may hang there."""
    stream = Socket(BODY)
    status, seen = ask_wsgi(stream, **{"CONTENT_LENGTH": None, **changes})
    assert (status, seen, stream.asked) == (400, {}, 0), name


def test_a_length_beside_chunks_is_refused_unread() -> None:
    """The classic of request smuggling: two servers, two ends."""
    stream = Socket(BODY)
    status, seen = ask_wsgi(stream, HTTP_TRANSFER_ENCODING="chunked")
    assert (status, seen, stream.asked) == (400, {}, 0)


@pytest.mark.parametrize("error", [OSError, EOFError, ValueError, ConnectionError])
def test_a_socket_that_breaks_is_the_clients_fault(error: type[Exception]) -> None:
    """400, and the application is not called."""

    class Broken(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            raise error("gone")

    assert ask_wsgi(Broken()) == (400, {})


def ask_asgi(backend: str, *messages: dict[str, Any]) -> tuple[int, list[Any]]:
    """Return the status, and all messages that the application received."""
    left = list(messages)
    seen: list[Any] = []
    status: list[int] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())
        seen.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def receive() -> Any:
        return left.pop(0)

    async def send(message: Any) -> None:
        status.append(message.get("status", 0))

    fields = [(n.lower().encode(), v.encode()) for n, v in (FORM, origin(WWW))]
    scope = {
        "type": "http", "method": "POST", "scheme": "https", "path": "/oauth/token",
        "raw_path": b"/oauth/token", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"api.example"), *fields], "client": ("192.0.2.1", 1),
    }  # fmt: skip
    anyio.run(ASGIGuard(application, GUARD), scope, receive, send, backend=backend)
    return status[0], seen


GONE = {"type": "http.disconnect"}


def piece(body: bytes, more: bool) -> dict[str, Any]:
    """One ASGI message."""
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_split_messages_become_one_and_the_disconnect_follows(backend: str) -> None:
    """Split wherever, empty ones among them; later messages come as they were."""
    split = [piece(BODY[n : n + 5], True) for n in range(0, len(BODY), 5)]
    status, seen = ask_asgi(
        backend,
        {"type": "http.request", "more_body": True},
        *split,
        piece(b"", True),
        {"type": "http.request"},
        GONE,
    )
    assert (status, seen) == (200, [piece(BODY, False), GONE])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("before", [[], [piece(BODY, True)], [piece(BODY[:9], True)]])
def test_a_client_that_leaves_starts_nothing(
    backend: str, before: list[dict[str, Any]]
) -> None:
    """Half a form is none, though it may look whole."""
    status, seen = ask_asgi(backend, *before, GONE)
    assert (status, seen) == (400, [])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_body_without_end_is_read_to_the_limit_only(backend: str) -> None:
    """The rest stays where it is."""
    big = piece(b"a=" + b"x" * 40000, True)
    status, seen = ask_asgi(backend, big, big)
    assert (status, seen) == (413, [])


def test_an_application_that_refuses_after_it_started_is_heard() -> None:
    """WSGI lets it start over while nothing was sent: the refusal is what arrives."""
    from jwtguard.errors import InsufficientScopeError

    started: list[tuple[str, Any]] = []

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("X-Secret", "1")])
        raise InsufficientScopeError("scope_missing", scope="x")

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        assert not started or exc_info is not None
        started.append((status, dict(headers)))

    ask = Ask(headers=(bearer(),))
    WSGIGuard(application, GUARD)(_environ(ask), start)
    status, headers = started[-1]
    assert status == "403 Forbidden"
    assert "X-Secret" not in headers
