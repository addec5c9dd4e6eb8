"""A real Chromium signs in with a form: tabs, bookmarks, buttons, and strangers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from jwtguard.testing import JWTIssuer
from tests.browser import servers
from tests.browser.test_browser import CHROMIUM, NODE, missing
from tests.issuers.running import running
from tests.ports import free_port
from tests.session_support import SECRET, TokenServer, serving

SUITE = servers.HERE / "sessions.mjs"
LIFETIME = 5
NAMES = re.findall(r'^  async "(.+)"\(context\)', SUITE.read_text(), re.MULTILINE)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


@pytest.fixture(scope="module")
def tokens() -> Iterator[TokenServer]:
    """A token server in real time, which punishes reuse."""
    clock: Any = time
    server = TokenServer(JWTIssuer(alg="ES256", clock=clock), life=LIFETIME)
    with serving(server) as url:
        server.issuer.url = url
        yield server


@pytest.fixture(scope="module")
def found(
    tokens: TokenServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str | None]:
    """Run all cases; what each had to say, None if it passed."""
    port = free_port()
    site = f"http://localhost:{port}"
    environ = {
        "JWTGUARD_ISSUER": tokens.issuer.url,
        "JWTGUARD_AUDIENCE": tokens.issuer.audience,
        "JWTGUARD_SECRETS": SECRET,
        "JWTGUARD_SESSION_CLIENT": "www",
        "JWTGUARD_SESSION_PATH": "/session",
        "JWTGUARD_LOGIN_URL": "/login",
    }
    command = [
        sys.executable, "-m", "uvicorn", "tests.browser.session_site:app",
        "--port", str(port),
    ]  # fmt: skip
    log = tmp_path_factory.mktemp("sessions") / "log"
    settings = {
        "site": site,
        "stranger": f"http://127.0.0.1:{port}",
        "lifetime": LIFETIME,
        "chromium": CHROMIUM,
    }
    with running(command, environ, f"{site}/login", log):
        done = subprocess.run(
            [str(NODE), str(SUITE), json.dumps(settings)],
            cwd=servers.HERE,
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["problem"] for line in lines}


@pytest.mark.parametrize("name", NAMES)
def test_session(found: dict[str, str | None], name: str) -> None:
    """The case of that name."""
    assert found[name] is None, found[name]


def test_no_refresh_token_was_redeemed_twice(
    found: dict[str, str | None], tokens: TokenServer
) -> None:
    """Whatever the tabs did at the same time."""
    assert found
    assert tokens.refreshes > 0
    assert tokens.reused == 0
