"""What of an issuer's answer the relay hands back, and what a guard in front adds."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import httpx
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client as WSGIClient
from werkzeug.test import TestResponse

from jwtguard import Client, Guard, Policy, TrustedIssuer
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.relay import TokenRelay
from jwtguard.wsgi import GuardMiddleware as WSGIGuard

SPA, SHOP = "https://www.example.com", "https://shop.example.com"
FORM = {"grant_type": "password", "client_id": "spa", "username": "u", "password": "p"}
JSON = {"Content_Type": "application/json"}
LONGEST = 64 * 1024


class Issuer(ThreadingHTTPServer):
    """A token server over a real socket that answers as it is told."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Callable[[Handler], None] = lambda handler: handler.send(b"{}")
        self.stop = threading.Event()
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever is hung up on in the middle is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answer(self)

    def log_message(self, *args: object) -> None:
        """Keep test output clean."""

    def send(self, body: bytes, status: int = 200, **fields: str) -> None:
        self.send_response_only(status)
        for name, value in {**JSON, **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A token server that runs."""
    with Issuer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


def relay_to(url: str, **settings: Any) -> TokenRelay:
    named = {"relay_url": f"{url}/token", "relay_revocation_url": f"{url}/revoke"}
    clients = (
        Client(id="spa", origins=(SPA,), refresh=True),
        Client(id="shop", origins=(SHOP,)),
    )
    given = {
        "issuers": (TrustedIssuer(url=url),),
        "audience": "a",
        "clients": clients,
        "public_paths": ("/oauth/*",),
        **named,
        **settings,
    }
    return TokenRelay(Guard(Policy(**given)))


def ask(relay: TokenRelay, path: str = "/token", **form: str) -> TestResponse:
    http = WSGIClient(relay.wsgi)
    return http.post(path, base_url="https://api.example", data={**FORM, **form})


def test_only_what_is_listed_comes_back(issuer: Issuer) -> None:
    """Else an issuer could have our proxy send files, or our cache keep tokens."""
    fields = {
        "X_Accel_Redirect": "/internal/secret.txt",
        "X_Sendfile": "/etc/passwd",
        "Link": "</evil.css>; rel=stylesheet",
        "Refresh": "0;url=https://evil.example",
        "Service_Worker_Allowed": "/",
        "Location": "https://evil.example",
        "Cache_Control": "public, max-age=31536000",
        "Set_Cookie": "session=1",
        "Access_Control_Allow_Origin": "*",
        "Vary": "*",
        "WWW_Authenticate": 'Basic realm="id"',
        "Retry_After": "7",
        "DPoP_Nonce": "n1",
    }
    issuer.answer = lambda handler: handler.send(b'{"a":1}', 401, **fields)
    answer = ask(relay_to(issuer.url))
    assert (answer.status_code, answer.json) == (401, {"a": 1})
    assert dict(answer.headers) == {
        "Cache-Control": "no-store",
        "Content-Type": "application/json",
        "WWW-Authenticate": 'Basic realm="id"',
        "Retry-After": "7",
        "DPoP-Nonce": "n1",
        "Content-Length": "7",
        "Vary": "Origin",
    }


@pytest.mark.parametrize(
    "kind", ["application/json;charset=UTF-8", "application/problem+json"]
)
def test_json_by_any_of_its_names_comes_back(issuer: Issuer, kind: str) -> None:
    """With the name that the issuer gave it."""
    issuer.answer = lambda handler: handler.send(b"{}", 400, Content_Type=kind)
    answer = ask(relay_to(issuer.url))
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, kind)


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        (b"<script>", 200, {"Content_Type": "text/html"}),
        (b"<script>", 503, {"Content_Type": "text/html"}),
        (b"{}", 200, {"Content_Type": ""}),
        (b"{}", 200, {"Content_Type": "application/javascript"}),
        (b"{}", 200, {"Content_Type": "application/json, text/html"}),
        (b"{}", 302, {"Location": "https://evil.example"}),
        (b"", 304, {}),
        (b"{}", 299, {}),
        (b"{}", 600, {}),
        (b"{}", 999, {}),
        (gzip.compress(b" " * 10_000_000), 200, {"Content_Encoding": "gzip"}),
        (b" " * (LONGEST + 1), 200, {}),
    ],
    ids=range(12),
)
def test_what_cannot_be_used_is_502(
    issuer: Issuer,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    status: int,
    fields: dict[str, str],
) -> None:
    """No page of an issuer's is served at our origin; the log says what it was."""
    issuer.answer = lambda handler: handler.send(body, status, **fields)
    with caplog.at_level("INFO", "jwtguard"):
        answer = ask(relay_to(issuer.url))
    assert (answer.status_code, len(issuer.asked)) == (502, 1)
    assert (answer.json or {})["error"] == "temporarily_unavailable"
    assert answer.headers["Cache-Control"] == "no-store"
    # Frameworks that other tests import switch on the loggers of other packages.
    (record,) = [r for r in caplog.records if getattr(r, "event", "") == "refused"]
    assert record.reason == "issuer_answer_unusable"  # type: ignore[attr-defined]
    assert record.detail.startswith("127.0.0.1: ")  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["a\x7fb", "a\x01b"])
