"""WSGI: what applications find in their environ, errors, bodies and preflights."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from jwtguard import ConfigurationError, Guard
from jwtguard.errors import InvalidTokenError, KeysUnavailableError
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


@pytest.mark.parametrize("path", ["/adm\xffin", "/adm\u0131n", "/\u20ac"])
def test_a_path_that_is_not_utf8_is_ambiguous(jwt_issuer: JWTIssuer, path: str) -> None:
    """Some frameworks put U+FFFD there, some drop the byte.

    A character that stands for no byte (PEP 3333) is rubbish of the server's.
    """
    assert "\ufffd" in request_of(environ_of(path)).path
    app = GuardMiddleware(ok, jwt_issuer.guard(public_paths=("/*",)))
    assert run(app, environ_of(path))[0] == 401


def test_the_mount_point_is_read_as_text(jwt_issuer: JWTIssuer) -> None:
    """Rules may name it, in any script."""
    assert request_of(environ_of(SCRIPT_NAME="/caf\xc3\xa9")).root == "/caf\xe9"
    assert request_of(environ_of(SCRIPT_NAME="")).root == ""


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
    monkeypatch.setenv("JWTGUARD_DPOP", "off")
    _, headers, _ = run(GuardMiddleware(ok), environ_of())
    assert headers["WWW-Authenticate"] == 'Bearer realm="notes"'


def test_no_host_is_invented() -> None:
    """``SERVER_NAME`` is what the server was bound to, often loopback."""
    environ = environ_of()
    del environ["HTTP_HOST"]
    assert request_of(environ).header("host") is None


def test_fields_are_read_by_their_cgi_names() -> None:
    """PEP 3333: two have no ``HTTP_``, and count only if they are not empty."""
    sent = {
        "CONTENT_TYPE": "a/b", "HTTP_CONTENT_TYPE": "c/d", "CONTENT_LENGTH": "",
        "HTTP_X_REAL_IP": "192.0.2.1", "HTTP_ORIGIN": "", "HTTP_DNT": "1",
        "HTTP_COOKIE": None,
    }  # fmt: skip
    found = request_of({**environ_of(), **sent}).headers
    assert found["content-type"] == ("a/b",)
    assert found["x-real-ip"] == ("192.0.2.1",)
    assert found["origin"] == ("",)
    assert not {"content-length", "dnt", "cookie"} & set(found)


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


def generator(error: Exception, *first: bytes, start: bool = False) -> Any:
    """Return an application that raises *error* after it has yielded *first*."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        if start or any(first):
            start_response("200 OK", [("Content-Length", "100")])
        yield from first
        raise error

    return app


class Lazy:
    """An application whose answer is lazy, and knows when it is closed."""

    def __init__(self, *chunks: bytes | Exception, headers: Any = ()) -> None:
        self.chunks = list(chunks)
        self.headers = list(headers)
        self.closed = 0

    def __call__(self, environ: Any, start_response: Any) -> Lazy:
        start_response("200 OK", self.headers)
        return self

    def __iter__(self) -> Lazy:
        return self

    def __next__(self) -> bytes:
        if not self.chunks:
            raise StopIteration
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def close(self) -> None:
        """As PEP 3333 asks of servers."""
        self.closed += 1


EXPIRED = InvalidTokenError("expired")


@pytest.mark.parametrize(
    "app",
    [
        generator(EXPIRED),
        generator(EXPIRED, start=True),
        generator(EXPIRED, b"", b"", start=True),
        Lazy(EXPIRED),
    ],
)
def test_our_error_in_a_lazy_answer_is_answered(
    jwt_issuer: JWTIssuer, app: Any
) -> None:
    """Before its first bytes: the same response as under ASGI."""
    guarded = GuardMiddleware(app, jwt_issuer.guard(public_paths=("/",)))
    status, headers, body = run(guarded, environ_of())
    assert status == 401
    assert headers["WWW-Authenticate"].startswith('Bearer realm="api", error="invalid_')
    assert headers["Vary"] == "Origin"
    assert int(headers["Content-Length"]) == len(body) > 0


def test_our_error_after_the_first_bytes_is_raised(jwt_issuer: JWTIssuer) -> None:
    """The client has the head already, as under ASGI."""
    app = generator(EXPIRED, b"first")
    with pytest.raises(InvalidTokenError):
        run(GuardMiddleware(app, jwt_issuer.guard(public_paths=("/",))), environ_of())


@pytest.mark.parametrize("chunks", [(b"a", b"", b"b"), (EXPIRED,), ()])
def test_a_lazy_answer_is_read_step_by_step_and_closed(
    jwt_issuer: JWTIssuer, chunks: tuple[Any, ...]
) -> None:
    """The server decides how fast, and closes it once, whatever came of it."""
    app = Lazy(*chunks)
    guarded = GuardMiddleware(app, jwt_issuer.guard(public_paths=("/",)))
    answer: Any = guarded(environ_of(), lambda *_: lambda _: None)
    assert len(app.chunks) == len(chunks)
    if chunks[:1] == (b"a",):
        assert next(iter(answer)) == b"a"
        assert len(app.chunks) == 2
    assert b"".join(answer).endswith((b"b", b"}", b""))
    answer.close()
    assert app.closed == 1


