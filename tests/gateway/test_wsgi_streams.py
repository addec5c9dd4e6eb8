"""WSGI: event streams end with their token, between two chunks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.test import Client

from jwtguard import Guard
from jwtguard.flask import JWTGuard
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware

EVENTS = ("Content-Type", "text/event-stream")
Ending = Callable[[Guard, JWTIssuer], None]


def watched(guard: Guard) -> int:
    """Return by how many names open connections are watched."""
    return len(guard._flow.revocations.watches._by_key)


def revoked(guard: Guard, issuer: JWTIssuer) -> None:
    """End all tokens of alice."""
    guard.revoke_tokens(issuer=issuer.url, subject="alice")


def expired(guard: Guard, issuer: JWTIssuer) -> None:
    """Move the clock, by hand, to when the token is no longer good."""
    issuer.clock.advance(300 + guard.policy.leeway)


class App:
    """Streams numbers, and notes what becomes of its generator and its iterable."""

    def __init__(self, *fields: tuple[str, str], late: bool = False) -> None:
        self.fields = list(fields)
        self.late = late
        """Start the answer only when the first chunk is asked for."""
        self.asked = 0
        self.finished = 0
        self.closed = 0

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if not self.late:
            start_response("200 OK", self.fields)
        return _Closed(self, start_response)

    def chunks(self, start_response: Any) -> Iterator[bytes]:
        """Yield three numbers."""
        if self.late:
            start_response("200 OK", self.fields)
        try:
            for number in range(3):
                self.asked += 1
                yield b"data: %d\n\n" % number
        finally:
            self.finished += 1


class _Closed:
    def __init__(self, app: App, start_response: Any) -> None:
        self._app = app
        self._chunks = app.chunks(start_response)

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        self._app.closed += 1
        self._chunks.close()  # type: ignore[attr-defined]


def serve(app: Any, guard: Guard, issuer: JWTIssuer, path: str = "/events") -> Any:
    """Begin the answer to one request, as a server does."""
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_AUTHORIZATION": issuer.headers()["Authorization"],
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
    }
    return GuardMiddleware(app, guard)(environ, lambda *_: lambda _: None)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("end", [revoked, expired])
def test_a_stream_ends_before_its_next_chunk(
    jwt_issuer: JWTIssuer, end: Ending, late: bool
) -> None:
    """No further chunk is asked for; the application is closed once."""
    guard, app = jwt_issuer.guard(), App(EVENTS, late=late)
    answer = serve(app, guard, jwt_issuer)
    chunks = iter(answer)
    assert next(chunks) == b"data: 0\n\n"
    assert next(chunks) == b"data: 1\n\n"
    assert watched(guard)
    end(guard, jwt_issuer)
    assert list(chunks) == []
    answer.close()
    assert (app.asked, app.finished, app.closed) == (2, 1, 1)
    assert not watched(guard)


def test_a_stream_that_ends_after_its_first_chunk(jwt_issuer: JWTIssuer) -> None:
    """The token is looked at from there on, also for what came between."""
    guard, app = jwt_issuer.guard(), App(EVENTS)
    answer = serve(app, guard, jwt_issuer)
    chunks = iter(answer)
    assert next(chunks) == b"data: 0\n\n"
    revoked(guard, jwt_issuer)
    assert list(chunks) == []
    answer.close()
    assert (app.asked, app.finished, app.closed) == (1, 1, 1)


def test_a_chunk_that_comes_too_late_is_not_sent(jwt_issuer: JWTIssuer) -> None:
    """The token was revoked while the application waited for something to send."""
    guard = jwt_issuer.guard()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [EVENTS])
        yield b"one"
        yield b"two"
        revoked(guard, jwt_issuer)
        yield b"secret"

    answer = serve(app, guard, jwt_issuer)
    assert list(answer) == [b"one", b"two"]


def test_a_client_that_leaves_leaves_nothing_behind(jwt_issuer: JWTIssuer) -> None:
    """The server closes the answer; that is passed on once."""
    guard, app = jwt_issuer.guard(), App(EVENTS)
    answer = serve(app, guard, jwt_issuer)
    chunks = iter(answer)
    assert [next(chunks), next(chunks)]
    assert watched(guard)
    answer.close()
    assert (app.finished, app.closed) == (1, 1)
    assert not watched(guard)


def test_an_error_of_the_application_is_its_own(jwt_issuer: JWTIssuer) -> None:
    """The token is watched no longer."""
    guard = jwt_issuer.guard()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [EVENTS])
        yield b"one"
        yield b"two"
        raise LookupError("mine")

    answer = serve(app, guard, jwt_issuer)
    with pytest.raises(LookupError, match="mine"):
        list(answer)
    assert not watched(guard)


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ([("Content-Type", "application/json")], {}),
        ([], {}),
        ([EVENTS, ("Content-Length", "27")], {}),
        ([EVENTS], {"close_streams": False}),
        ([EVENTS], {"public_paths": ("/events",)}),
    ],
)
def test_other_answers_are_left_alone(
    jwt_issuer: JWTIssuer, fields: Any, policy: dict[str, Any]
) -> None:
    """Downloads, answers of a stated length, and streams that need no token."""
    guard, app = jwt_issuer.guard(**policy), App(*fields)
    answer = serve(app, guard, jwt_issuer)
    chunks = iter(answer)
    assert [next(chunks), next(chunks)]
    revoked(guard, jwt_issuer)
    assert len(list(chunks)) == 1
    answer.close()
    assert (app.finished, app.closed) == (1, 1)


def test_an_answer_that_starts_over_is_not_a_stream(jwt_issuer: JWTIssuer) -> None:
    """PEP 3333: an application may replace its head while nothing was sent."""
    guard = jwt_issuer.guard()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [EVENTS])
        error = (ValueError, ValueError(), None)
        start_response("500 Oh", [("Content-Type", "text/plain")], error)
        yield b"one"
        revoked(guard, jwt_issuer)
        yield b"two"

    assert list(serve(app, guard, jwt_issuer)) == [b"one", b"two"]


def test_a_flask_response_is_closed_once(jwt_issuer: JWTIssuer) -> None:
    """Its ``call_on_close`` functions run when the token has ended."""
    guard, app = jwt_issuer.guard(), Flask(__name__)
    JWTGuard(app, guard)
    said: list[str] = []

    @app.get("/events")
    def events() -> Response:
        def chunks() -> Iterator[str]:
            try:
                yield "data: 1\n\n"
                yield "data: 2\n\n"
                revoked(guard, jwt_issuer)
                yield "data: 3\n\n"
            finally:
                said.append("finally")

        response = Response(chunks(), mimetype="text/event-stream")
        response.call_on_close(lambda: said.append("closed"))
        return response

    client = Client(app)
    answer = client.get(
        "/events", base_url="https://localhost", headers=jwt_issuer.headers()
    )
    assert answer.data == b"data: 1\n\ndata: 2\n\n"
    answer.close()
    assert sorted(said) == ["closed", "finally"]
    assert not watched(guard)
