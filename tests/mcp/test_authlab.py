"""A published scanner of the authorization of MCP servers: it finds nothing here."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.issuers import test_oidc_provider as op
from tests.mcp.test_inspector import INSPECTOR, guarded
from tests.mcp.test_mcp import both, makers, missing, serving
from tests.ports import free_port
from tests.waiting import HANG

lacking = [*missing, *op.missing]
if importlib.util.find_spec("mcp_authlab") is None:
    lacking.append("mcp-authlab")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(lacking), reason=f"missing: {', '.join(lacking)}"),
]
OF_ISSUER = "ASF"
"""Checks of the issuer's own sign-in, which needs a person."""
CLIENTS = {"inspector": INSPECTOR, "spa": {"alg": "RS256", "origins": []}}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[op.Provider]:
    """An issuer where clients register."""
    folder = tmp_path_factory.mktemp("oidc-provider")
    server = op.Provider(folder, CLIENTS, word="registration")
    yield server
    server.stop()


def scan(url: str, *options: str) -> dict[str, str]:
    """Scan a server; return the outcome of each check by its name."""
    found = subprocess.run(
        [sys.executable, "-m", "mcp_authlab", "scan", url, "--no-login",
         "--format", "json", *options],
        capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(found.stdout)
    return {one["id"]: one["status"] for one in report["results"]}


@both
def test_the_scanner_finds_nothing(provider: op.Provider, maker: str) -> None:
    """Challenge, metadata, tokens for others, sessions and origins are as they must."""
    with guarded(provider, maker) as url:
        tokens = [
            provider.grant(resource=resource, scope="notes:read")["access_token"]
            for resource in (url, "https://other.example")
        ]
        found = scan(url, "--token", tokens[0], "--foreign-token", tokens[1])
    skipped = {name for name, status in found.items() if status == "skip"}
    assert skipped == {name for name in found if name.startswith(OF_ISSUER)}
    rest = {name for name, status in found.items() if status not in ("pass", "skip")}
    assert rest == {"TLS-01"}  # it is served on loopback, without TLS
    assert len(found) == 33


def test_the_scanner_can_fail() -> None:
    """Without a guard it finds that nobody is refused."""
    port = free_port()
    with serving(makers()["sdk"](), port):
        found = scan(f"http://127.0.0.1:{port}/mcp")
    assert found["CHAL-01"] == "fail"