class FileWrapper:
    """What a server knows again, to send the file by itself."""

    def read(self, size: int = -1) -> bytes:
        """Return everything, once."""
        return b""


def file_of() -> FileWrapper:
    """Wrap a file where ``wsgi.file_wrapper`` is a function, as in uWSGI."""
    return FileWrapper()


@pytest.mark.parametrize("wrapper", [FileWrapper, file_of])
def test_a_file_reaches_the_server_as_it_is(
    jwt_issuer: JWTIssuer, wrapper: Any
) -> None:
    """Servers look for their own ``wsgi.file_wrapper`` and use ``sendfile``."""
    file = wrapper()
    guarded = GuardMiddleware(
        lambda environ, start_response: file, jwt_issuer.guard(public_paths=("/",))
    )
    environ = environ_of(**{"wsgi.file_wrapper": wrapper})
    assert guarded(environ, lambda *_: lambda _: None) is file


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


def preflight_of() -> dict[str, Any]:
    """Return the environ of a preflight."""
    return environ_of(
        REQUEST_METHOD="OPTIONS",
        HTTP_ORIGIN="https://www.example",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET",
    )


def ours_to_a_preflight(app: Any, issuer: JWTIssuer) -> None:
    """Check that *app*'s answer to a preflight is replaced by ours."""
    guarded = GuardMiddleware(app, issuer.guard(public_paths=("/",)))
    status, headers, body = run(guarded, preflight_of())
    assert (status, body) == (204, b"")
    assert headers["Access-Control-Allow-Origin"] == "https://www.example"


def silent(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Break PEP 3333: never start a response."""
    return []


def raising(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Raise at once."""
    raise EXPIRED


@pytest.mark.parametrize("app", [raising, generator(EXPIRED), Lazy(EXPIRED), silent])
def test_a_preflight_is_not_answered_with_our_error(
    jwt_issuer: JWTIssuer, app: Any
) -> None:
    """The browser would take it for a no, and never send the request itself."""
    ours_to_a_preflight(app, jwt_issuer)


GRANT = ("Access-Control-Allow-Origin", "*")


def test_an_endless_answer_to_a_preflight_is_not_read(jwt_issuer: JWTIssuer) -> None:
    """Where ours replaces it, no more than one chunk is read; then it is closed."""
    app = Lazy(*[b"x"] * 1000)
    ours_to_a_preflight(app, jwt_issuer)
    assert len(app.chunks) == 999
    assert app.closed == 1


def test_a_streamed_answer_to_a_preflight_is_streamed(jwt_issuer: JWTIssuer) -> None:
    """Where it grants an origin, the client gets it chunk by chunk."""
    app = Lazy(*[b"x"] * 1000, headers=[GRANT])
    guarded = GuardMiddleware(app, jwt_issuer.guard(public_paths=("/",)))
    answer: Any = guarded(preflight_of(), lambda *_: lambda _: None)
    assert len(app.chunks) == 999
    assert len(b"".join(answer)) == 1000
    answer.close()
    assert app.closed == 1


def test_an_answer_to_a_preflight_that_breaks_is_closed(jwt_issuer: JWTIssuer) -> None:
    """The server never sees it, and cannot close it."""
    app = Lazy(RuntimeError("broken"))
    guarded = GuardMiddleware(app, jwt_issuer.guard(public_paths=("/",)))
    with pytest.raises(RuntimeError, match="broken"):
        run(guarded, preflight_of())
    assert app.closed == 1


@pytest.mark.parametrize("last", [True, False])
def test_the_last_start_of_a_preflights_answer_counts(
    jwt_issuer: JWTIssuer, last: bool
) -> None:
    """An error page may take back a grant, or make one."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [] if last else [GRANT])
        info = (EXPIRED.__class__, EXPIRED, None)
        start_response("500 Oops", [GRANT] if last else [], info)(b"written, ")
        return [b"theirs"]

    if not last:
        ours_to_a_preflight(app, jwt_issuer)
        return
    guarded = GuardMiddleware(app, jwt_issuer.guard(public_paths=("/",)))
    status, _, body = run(guarded, preflight_of())
    assert (status, body) == (500, b"written, theirs")


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
def test_a_body_that_breaks_is_not_read(error: type[Exception]) -> None:
    """The client left, or its chunks made no sense."""

    class Broken:
        def read(self, size: int) -> bytes:
            raise error

    environ: dict[str, Any] = {"CONTENT_LENGTH": "3", "wsgi.input": Broken()}
    assert read_body(environ, 5) is None
