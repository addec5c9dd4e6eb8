"""WSGI: what applications find in their environ, errors, bodies and preflights."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest

from jwtguard import ConfigurationError, Guard
from jwtguard.errors import InvalidTokenError, KeysUnavailableError, MissingTokenError
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware, read_body, request_of


def environ_of(path: str = "/", **more: Any) -> dict[str, Any]:
    """Return an environ as servers make them."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "443",
        "HTTP_HOST": "api.example",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        **more,
    }


def run(app: Any, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Run *app* as a server does; return status, header fields and body."""
    started: list[Any] = []
    written: list[bytes] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        started[:] = [int(status[:3]), dict(headers)]
        return written.append

    chunks = app(environ, start)
    body = b"".join(chunks)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    return started[0], started[1], b"".join(written) + body


def ok(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer 200."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


def bearer(issuer: JWTIssuer, **token: Any) -> dict[str, str]:
    """Return the variable that carries a token."""
    return {"HTTP_AUTHORIZATION": f"Bearer {issuer.token(**token)}"}


def test_the_caller_is_in_the_environ(jwt_issuer: JWTIssuer, jwt_guard: Guard) -> None:
    """With nothing refused; where no token was needed there is nobody."""
    environ = environ_of(**bearer(jwt_issuer, scope="a"))
    assert run(GuardMiddleware(ok, jwt_guard), environ)[0] == 200
    assert environ["jwtguard.principal"].scopes == {"a"}
    assert environ["jwtguard.refusal"] is None
    guard = jwt_issuer.guard(public_paths=("/public",))
    environ = environ_of("/public")
    assert run(GuardMiddleware(ok, guard), environ)[0] == 200
    assert environ["jwtguard.principal"] is None


def test_the_path_is_what_the_application_routes_on(jwt_issuer: JWTIssuer) -> None:
    """``PATH_INFO``, whatever the mount point."""
    app = GuardMiddleware(ok, jwt_issuer.guard(public_paths=("/healthz",)))
    assert run(app, environ_of("/healthz", SCRIPT_NAME="/api"))[0] == 200
    assert run(app, environ_of("/api/healthz"))[0] == 401


def test_a_bad_configuration_raises_at_construction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A WSGI server would not start: nothing runs unguarded."""
    for name in ("ISSUER", "AUDIENCE", "CONFIG"):
        monkeypatch.delenv(f"JWTGUARD_{name}", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        GuardMiddleware(ok)
    assert len(caught.value.problems) == 2


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a guard of one's own."""
    monkeypatch.setenv("JWTGUARD_ISSUER", "https://id.example.com")
    monkeypatch.setenv("JWTGUARD_AUDIENCE", "https://api.example.com")
    monkeypatch.setenv("JWTGUARD_REALM", "notes")
    _, headers, _ = run(GuardMiddleware(ok), environ_of())
    assert headers["WWW-Authenticate"] == 'Bearer realm="notes"'


def test_a_server_without_host_field_is_known_by_its_name(jwt_guard: Guard) -> None:
    """PEP 3333: ``SERVER_NAME`` and ``SERVER_PORT`` are always there."""
    environ = environ_of()
    del environ["HTTP_HOST"]
    assert request_of(environ).header("host") == "api.example:443"


@pytest.mark.parametrize(
    ("error", "status"),
    [(InvalidTokenError("expired"), 401), (KeysUnavailableError(), 503)],
)
def test_our_error_is_answered(
    jwt_issuer: JWTIssuer, error: Exception, status: int
) -> None:
    """``verify`` may raise in an application that does not catch."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise error

    guard = jwt_issuer.guard(public_paths=("/",))
    found, headers, _ = run(GuardMiddleware(app, guard), environ_of())
    assert found == status
    assert headers["Vary"] == "Origin"


def test_an_application_may_start_again_and_write(
    jwt_issuer: JWTIssuer, jwt_guard: Guard
) -> None:
    """``exc_info`` and the ``write`` callable of PEP 3333 are handed on."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        try:
            raise RuntimeError("half way")
        except RuntimeError as error:
            info = (type(error), error, error.__traceback__)
            write = start_response("500 Oops", [("Vary", "Accept")], info)
        write(b"sorry")
        return []

    environ = environ_of(**bearer(jwt_issuer))
    status, headers, body = run(GuardMiddleware(app, jwt_guard), environ)
    assert (status, body) == (500, b"sorry")
    assert headers["Vary"] == "Accept, Origin"


class Answer(list[bytes]):
    """A body that knows whether it was closed."""

    closed = False

    def close(self) -> None:
        """As PEP 3333 asks of servers."""
        self.closed = True


@pytest.mark.parametrize("grants", [True, False])
def test_a_preflight_of_a_public_path_goes_to_the_application(
    jwt_issuer: JWTIssuer, grants: bool
) -> None:
    """Its answer stands if it grants an origin; else ours replaces it whole."""
    answer = Answer([b"theirs"])

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        fields = [("access-control-allow-origin", "*")] if grants else []
        start_response("200 OK", fields)(b"written, ")
        return answer

    environ = environ_of(
        REQUEST_METHOD="OPTIONS",
        HTTP_ORIGIN="https://www.example",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET",
    )
    guard = jwt_issuer.guard(public_paths=("/",))
    status, _, body = run(GuardMiddleware(app, guard), environ)
    expected = (200, b"written, theirs") if grants else (204, b"")
    assert (status, body) == expected
    assert answer.closed


def test_our_error_is_no_answer_to_a_preflight(jwt_issuer: JWTIssuer) -> None:
    """The browser would take it for a no, and never send the request itself."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise MissingTokenError("no_credentials")

    environ = environ_of(
        REQUEST_METHOD="OPTIONS",
        HTTP_ORIGIN="https://www.example",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET",
    )
    guard = jwt_issuer.guard(public_paths=("/",))
    status, headers, _ = run(GuardMiddleware(app, guard), environ)
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == "https://www.example"


@pytest.mark.parametrize(
    ("length", "sent", "more", "expected"),
    [
        ("3", b"abc", {}, b"abc"),
        ("3", b"abcdef", {}, b"abc"),
        ("5", b"abc", {}, None),
        ("", b"abc", {}, b""),
        ("", b"abc", {"HTTP_TRANSFER_ENCODING": "chunked"}, None),
        ("", b"abc", {"wsgi.input_terminated": True}, b"abc"),
        ("", b"abcdefgh", {"wsgi.input_terminated": True}, b"abcdef"),
    ],
)
def test_a_body_is_read_as_far_as_its_framing_is_known(
    length: str, sent: bytes, more: dict[str, Any], expected: bytes | None
) -> None:
    """Never beyond: a socket would block for ever."""
    environ = environ_of(
        CONTENT_LENGTH=length, **{"wsgi.input": io.BytesIO(sent), **more}
    )
    assert read_body(environ, 5) == expected


@pytest.mark.parametrize("error", [OSError, EOFError, ValueError])
def test_a_body_that_breaks_is_no_body(error: type[Exception]) -> None:
    """The client left, or its chunks made no sense."""

    class Broken:
        def read(self, size: int) -> bytes:
            raise error

    environ: dict[str, Any] = {"CONTENT_LENGTH": "3", "wsgi.input": Broken()}
    assert read_body(environ, 5) is None
