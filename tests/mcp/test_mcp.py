"""MCP servers behind the guard, and the published conformance suite against them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from jwtguard.starlette import GuardMiddleware
from jwtguard.testing import JWTIssuer
from tests.ports import free_port
from tests.waiting import HANG, ask, until

missing = [n for n in ("mcp", "fastmcp") if importlib.util.find_spec(n) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]
SUITE = Path(__file__).parent / "node_modules/.bin/conformance"
NODE = shutil.which("node")
SCENARIOS = (
    "server-initialize",
    "ping",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-error",
)
HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}  # fmt: skip
ACCEPT = {"Accept": "application/json, text/event-stream"}


def makers() -> dict[str, Callable[[], Any]]:
    from tests.mcp import servers

    return {"sdk": servers.by_sdk, "fastmcp": servers.by_fastmcp}


@contextmanager
def serving(app: Any, port: int) -> Iterator[None]:
    config = uvicorn.Config(app, port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert until(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def guarded(maker: str, *, signed_in: bool = False) -> Iterator[tuple[str, JWTIssuer]]:
    """Run a server behind the guard; *signed_in*: every request gets a token."""
    from tests.mcp.servers import WithToken

    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    issuer = JWTIssuer(audience=url, alg="ES256")
    app = makers()[maker]()
    settings: dict[str, Any] = {"resource": url, "resource_scopes": "notes:read"}
    app.add_middleware(GuardMiddleware, guard=issuer.guard(**settings))
    outer = WithToken(app, issuer.token()) if signed_in else app
    with serving(outer, port):
        yield url, issuer


both = pytest.mark.parametrize("maker", ["sdk", "fastmcp"])


@both
def test_a_client_finds_out_where_to_sign_in(maker: str) -> None:
    """The 401 names the metadata, which name the issuer and need no token."""
    with guarded(maker) as (url, issuer):
        refused = ask("POST", url, json=HELLO, headers=ACCEPT)
        assert refused.status_code == 401
        challenge = refused.headers["WWW-Authenticate"]
        where = challenge.partition('resource_metadata="')[2].partition('"')[0]
        found = ask("GET", where).json()
        assert found["resource"] == url
        assert found["authorization_servers"] == [issuer.url]
        assert found["scopes_supported"] == ["notes:read"]
        root = url.removesuffix("/mcp") + "/.well-known/oauth-protected-resource"
        assert ask("GET", root).json() == found
        at_issuer = url.removesuffix("/mcp") + "/.well-known/oauth-authorization-server"
        other = ask("GET", at_issuer)
        assert other.status_code == 404
        assert other.headers["Access-Control-Allow-Origin"] == "*"


@both
def test_tools_know_who_calls(maker: str) -> None:
    """A token for the resource lets a client in, and any other does not."""
    with guarded(maker) as (url, issuer):
        for wrong in (issuer.expired(), issuer.wrong_audience(), issuer.forged()):
            headers = {**ACCEPT, **issuer.headers(wrong)}
            assert ask("POST", url, json=HELLO, headers=headers).status_code == 401
        foreign = {"Origin": "https://evil.example", **ACCEPT, **issuer.headers()}
        assert ask("POST", url, json=HELLO, headers=foreign).status_code == 403
        headers = {**ACCEPT, **issuer.headers(subject="bob")}
        hello = ask("POST", url, json=HELLO, headers=headers)
        assert hello.status_code == 200, hello.text
        session = hello.headers.get("mcp-session-id")
        headers |= {"mcp-session-id": session} if session else {}
        headers["mcp-protocol-version"] = "2025-11-25"
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert ask("POST", url, json=ready, headers=headers).is_success
        call = {
            "jsonrpc": "2.0", "id": 2, "method": "tools/call",
            "params": {"name": "whoami", "arguments": {}},
        }  # fmt: skip
        answer: httpx.Response = ask("POST", url, json=call, headers=headers)
        assert "bob" in answer.text, answer.text


@pytest.mark.skipif(
    NODE is None or not SUITE.exists(), reason="missing: npm install in tests/mcp"
)
@both
def test_the_conformance_suite_passes(maker: str, tmp_path: Path) -> None:
    """The guard changes nothing of the protocol for a client with a token."""
    with guarded(maker, signed_in=True) as (url, _):
        for scenario in SCENARIOS:
            found = subprocess.run(
                [str(SUITE), "server", "--url", url, "--scenario", scenario],
                cwd=tmp_path, capture_output=True, text=True, timeout=HANG, check=False,
            )  # fmt: skip
            assert found.returncode == 0, f"{scenario}: {found.stdout}{found.stderr}"


@pytest.mark.skipif(
    NODE is None or not SUITE.exists(), reason="missing: npm install in tests/mcp"
)
def test_the_conformance_suite_can_fail(tmp_path: Path) -> None:
    """Without a token it gets a 401, and says that this is no server."""
    with guarded("sdk") as (url, _):
        found = subprocess.run(
            [str(SUITE), "server", "--url", url, "--scenario", "ping"],
            cwd=tmp_path, capture_output=True, text=True, timeout=HANG, check=False,
        )  # fmt: skip
        assert found.returncode != 0
