"""A proxy on the same machine must not make the world local, whatever the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from socket import create_connection
from typing import Any

import pytest

from jwtguard.testing import JWTIssuer

pytestmark = pytest.mark.slow

Serve = Callable[..., Any]
WAITRESS = ("waitress", "--listen=127.0.0.1:PORT")
SERVERS: Mapping[str, tuple[str, ...]] = {
    "gunicorn": ("gunicorn", "--bind=127.0.0.1:PORT", "wsgi_app:app"),
    "hypercorn": ("hypercorn", "--bind=127.0.0.1:PORT", "asgi_app:app"),
    "uvicorn": ("uvicorn", "--port=PORT", "asgi_app:app"),
    "waitress": (*WAITRESS, "wsgi_app:app"),
}
KEPT = ("--no-clear-untrusted-proxy-headers", "wsgi_app:app")
TRUSTING = (
    "--trusted-proxy=127.0.0.1",
    "--trusted-proxy-headers=x-forwarded-proto x-forwarded-for",
    "wsgi_app:app",
)


def status(
    running: Any, issuer: JWTIssuer, *fields: str, version: str = "HTTP/1.1"
) -> int:
    """Send a good token over plain HTTP, with these header fields and no others."""
    lines = [
        f"GET /notes {version}",
        f"Authorization: Bearer {issuer.token()}",
        "Connection: close",
        *fields,
    ]
    with create_connection(("127.0.0.1", running.port), 20) as sent:
        sent.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(sent.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("name", SERVERS)
def test_what_a_proxy_adds_is_seen(name: str, serve: Serve, issuer: JWTIssuer) -> None:
    """Loopback itself passes; with a proxy's field, or without Host, nobody does."""
    running = serve(*SERVERS[name])
    host = "Host: localhost"
    assert status(running, issuer, host) == 200
    for field in (
        "X-Real-IP: 192.0.2.9", "CF-Connecting-IP: 192.0.2.9", "Via: 1.1 proxy",
        "True-Client-IP: 192.0.2.9", "X-Forwarded-Client-Cert: By=x",
    ):  # fmt: skip
        assert status(running, issuer, host, field) == 403, field
    assert status(running, issuer, "Host: api.example") == 403
    assert status(running, issuer, version="HTTP/1.0") == 403


def test_waitress_hides_proxies_until_it_is_told_not_to(
    serve: Serve, issuer: JWTIssuer
) -> None:
    """What the docs and ``check`` say to set is right."""
    fields = ("Host: localhost", "X-Forwarded-For: 192.0.2.9")
    https = (*fields, "X-Forwarded-Proto: https")
    hiding = serve(*WAITRESS, "wsgi_app:app")
    assert status(hiding, issuer, *fields) == 200  # why it has to be told
    keeping = serve(*WAITRESS, *KEPT, JWTGUARD_TRUSTED_PROXIES="127.0.0.1")
    assert status(keeping, issuer, *fields) == 403
    assert status(keeping, issuer, *https) == 200
    trusting = serve(*WAITRESS, *TRUSTING)
    assert status(trusting, issuer, *fields) == 403
    assert status(trusting, issuer, *https) == 200
