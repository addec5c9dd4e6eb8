"""A proxy that the environment names, between the guard and an issuer on loopback."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from werkzeug.test import Client as WSGIClient

from jwtguard import Client, Guard, Policy, TrustedIssuer
from jwtguard.errors import KeysUnavailableError
from jwtguard.relay import TokenRelay
from jwtguard.testing import JWTIssuer


class Eavesdropper(ThreadingHTTPServer):
    """A proxy that answers requests for any URL with keys of its own."""

    def __init__(self, issuer: JWTIssuer) -> None:
        super().__init__(("127.0.0.1", 0), _Proxy)
        self.issuer = issuer
        self.seen: list[str] = []


class _Proxy(BaseHTTPRequestHandler):
    server: Eavesdropper

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        body = json.dumps(self.server.issuer.jwks()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Keep test output clean."""


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment_named_the_keys_of_a_local_issuer(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It saw passwords too: plain http was meant for loopback, and went to it."""
    forger = JWTIssuer(alg="ES256", audience="api")
    with (
        socket.create_server(("127.0.0.1", 0)) as nobody,
        Eavesdropper(forger) as proxy,
    ):
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        nobody.close()
        threading.Thread(target=proxy.serve_forever, args=(0.01,)).start()
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        issuer = TrustedIssuer(url=url, jwks_url=f"{url}/jwks")
        clients = (Client(id="spa"),)
        guard = Guard(
            Policy(
                issuers=(issuer,),
                audience="api",
                clients=clients,
                relay_url=f"{url}/token",
            )
        )
        with pytest.raises(KeysUnavailableError):
            guard.verify(forger.token(subject="root", claims={"iss": url}))
        form = {"grant_type": "password", "client_id": "spa", "username": "alice"}
        http = WSGIClient(TokenRelay(guard).wsgi)
        answer = http.post("/token", base_url="https://api.example", data=form)
        proxy.shutdown()
    assert (answer.status_code, proxy.seen) == (502, [])
