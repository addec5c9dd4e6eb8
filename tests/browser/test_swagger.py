"""Swagger UI of the FastAPI example, in a real Chromium: locks, login and calls."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from jwtguard.issuer import Client, Config, User
from tests.browser import servers
from tests.browser.test_browser import CHROMIUM, NODE
from tests.browser.test_browser import missing as missing_here
from tests.ports import free_ports

SUITE = servers.HERE / "swagger.mjs"
ASSETS = servers.HERE / "node_modules/swagger-ui-dist/swagger-ui-bundle.js"
EXAMPLE = "examples.fastapi_app:create_app"
ELSEWHERE = "tests.browser.swagger_elsewhere:create_app"
NAMES = re.findall(r'^  async "(.+)"\(\)', SUITE.read_text("utf-8"), re.MULTILINE)
missing = [
    *missing_here,
    *([] if ASSETS.exists() else ["npm install in tests/browser"]),
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


@contextmanager
def example(folder: Path, app: str = EXAMPLE, **settings: str) -> Iterator[str]:
    """Run the example under uvicorn, with the development issuer."""
    (port,) = free_ports(1)
    url, log = f"http://127.0.0.1:{port}", folder / "api.log"
    log.touch()
    scopes = ("openid", "rooms:read", "rooms:write")
    spa = Client(id="spa", origins=(url,), scopes=scopes)
    alice = User(name="alice", password="wonderland", scopes=scopes)
    with servers.issuing(Config(clients=(spa,), users=(alice,))) as issuer:
        environ = {
            "JWTGUARD_ISSUER": issuer,
            "JWTGUARD_AUDIENCE": "https://api.example.com",
            "JWTGUARD_CLIENTS": f"spa={url}",
            **settings,
        }
        command = [
            sys.executable, "-m", "uvicorn", "--no-proxy-headers", "--factory",
            f"--port={port}", app,
        ]  # fmt: skip
        with servers.process(command, environ, log):
            servers.wait_for(f"{url}/healthz", log)
            yield url


def run(url: str, names: Sequence[str]) -> Mapping[str, str | None]:
    """Run the cases; return what each had to say, None if it passed.

    ``SHOTS`` in the environment names a folder for screenshots.
    """
    at = {"api": url, "chromium": CHROMIUM, "only": names}
    given = json.dumps({**at, "shots": os.environ.get("SHOTS")})
    done = subprocess.run(
        [str(NODE), str(SUITE), given], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["problem"] for line in lines}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str | None]:
    """What each case had to say."""
    with example(tmp_path_factory.mktemp("swagger")) as url:
        return run(url, NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_swagger_ui_of_the_example(found: Mapping[str, str | None], name: str) -> None:
    """A developer signs in on the page, and calls what the token may call."""
    assert found[name] is None, found[name]


LOGIN = "after a login the locks are closed, and calls are answered"


def test_a_login_that_fails_is_noticed(tmp_path: Path) -> None:
    """The case of the login fails where the page's client is not the one of the API."""
    with example(tmp_path, JWTGUARD_CLIENTS="other") as url:
        assert run(url, [LOGIN])[LOGIN] is not None


def test_the_issuer_may_be_asked_by_the_page_itself(tmp_path: Path) -> None:
    """Swagger UI adds X-Requested-With, which the development issuer allows."""
    with example(tmp_path, ELSEWHERE) as url:
        assert run(url, [LOGIN])[LOGIN] is None
