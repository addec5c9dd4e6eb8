"""The Flask site of the documentation: as short as the page says, and a whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from jwtguard import TrustedIssuer
from jwtguard.testing import JWTIssuer
from tests.docs.test_code import ROOT, blocks
from tests.session_support import SECRET, TokenServer, serving

PAGE = ROOT / "docs/how-to/flask-site.md"
SITE = "https://www.example.com"
FORM = {"username": "alice", "password": "wonderland"}


def program() -> str:
    """Return the page's first program."""
    return next(block.text for block in blocks(PAGE) if block.kind == "python")


@contextmanager
def serving_notes() -> Iterator[str]:
    """Serve an API whose only note says who asks; return its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            caller = self.headers["Authorization"][:9].encode()
            self.send_response_only(200 if self.path == "/notes" else 404)
            self.end_headers()
            self.wfile.write(b'{"notes": [{"text": "<milk> for %b"}]}' % caller)

        def log_message(self, *args: object) -> None:
            """Keep test output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{served.server_port}"
        finally:
            served.shutdown()
            thread.join()


@pytest.fixture
def browser(jwt_issuer: JWTIssuer) -> Iterator[httpx.Client]:
    """A browser in front of the site; the token server and the API are real sockets."""
    namespace: dict[str, Any] = {"__name__": "www"}
    exec(compile(program(), str(PAGE), "exec"), namespace)
    with serving(TokenServer(jwt_issuer)) as url, serving_notes() as api:
        trusted = TrustedIssuer(
            url=jwt_issuer.url,
            audience=jwt_issuer.audience,
            relay_url=f"{url}/token",
            relay_revocation_url=f"{url}/revoke",
        )
        guard = jwt_issuer.guard(
            issuers=[trusted],
            session_client="www",
            secrets=[SECRET],
            login_url="/login",
        )
        headers = {"Accept": "text/html", "Origin": SITE}
        transport = httpx.WSGITransport(app=namespace["create_app"](api, guard))
        with httpx.Client(
            transport=transport, base_url=SITE, headers=headers
        ) as client:
            yield client


def test_the_site_takes_less_than_forty_lines() -> None:
    """The title and the first sentence say so."""
    assert len(program().splitlines()) < 40
    assert max(map(len, program().splitlines())) <= 88
    assert "under 40 lines" in PAGE.read_text("utf-8")


def test_a_visitor_signs_in_and_out(browser: httpx.Client) -> None:
    """To the form, back to the page with what the API says, and out."""
    login = browser.get("/?page=2").headers["Location"]
    wrong = browser.post(login, data={**FORM, "password": "x"})
    assert wrong.status_code == 401
    assert "The user name or the password is wrong" in wrong.text

    assert browser.post(login, data=FORM).headers["Location"] == "/?page=2"
    home = browser.get("/?page=2").text
    assert "Notes of alice</h1><ul><li>&lt;milk&gt; for Bearer ey" in home

    assert browser.post("/logout").headers["Location"] == "/login"
    assert browser.get("/").headers["Location"] == "/login?next=/"


def test_nobody_else_signs_a_visitor_in_or_out(browser: httpx.Client) -> None:
    """Forms of other sites are refused, and ``next`` leads to pages of this one."""
    foreign = "/login?next=https://evil.example"
    assert browser.post(foreign, data=FORM).headers["Location"] == "/"
    evil = {"Origin": "https://evil.example"}
    for path in ("/login", "/logout"):
        assert browser.post(path, data=FORM, headers=evil).status_code == 403
    assert browser.get("/").status_code == 200
