"""The client's certificate as servers hand it on, and what applications are shown."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.asgi import request_of as request_of_scope
from jwtguard.core.model.client_cert import TLS_SOURCE, CertificateSource
from jwtguard.core.model.proxy_fields import ProxyFields
from jwtguard.wsgi import request_of as request_of_environ

FIELD = CertificateSource("x-client-cert", "pem-url")
ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "https"}


def of_environ(**found: Any) -> Any:
    return request_of_environ({**ENVIRON, **found}, ProxyFields(TLS_SOURCE))


def scope(**more: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/", "headers": [], **more}


def of_scope(**more: Any) -> Any:
    return request_of_scope(scope(**more), wanted=ProxyFields(TLS_SOURCE)).certificate


@pytest.mark.parametrize("key", ["SSL_CLIENT_CERT", "HTTPS_CC"])
def test_wsgi_servers_show_pem(key: str) -> None:
    """mod_ssl, werkzeug and cheroot under one name, uWSGI under another."""
    assert of_environ(**{key: "PEM"}).certificate == "PEM"
    for nothing in ("", None, b"PEM"):
        assert of_environ(**{key: nothing}).certificate is None


def test_header_fields_are_not_the_servers_word() -> None:
    """What a client sends begins with ``HTTP_``, whatever its name."""
    sent = {"HTTP_SSL_CLIENT_CERT": "PEM", "HTTP_HTTPS_CC": "PEM", "HTTP_S_CC": "PEM"}
    assert of_environ(**sent).certificate is None


class Socket:
    """A connection that was made with TLS, or pretends to."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def getpeercert(self, binary_form: bool) -> Any:
        assert binary_form
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def test_gunicorn_shows_its_socket() -> None:
    """DER, or nothing: no TLS, no certificate, or a client that has left."""
    assert of_environ(**{"gunicorn.socket": Socket(b"DER")}).certificate == b"DER"
    for nothing in (object(), *map(Socket, (None, {}, OSError(), ValueError()))):
        assert of_environ(**{"gunicorn.socket": nothing}).certificate is None


def test_asgi_servers_use_the_tls_extension() -> None:
    """The leaf alone, or the first of a chain; in DER or PEM."""
    for tls in (
        {"client_cert": b"DER"},
        {"client_cert": b"DER", "client_cert_chain": ["PEM"]},
        {"client_cert_chain": [b"DER", b"CA"]},
        {"client_cert": None, "client_cert_chain": (b"DER",)},
    ):
        assert of_scope(extensions={"tls": tls}) == b"DER"
    assert of_scope(extensions={"tls": {"client_cert_chain": ["PEM"]}}) == "PEM"


@pytest.mark.parametrize(
    "extensions",
    [
        None, {}, {"tls": None}, {"tls": {}}, {"tls": []}, {"tls": {"client_cert": 1}},
        {"tls": {"client_cert_chain": "PEM"}}, {"tls": {"client_cert_chain": []}},
        {"tls": {"client_cert_chain": None}}, {"tls": {"client_cert_chain": [None]}},
    ],
)  # fmt: skip
def test_an_odd_extension_shows_nothing(extensions: Any) -> None:
    """The draft of the extension may still change."""
    assert of_scope(extensions=extensions) is None
    assert of_scope() is None


def test_the_field_is_taken_out_of_the_environ() -> None:
    """WSGI has one spelling for ``-`` and ``_``."""
    environ = {**ENVIRON, "HTTP_X_CLIENT_CERT": "mine", "HTTP_HOST": "a"}
    found = request_of_environ(environ, ProxyFields(FIELD))
    assert found.headers == {"host": ("a",), "x-client-cert": ("mine",)}
    assert set(environ) == {*ENVIRON, "HTTP_HOST"}
    assert request_of_environ({**ENVIRON}, ProxyFields(FIELD)).headers == {}
    assert found.certificate is None


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_field_is_taken_out_of_the_scope(kind: str) -> None:
    """Only its exact name is read; each other spelling of it is removed as well."""
    names = [b"x-client-cert", b"x_client_cert", b"x-client_cert", b"x-client-cert"]
    sent = [(name, str(n).encode()) for n, name in enumerate(names)]
    asked = scope(type=kind, headers=[*sent, (b"host", b"a"), (b"x-client", b"b")])
    found = request_of_scope(asked, wanted=ProxyFields(FIELD))
    assert found.headers == {"host": ("a",), "x-client-cert": ("0", "3")}
    assert asked["headers"] == [(b"host", b"a"), (b"x-client", b"b")]
    only = scope(headers=[(b"x_client_cert", b"fake")])
    assert request_of_scope(only, wanted=ProxyFields(FIELD)).headers == {}


def test_a_field_that_the_guard_reads_anyway_is_replaced() -> None:
    """``X-Forwarded-Client-Cert`` also shows that a proxy is there."""
    source = CertificateSource("x-forwarded-client-cert", "xfcc")
    both = [(b"x-forwarded-client-cert", b"1"), (b"x-forwarded-client-cert", b"2")]
    found = request_of_scope(scope(headers=both), wanted=ProxyFields(source))
    assert found.headers == {"x-forwarded-client-cert": ("1", "2")}