def test_a_field_that_cannot_be_sent_is_left_out(issuer: Issuer, value: str) -> None:
    """Servers refuse such a value, or send it in a way of their own."""
    fields = {"Retry_After": value, "WWW_Authenticate": 'Basic realm="x"'}
    issuer.answer = lambda handler: handler.send(b"{}", 503, **fields)
    answer = ask(relay_to(issuer.url))
    assert answer.status_code == 503
    assert "Retry-After" not in answer.headers
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="x"'


def test_64_kib_come_back_whole(issuer: Issuer) -> None:
    """Tokens with thousands of roles are long."""
    body = b'"' + b"x" * (LONGEST - 2) + b'"'
    issuer.answer = lambda handler: handler.send(body)
    assert ask(relay_to(issuer.url)).data == body


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_without_a_body_needs_no_type(issuer: Issuer, status: int) -> None:
    """RFC 7009 section 2.2: revocation is often answered with 200 and nothing."""

    def answer(handler: Handler) -> None:
        handler.send_response_only(status)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True

    issuer.answer = answer
    got = WSGIClient(relay_to(issuer.url).wsgi).post(
        "/revoke",
        base_url="https://api.example",
        data={"client_id": "spa", "token": "x"},
        headers={"Origin": SPA},
    )
    assert (got.status_code, got.data) == (status, b"")
    assert got.headers["Cache-Control"] == "no-store"
    assert ("Content-Length" in got.headers) == (status == 200)


@pytest.mark.slow
@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"]
)
def test_an_answer_that_drips_meets_the_time_limit(issuer: Issuer, head: bytes) -> None:
    """A byte now and then keeps every read alive, but not the whole answer."""

    def drip(handler: Handler) -> None:
        with suppress(OSError):
            handler.wfile.write(head or b"HTTP/1.1 200 OK\r\nA: ")
            while not issuer.stop.wait(0.05):
                handler.wfile.write(b" ")
        handler.close_connection = True

    issuer.answer = drip
    began = time.monotonic()
    answer = ask(relay_to(issuer.url, relay_timeout=1))
    assert answer.status_code == 504
    assert time.monotonic() - began >= 1


# Behind a guard, on a public path.


def by_wsgi(relay: TokenRelay, form: dict[str, str], origin: str) -> Any:
    def nothing(environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return []

    app = DispatcherMiddleware(nothing, {"/oauth": relay.wsgi})
    http = WSGIClient(WSGIGuard(app, relay.guard))
    return http.post(
        "/oauth/token",
        base_url="https://api.example",
        data=form,
        headers={"Origin": origin},
    )


def by_asgi(relay: TokenRelay, form: dict[str, str], origin: str) -> Any:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=ASGIGuard(relay.asgi, relay.guard))
        base = "https://api.example"
        async with httpx.AsyncClient(transport=transport, base_url=base) as http:
            headers = {"Origin": origin}
            return await http.post("/oauth/token", data=form, headers=headers)

    return anyio.run(send)


@pytest.mark.parametrize("send", [by_wsgi, by_asgi], ids=["wsgi", "asgi"])
@pytest.mark.parametrize(
    "form",
    [
        FORM,
        {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": "r"},
        {"grant_type": "client_credentials", "client_id": "spa"},
    ],
    ids=lambda form: form["grant_type"],
)
def test_a_refusal_for_one_client_is_not_read_by_a_page_of_another(
    issuer: Issuer, send: Callable[..., Any], form: dict[str, str]
) -> None:
    """The guard in front grants what the relay granted, and no other origin more."""
    answer = send(relay_to(issuer.url), form, SHOP)
    assert (answer.status_code, issuer.asked) == (403, [])
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("send", [by_wsgi, by_asgi], ids=["wsgi", "asgi"])
def test_the_clients_own_page_reads_its_answers_behind_a_guard(
    issuer: Issuer, send: Callable[..., Any]
) -> None:
    """Good ones and refusals; where no client can be told, any client's page may."""
    relay = relay_to(issuer.url)
    for form, status in (
        (FORM, 200),
        ({"grant_type": "refresh_token", "client_id": "spa"}, 200),
        (FORM | {"grant_type": "client_credentials"}, 400),
        ({"username": "u"}, 400),
    ):
        answer = send(relay, form, SPA)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == SPA


def test_a_relay_that_is_not_behind_a_guard_sends_no_empty_field(
    issuer: Issuer,
) -> None:
    """What it tells the guard in front is not for clients."""
    answer = ask(relay_to(issuer.url), client_id="nobody")
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
