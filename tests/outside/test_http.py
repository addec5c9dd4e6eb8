"""One GET with real limits, against a server that misbehaves on request."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime as dt
import gzip
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jwtguard.core.model.effects import (
    LONGEST_DOCUMENT,
    FetchFailedError,
    Flight,
    Incoming,
    Outgoing,
)
from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.verify.keys import DEADLINE, KeyCache
from jwtguard.errors import KeysUnavailableError
from jwtguard.guard import Guard
from jwtguard.outside.fetcher import Fetcher
from jwtguard.outside.http import HTTPClient
from jwtguard.testing import JWTIssuer
from tests.waiting import HANG


class Server(ThreadingHTTPServer):
    """Answers each path with what ``paths`` says, and notes what was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths: dict[str, Callable[[Handler], None]] = {}
        self.seen: list[tuple[str, Mapping[str, str]]] = []
        self.stop = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on a server without end is what is wanted."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(
            (self.path, {k.lower(): v for k, v in self.headers.items()})
        )
        self.server.paths[self.path](self)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.server.paths[self.path] = lambda handler: handler.send(b"", 502)
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Keep test output clean."""

    def send(self, body: bytes, status: int = 200, **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, first: bytes) -> None:
        """Send *first*, then a byte now and then, until the test is over."""
        with contextlib.suppress(OSError):
            self.wfile.write(first)
            end = time.monotonic() + HANG
            while not self.server.stop.wait(0.02) and time.monotonic() < end:
                self.wfile.write(b" ")
        self.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    """A real server on loopback."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.stop.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def issuer() -> JWTIssuer:
    """An issuer with one EC key."""
    return JWTIssuer(alg="ES256")


def answering(
    body: bytes, status: int = 200, **fields: str
) -> Callable[[Handler], None]:
    return lambda handler: handler.send(body, status, **fields)


def get(server: Server, path: str = "/", timeout: float = 5.0) -> Incoming:
    return HTTPClient().get(server.url(path), {}, timeout)


# What is sent and taken.


def test_a_document_comes_with_its_fields(server: Server) -> None:
    """Status, body, and field names in lower case."""
    server.paths["/"] = answering(b"{}", ETag='"1"', Cache_Control="max-age=60")
    got = get(server)
    assert (got.status, got.body) == (200, b"{}")
    assert (got.headers["etag"], got.headers["cache-control"]) == ('"1"', "max-age=60")


def test_what_is_sent_is_fixed(server: Server) -> None:
    """Our name, no compression, what the caller adds, and nothing that tells of it."""
    server.paths["/"] = answering(b"{}")
    HTTPClient().get(server.url("/"), {"If-None-Match": '"1"'}, 5.0)
    ((_, fields),) = server.seen
    assert fields["user-agent"] == "jwtguard"
    assert fields["accept-encoding"] == "identity"
    assert fields["if-none-match"] == '"1"'
    assert not {"cookie", "authorization", "referer"} & set(fields)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: Server, status: int) -> None:
    """The URL was configured or discovered; where it points to was not."""
    server.paths["/"] = answering(b"", status, Location=server.url("/elsewhere"))
    server.paths["/elsewhere"] = answering(b"{}")
    assert get(server).status == status
    assert [path for path, _ in server.seen] == ["/"]


def test_the_longest_document_and_one_byte_more(server: Server) -> None:
    """512 KiB are read, not more."""
    server.paths["/"] = answering(b" " * LONGEST_DOCUMENT)
    assert len(get(server).body) == LONGEST_DOCUMENT == 524_288
    server.paths["/"] = answering(b" " * (LONGEST_DOCUMENT + 1))
    with pytest.raises(FetchFailedError, match="longer than 524288 bytes"):
        get(server)


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_no_coding_has_several_names(server: Server, coding: str) -> None:
    """RFC 9110 section 8.4.1: names of codings have no case."""
    server.paths["/"] = answering(b"{}", Content_Encoding=coding)
    assert get(server).body == b"{}"


