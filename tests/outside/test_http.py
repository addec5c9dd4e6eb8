"""One GET with real limits, against a server that misbehaves on request."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime as dt
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jwtguard.core.model.effects import (
    LONGEST_DOCUMENT,
    FetchFailedError,
    Incoming,
    Outgoing,
)
from jwtguard.core.verify.keys import DEADLINE
from jwtguard.outside.http import HTTPClient
from tests.outside.http_support import Handler, Server
from tests.waiting import HANG


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
def test_a_silence_after_the_first_bytes_does_not_extend_the_deadline(
    server: Server,
) -> None:
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


def test_a_refused_connection_is_a_failure() -> None:
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
def test_an_answer_that_is_not_http_is_a_failure(server: Server, sent: bytes) -> None:
    """Cut off, garbled, or another protocol."""

    def answer(handler: Handler) -> None:
        with contextlib.suppress(OSError):
            handler.wfile.write(sent)
        handler.close_connection = True

    server.paths["/"] = answer
    with pytest.raises(FetchFailedError):
        get(server)


@pytest.mark.parametrize("url", ["http://[::1", "http://a\x00b/", "nonsense", "x://y"])
def test_an_invalid_url_is_a_failure(url: str) -> None:
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
