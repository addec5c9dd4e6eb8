"""The Inspector of MCP: its sign-in, from the 401 to a tool, and its command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from jwtguard import Guard, load_policy
from jwtguard.starlette import GuardMiddleware
from tests.issuers import test_oidc_provider as op
from tests.mcp.test_mcp import NODE, both, makers, missing, serving
from tests.ports import free_port
from tests.waiting import HANG

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules/@modelcontextprotocol"
CLI = PACKAGES / "inspector-cli/build"
lacking = [*missing, *op.missing]
if not ((PACKAGES / "sdk").exists() and CLI.exists()):
    lacking.append("npm install in tests/mcp")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(lacking), reason=f"missing: {', '.join(lacking)}"),
]
PAGE = "http://localhost:6274"
"""Where the Inspector's page is."""
INSPECTOR = {
    "alg": "RS256", "origins": [PAGE],
    "metadata": {
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "redirect_uris": [f"{PAGE}/oauth/callback"],
    },
}  # fmt: skip
AT = "/.well-known/oauth-protected-resource"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[op.Provider]:
    """An issuer that knows the Inspector, and lets other clients register."""
    folder = tmp_path_factory.mktemp("oidc-provider")
    server = op.Provider(folder, {"inspector": INSPECTOR}, word="registration")
    yield server
    server.stop()


@contextmanager
def guarded(provider: op.Provider, maker: str) -> Iterator[str]:
    """Serve an MCP server behind a guard that trusts *provider*; yield its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    environ = {
        "ISSUER": provider.url, "AUDIENCE": url, "RESOURCE": url,
        "SCOPES": "/mcp=notes:read", "CLIENTS": f"inspector={PAGE}",
    }  # fmt: skip
    policy = load_policy({f"JWTGUARD_{name}": value for name, value in environ.items()})
    app = makers()[maker]()
    app.add_middleware(GuardMiddleware, guard=Guard(policy))
    with serving(app, port):
        yield url


def sign_in(url: str, *client: str) -> dict[str, Any]:
    """Sign in as the Inspector does, and return what happened."""
    found = subprocess.run(
        [str(NODE), "sign_in.mjs", url, *client],
        cwd=HERE, capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    said: dict[str, Any] = json.loads(found.stdout)
    return said


def inspect(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command line of the Inspector, which works in its own folder only."""
    return subprocess.run(
        [str(NODE), "cli.js", "--cli", url, "--transport", "http", *options],
        cwd=CLI, capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip


def steps(said: dict[str, Any], url: str, issuer: str) -> list[tuple[str, str, int]]:
    """Return what the client asked until the person had to sign in."""
    places = {url.removesuffix("/mcp"): "", issuer: "issuer"}
    found = []
    for one in said["asked"]:
        parts = urlsplit(one["url"])
        place = places[f"{parts.scheme}://{parts.netloc}"]
        found.append((one["method"], place + parts.path, one["status"]))
    return found


@both
def test_the_inspector_signs_in(provider: op.Provider, maker: str) -> None:
    """It finds the issuer, registers there, asks for the scope, and calls a tool."""
    with guarded(provider, maker) as url:
        said = sign_in(url)
        asked = steps(said, url, provider.url)
        assert said["refused"]
        assert asked[:2] == [("POST", "/mcp", 401), ("GET", f"{AT}/mcp", 200)]
        rest = iter(asked[2:])
        for step in (
            ("GET", "issuer/.well-known/oauth-authorization-server", 200),
            ("POST", "issuer/reg", 201),
            ("POST", "issuer/token", 200),
            ("POST", "/mcp", 200),
        ):
            assert step in rest, asked
        # Nothing is looked for at the host of the server but its own metadata.
        assert {path for _, path, _ in asked if path[0] == "/"} == {"/mcp", f"{AT}/mcp"}
        query = parse_qs(urlsplit(said["authorization"]).query)
        assert query["resource"] == [url]
        assert query["scope"] == ["notes:read"]
        assert query["code_challenge_method"] == ["S256"]
        claims = jwt.decode(said["token"], options={"verify_signature": False})
        assert (claims["aud"], claims["sub"]) == (url, "alice")
        assert said["answer"] == "alice"


@both
def test_the_inspector_signs_in_from_its_page(
    provider: op.Provider, maker: str
) -> None:
    """A browser lets its page read each answer, the challenge of the 401 included."""
    with guarded(provider, maker) as url:
        said = sign_in(url, "inspector", PAGE)
        assert said["answer"] == "alice"
        for one in said["asked"]:
            if one["server"]:
                assert one["allowed"] in (PAGE, "*"), one
        refused = said["asked"][0]
        assert refused["status"] == 401
        assert "www-authenticate" in refused["exposed"].lower()


def test_the_command_line_of_the_inspector(provider: op.Provider) -> None:
    """With a token it lists and calls tools; without one it says that it needs one."""
    with guarded(provider, "sdk") as url:
        refused = inspect(url, "--method", "tools/list")
        assert refused.returncode != 0
        assert "An access token is required" in refused.stderr
        field = f"Authorization: Bearer {sign_in(url)['token']}"
        listed = inspect(url, "--method", "tools/list", "--header", field)
        assert listed.returncode == 0, listed.stderr
        tools = json.loads(listed.stdout)["tools"]
        assert "whoami" in {tool["name"] for tool in tools}
        call = ("--method", "tools/call", "--tool-name", "whoami", "--header", field)
        called = inspect(url, *call)
        assert json.loads(called.stdout)["content"][0]["text"] == "alice", called.stderr