def test_compressed_answers_are_refused(server: Server) -> None:
    """A kilobyte of gzip can become a megabyte: nothing is unpacked."""
    server.paths["/"] = answering(gzip.compress(b"{}"), Content_Encoding="gzip")
    with pytest.raises(FetchFailedError, match="compressed"):
        get(server)


# Time.


def test_a_server_that_says_nothing(server: Server) -> None:
    """It is given up after the time that was left."""

    def hold(_: Handler) -> None:
        server.stop.wait(HANG)

    server.paths["/"] = hold
    began = time.monotonic()
    with pytest.raises(FetchFailedError, match="took too long"):
        get(server, timeout=0.2)
    assert 0.2 <= time.monotonic() - began < DEADLINE


def test_a_body_that_drips_meets_the_deadline(server: Server) -> None:
    """A byte now and then keeps every single read alive, but not the whole fetch."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    server.paths["/"] = lambda handler: handler.drip(head)
    began = time.monotonic()
    with pytest.raises(FetchFailedError, match="took too long"):
        get(server, timeout=0.3)
    assert time.monotonic() - began >= 0.3


@pytest.mark.slow
def test_a_silence_after_the_first_bytes_is_no_second_chance(server: Server) -> None:
    """The time runs from the beginning, not from the last byte that came.

    A second fetch, begun at that byte, has less time in all, and ends later.
    """
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
    spoke = threading.Event()

    def once(handler: Handler) -> None:
        with contextlib.suppress(OSError):
            handler.wfile.write(head)
            server.stop.wait(1.2)
            handler.wfile.write(b"{")
            spoke.set()
            server.stop.wait(HANG)

    def never(_: Handler) -> None:
        server.stop.wait(HANG)

    server.paths |= {"/": once, "/silent": never}
    ended: list[str] = []

    def ends(path: str, timeout: float) -> None:
        with pytest.raises(FetchFailedError, match="took too long"):
            get(server, path, timeout)
        ended.append(path)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(ends, "/", 2.0)
        assert spoke.wait(HANG)
        second = pool.submit(ends, "/silent", 1.6)
        first.result(HANG)
        second.result(HANG)
    assert ended == ["/", "/silent"]


def dripping_headers(server: Server, url: str) -> None:
    server.paths["/"] = lambda handler: handler.drip(b"HTTP/1.1 200 OK\r\nA: ")
    with pytest.raises(FetchFailedError, match="took too long"):
        HTTPClient().get(url, {}, 0.5)


def test_headers_that_drip_meet_the_deadline(server: Server) -> None:
    """No limit of the HTTP client bites here, so we hang up ourselves."""
    dripping_headers(server, server.url("/"))


def test_headers_that_drip_over_tls_meet_the_deadline(
    server: Server, secure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Likewise where the socket is wrapped."""
    monkeypatch.setenv("SSL_CERT_FILE", str(secure))
    dripping_headers(server, f"https://localhost:{server.server_port}/")


def test_no_time_left_means_no_request(server: Server) -> None:
    """Discovery may have used it up."""
    with pytest.raises(FetchFailedError, match="no time left"):
        get(server, timeout=0)
    assert server.seen == []


# Failures.


def test_nobody_listens() -> None:
    """A refused connection is a failed fetch that names the URL."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        with pytest.raises(FetchFailedError, match=url):
            HTTPClient().get(url, {}, 1.0)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 300_000 + b"\r\n\r\n{}",
    ],
)
def test_what_is_no_http_is_a_failure(server: Server, sent: bytes) -> None:
    """Cut off, garbled, or another protocol."""

    def answer(handler: Handler) -> None:
        with contextlib.suppress(OSError):
            handler.wfile.write(sent)
        handler.close_connection = True

    server.paths["/"] = answer
    with pytest.raises(FetchFailedError):
        get(server)


@pytest.mark.parametrize("url", ["http://[::1", "http://a\x00b/", "nonsense", "x://y"])
def test_what_is_no_url_is_a_failure(url: str) -> None:
    """Metadata may hold anything."""
    with pytest.raises(FetchFailedError):
        HTTPClient().get(url, {}, 1.0)


def test_a_field_that_cannot_be_sent_is_a_failure(server: Server) -> None:
    """It fails before anything is sent."""
    with pytest.raises(FetchFailedError):
        HTTPClient().get(server.url("/"), {"If-None-Match": "é\u20ac"}, 1.0)


# TLS and proxies.


@pytest.fixture
def secure(server: Server, tmp_path: Path) -> Path:
    """Make *server* speak TLS; the path is that of the certificate, for one hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return pem


