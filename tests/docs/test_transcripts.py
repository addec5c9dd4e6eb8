"""What the pages show of curl is what the real curl shows, against a real server.

``TRANSCRIPTS=write pytest tests/docs/test_transcripts.py`` writes the answers anew.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from jwtguard.testing import JWTIssuer
from tests.ports import free_port
from tests.waiting import HANG, until

ROOT = Path(__file__).parents[2]
CURL = shutil.which("curl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CURL is None, reason="missing: curl"),
]
SETTINGS: Mapping[str, Mapping[int, Mapping[str, str]]] = {
    "cors.md": {
        8000: {"CLIENTS": "spa=https://www.example.com shop=https://shop.example.com"}
    },
    "cookies.md": {
        8000: {
            "CLIENTS": "spa=https://www.example.com",
            "COOKIE": "token",
            "LOGIN_URL": "/login",
        }
    },
    "token-paths.md": {
        8000: {
            "CLIENTS": "spa=https://www.example.com shop=https://shop.example.com",
            "REFRESH_CLIENTS": "spa",
            "TOKEN_PATHS": "/oauth/token",
            "REVOCATION_PATHS": "/oauth/revoke",
        },
        8001: {
            "CLIENTS": "spa=https://www.example.com",
            "PUBLIC_PATHS": "/oauth/*",
            "RELAY_URL": "http://127.0.0.1:9/token",
            "RELAY_LIMIT": "1/minute",
        },
    },
    "websockets.md": {
        8000: {"CLIENTS": "spa=https://www.example.com", "COOKIE": "token"}
    },
    "errors.md": {
        8000: {
            "CLIENTS": "spa=https://www.example.com",
            "CLIENTS_ONLY": "true",
            "SCOPES": "GET:/notes=notes:read POST:/notes=notes:write",
        },
        8001: {"JWKS_URL": "http://127.0.0.1:9/jwks"},
    },
}
"""What is set for each page, by the port that its commands name."""

_BLOCK = re.compile(r"^(```shell-session\n)(.*?)^(```)$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (?:.*\\\n)*.*\n", re.MULTILINE)


@pytest.fixture(scope="module")
def issuer() -> Iterator[JWTIssuer]:
    """A real issuer on loopback."""
    made = JWTIssuer(alg="ES256", audience="https://api.example.com")
    with made.served():
        yield made


@pytest.fixture(scope="module")
def variables(issuer: JWTIssuer) -> dict[str, str]:
    """The tokens that the pages speak of."""
    return {
        "TOKEN": issuer.token(scope="notes:read"),
        "EXPIRED": issuer.expired(),
        "SHOP_TOKEN": issuer.token(client_id="shop"),
    }


@contextmanager
def server(issuer: JWTIssuer, settings: Mapping[str, str], log: Path) -> Iterator[int]:
    """Run uvicorn on a free port; it says neither its name nor the time."""
    port = free_port()
    needed = {"ISSUER": issuer.url, "AUDIENCE": issuer.audience, **settings}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JWTGUARD_")}
    command = [
        sys.executable, "-m", "uvicorn", f"--port={port}", "--no-date-header",
        "--no-server-header", "--no-proxy-headers", "--factory",
        "tests.docs.transcript_app:app",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**kept, **{f"JWTGUARD_{k}": v for k, v in needed.items()}},
            stdout=output,
            stderr=output,
        )
        try:
            _wait(port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(HANG)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", port)) == 0

    assert until(listens), log.read_text()


def answered(block: str, ports: Mapping[int, int], variables: dict[str, str]) -> str:
    """Return *block* with the answer that each of its commands really gets."""
    output = []
    for command in _COMMAND.findall(block):
        text = command.removeprefix("$ ")
        for named, real in ports.items():
            text = text.replace(f"//localhost:{named}", f"//localhost:{real}")
        done = subprocess.run(
            ["bash", "-c", text],
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            timeout=HANG,
        )
        assert done.returncode == 0, (command, done.stderr)
        output.append(command + _steady(done.stdout.replace("\r\n", "\n")))
    return "\n".join(output)


def _steady(answer: str) -> str:
    """Take out what differs from day to day, and from one Python to the next."""
    answer = re.sub(r"(?m)^retry-after: \d+", "retry-after: 60", answer)
    answer = re.sub(r"(?mi)^date: .*\n", "", answer)
    answer = answer.replace("413 Request Entity", "413 Content")  # RFC 9110
    return answer.rstrip("\n") + "\n"


@pytest.mark.parametrize("name", SETTINGS)
def test_what_curl_shows(
    name: str, issuer: JWTIssuer, variables: dict[str, str], tmp_path: Path
) -> None:
    """Each command of the page gets the answer that stands below it."""
    page = ROOT / "docs" / name
    text = page.read_text("utf-8")
    assert _BLOCK.search(text), "no transcript"
    with ExitStack() as running:
        ports = {
            named: running.enter_context(server(issuer, settings, tmp_path / "log"))
            for named, settings in SETTINGS[name].items()
        }
        real = _BLOCK.sub(
            lambda block: block[1] + answered(block[2], ports, variables) + block[3],
            text,
        )
    if os.environ.get("TRANSCRIPTS") == "write":
        page.write_text(real, "utf-8")
    assert real == text
