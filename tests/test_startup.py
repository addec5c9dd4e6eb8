"""What a start loads: nothing heavy that is not used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from jwtguard.testing import JWTIssuer

HEAVY = {
    "authlib", "click", "fastapi", "flask", "h11", "httpcore", "httpx",
    "limits", "publicsuffixlist", "pytest", "redis", "rich", "starlette", "trio",
    "uvicorn", "websockets", "werkzeug",
}  # fmt: skip
"""Packages that take long, and that only some users need."""
GUARD = """
import json, sys, jwtguard, jwtguard.asgi, jwtguard.wsgi
settings, token = json.loads(sys.argv[1])
guard = jwtguard.Guard(jwtguard.load_policy(settings))
if token: guard.verify(token)
"""


def loaded(code: str, *arguments: str) -> set[str]:
    """Return the top-level packages that a new process has after *code*."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jwtguard", "jwtguard.asgi", "jwtguard.wsgi"])
def test_importing_the_guard_loads_no_http_client_and_no_framework(name: str) -> None:
    """A process that imports the guard does not pay for what it may never use."""
    found = loaded(f"import {name}")
    assert {"jwt", "cryptography"} <= found
    assert not HEAVY & found


@pytest.mark.slow
def test_a_guard_with_its_keys_in_the_settings_verifies_without_http_client() -> None:
    """Nobody has to be asked, so that nothing is loaded to ask with."""
    issuer = JWTIssuer()
    settings = {
        "JWTGUARD_ISSUER": issuer.url,
        "JWTGUARD_AUDIENCE": issuer.audience,
        "JWTGUARD_KEYS": json.dumps(issuer.jwks()),
    }
    given = json.dumps([settings, issuer.token()])
    assert not HEAVY & loaded(GUARD, given)


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        {},
        {
            "JWTGUARD_KEYS": json.dumps(JWTIssuer().jwks()),
            "JWTGUARD_INTROSPECT": "always",
            "JWTGUARD_INTROSPECT_CLIENT_ID": "api",
            "JWTGUARD_INTROSPECT_CLIENT_SECRET": "0123456789abcdef0123456789abcdef",
        },
    ],
    ids=["keys are fetched", "tokens are asked about"],
)
def test_a_guard_that_will_ask_has_its_http_client_from_the_start(
    more: dict[str, str],
) -> None:
    """The first fetch has a thread; a process forked during an import is broken."""
    settings = {
        "JWTGUARD_ISSUER": "https://id.example",
        "JWTGUARD_AUDIENCE": "https://api.example",
        **more,
    }
    assert {"httpx", "httpcore"} <= loaded(GUARD, json.dumps([settings, None]))