def test_an_unknown_certificate_is_refused(server: Server, secure: Path) -> None:
    """Keys are only as good as the channel that they came through."""
    server.paths["/"] = answering(b"{}")
    with pytest.raises(FetchFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        HTTPClient().get(f"https://localhost:{server.server_port}/", {}, 5.0)
    assert server.seen == []


def test_a_certificate_authority_may_be_named(
    server: Server, secure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``SSL_CERT_FILE`` is how private authorities are trusted; names still count."""
    monkeypatch.setenv("SSL_CERT_FILE", str(secure))
    server.paths["/"] = answering(b"{}")
    transport = HTTPClient().get
    for _ in range(2):
        got = transport(f"https://localhost:{server.server_port}/", {}, 5.0)
        assert got.body == b"{}"
    with pytest.raises(FetchFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        transport(f"https://127.0.0.1:{server.server_port}/", {}, 5.0)


def test_proxies_come_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For https, as httpx reads it: ``HTTPS_PROXY`` and its relatives."""
    monkeypatch.setenv("HTTPS_PROXY", server.url(""))
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(FetchFailedError, match="ProxyError"):
        HTTPClient().get("https://id.example/jwks", {}, 5.0)
    ((target, _),) = server.seen
    assert target == "id.example:443"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_plain_http_never_goes_through_a_proxy(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A proxy could read passwords and replace keys: loopback stays on the machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        server.paths["/"] = answering(b"{}")
        assert get(server).body == b"{}"
        post = Outgoing("POST", server.url("/").replace("http:", "HTTP:"), {}, b"p=x")
        assert HTTPClient()(post).body == b"{}"
    assert [path for path, _ in server.seen] == ["/", "/"]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "nonsense://127.0.0.1"])
def test_a_proxy_that_cannot_be_used_is_a_failure(
    server: Server, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """The environment may name a protocol that nothing here speaks."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(FetchFailedError):
        HTTPClient().get(f"https://127.0.0.1:{server.server_port}/", {}, 5.0)
    assert server.seen == []


# Flights.


def flight_of(url: str = "http://127.0.0.1:9/") -> Flight:
    """Claim a fetch of keys at *url*, as the first request would."""
    trusted = TrustedIssuer(url="https://issuer.example", jwks_url=url)
    cache = KeyCache(trusted, time.monotonic, jitter=lambda: 0.0)
    flow = cache.find(lambda held: held.keys)
    ask = next(flow)
    flight: Flight = ask.flight  # type: ignore[union-attr]
    return flight


def test_a_flight_brings_keys(server: Server, issuer: JWTIssuer) -> None:
    """From metadata to key set, over real sockets; ETag and 304 included."""
    with issuer.served() as url:
        trusted = TrustedIssuer(url=url, audience=issuer.audience)
        guard = Guard(issuer.policy(issuers=(trusted,)), clock=issuer.clock)
        assert guard.verify(issuer.token()).subject == "alice"
        assert guard.health()[url]["keys"] == 1
    assert issuer.fetches == 1


def test_304_over_a_real_socket(server: Server, issuer: JWTIssuer) -> None:
    """The body travels once."""

    def jwks(handler: Handler) -> None:
        if handler.headers.get("If-None-Match") == '"1"':
            handler.send(b"", 304, ETag='"1"')
        else:
            handler.send(json.dumps(issuer.jwks()).encode(), ETag='"1"')

    server.paths["/jwks"] = jwks
    trusted = TrustedIssuer(url=issuer.url, audience="a", jwks_url=server.url("/jwks"))
    guard = Guard(
        issuer.policy(issuers=(trusted,), audience="unchecked"), clock=issuer.clock
    )
    token = issuer.token(claims={"aud": "a"}, expires_in=9000)
    guard.verify(token)
    issuer.clock.advance(1201)
    guard.verify(token)
    assert [f.get("if-none-match") for _, f in server.seen] == [None, '"1"']
    assert guard.health()[issuer.url]["age"] == 0


def test_a_waiter_gives_up_at_the_deadline_of_the_fetch() -> None:
    """Counted from take-off: who comes late waits for what is left of it."""
    flight = flight_of()
    fetcher = Fetcher(HTTPClient())
    began = time.monotonic()
    flight.took_off = began - DEADLINE + 0.2
    fetcher.wait(flight)
    assert 0.19 < time.monotonic() - began < DEADLINE
    flight.took_off = time.monotonic() - 2 * DEADLINE
    for run in (asyncio.run, trio.run):
        began = time.monotonic()
        if run is asyncio.run:
            asyncio.run(fetcher.await_(flight))
        else:
            trio.run(fetcher.await_, flight)
        assert time.monotonic() - began < DEADLINE


def test_who_waits_before_the_start_waits_for_it() -> None:
    """Claimed by one thread and not begun yet: another may already wait."""
    flight = flight_of()
    threading.Timer(0.05, flight.done.set_result, (None,)).start()
    began = time.monotonic()
    Fetcher(HTTPClient()).wait(flight)
    assert time.monotonic() - began < DEADLINE


def test_a_loop_that_has_ended_does_not_disturb_a_landing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its waiters went with it; nothing is logged, and the rest are woken."""
    flight = flight_of()
    flight.took_off = time.monotonic() - DEADLINE + 0.05
    fetcher = Fetcher(HTTPClient())
    asyncio.run(fetcher.await_(flight))
    trio.run(fetcher.await_, flight)
    flight.done.set_result(None)
    fetcher.wait(flight)
    assert caplog.records == []


def test_a_thread_that_cannot_start_is_a_failed_fetch() -> None:
    """Out of threads: nobody hangs, and the reason is known."""
    flight = flight_of()
    before = threading.stack_size(2**45)  # no machine has so much
    try:
        Fetcher(HTTPClient()).start(flight)
    finally:
        threading.stack_size(before)
    assert flight.done.done()
    assert isinstance(flight.work, KeyCache)
    assert flight.work.snapshot.failures == 1
    assert "thread" in flight.work.snapshot.failure


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_transport_that_breaks_its_word_starts_no_storm(issuer: JWTIssuer) -> None:
    """It may raise ``FetchFailedError`` only; another error is a failure as well."""
    count = 0

    def broken(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        nonlocal count
        count += 1
        raise ZeroDivisionError(url)

    guard = Guard(issuer.policy(), clock=issuer.clock, transport=broken)
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            guard.verify(issuer.token())
        for thread in threading.enumerate():  # its traceback belongs to this test
            if thread.name == "jwtguard-fetch":
                thread.join(HANG)
    assert count == 1
    assert guard.health()[issuer.url]["failures"] == 1


FIRST_FETCH = """
import sys
from jwtguard import Guard, Policy, TrustedIssuer

url, audience, token = sys.argv[1:]
guard = Guard(Policy(issuers=[TrustedIssuer(url=url)], audience=[audience]))
before = set(sys.modules)
assert guard.verify(token).subject == "alice"
print(*sorted(set(sys.modules) - before))
"""


TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.mark.slow
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_a_first_fetch_imports_nothing(alg: str, named: bool, tmp_path: Path) -> None:
    """A fork in the middle of an import would leave workers that can never fetch.

    Whether the environment names the trusted authorities, or httpx brings them.
    """
    environ = {name: value for name, value in os.environ.items() if name not in TRUST}
    if named:
        environ["SSL_CERT_DIR"] = str(tmp_path)
    issuer = JWTIssuer(alg=alg)
    with issuer.served():
        said = (issuer.url, issuer.audience, issuer.token())
        command = [sys.executable, "-c", FIRST_FETCH, *said]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=HANG,
            env=environ,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == []
