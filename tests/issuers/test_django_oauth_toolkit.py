"""Opaque tokens of django-oauth-toolkit, whose answers have neither `aud` nor `sub`."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from jwtguard import Guard, load_policy
from jwtguard.errors import IntrospectionUnavailableError
from jwtguard.inspect.check_introspection import introspection_findings
from tests.issuers.asking import reason, verified
from tests.issuers.running import started, stop
from tests.ports import free_port

SERVER = "django-oauth-toolkit"
HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/introspection.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("oauth2_provider") is None,
        reason="missing: django-oauth-toolkit",
    ),
]


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running server."""
    folder, port = tmp_path_factory.mktemp("toolkit"), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, str(HERE / "dot_server.py"), str(port), str(folder / "db"),
    ]  # fmt: skip
    process = started(command, {}, url, folder / "log")
    try:
        yield url
    finally:
        stop(process)


def guard_for(url: str, folder: Path, secret: str = "of-the-api") -> Guard:
    """Return the guard of the page: its last TOML block, with this server's URL."""
    text = PAGE.read_text("utf-8")
    block = re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[-1]
    block = block.replace("https://www.example.com", url)
    config = folder / "jwtguard.toml"
    config.write_text(block.replace("of-the-api", secret), "utf-8")
    return Guard(load_policy({"JWTGUARD_CONFIG": str(config)}))


def grant(url: str, password: str = "wonderland") -> httpx.Response:
    form = {
        "grant_type": "password", "client_id": "spa", "username": "alice",
        "password": password, "scope": "notes:read",
    }  # fmt: skip
    return httpx.post(f"{url}/o/token/", data=form, trust_env=False)


def unavailable(guard: Guard, token: str) -> None:
    with pytest.raises(IntrospectionUnavailableError):
        guard.verify(token)


def test_opaque_token(toolkit: str, tmp_path: Path) -> None:
    """Opaque tokens are read with the settings of the page."""
    who = verified(guard_for(toolkit, tmp_path), grant(toolkit).json()["access_token"])
    assert (who.subject, who.client_id) == ("alice", "spa")
    assert who.scopes == {"notes:read"}


def test_ended_token(toolkit: str, tmp_path: Path) -> None:
    """Tokens that were revoked or made up, and refresh tokens, are refused."""
    got = grant(toolkit).json()
    guard = guard_for(toolkit, tmp_path)
    assert reason(guard, "made-up") == "inactive"
    assert reason(guard, got["refresh_token"]) == "inactive"
    httpx.post(
        f"{toolkit}/o/revoke_token/",
        data={"token": got["access_token"], "client_id": "spa"},
        trust_env=False,
    ).raise_for_status()
    assert reason(guard, got["access_token"]) == "inactive"


def test_wrong_credentials(toolkit: str, tmp_path: Path) -> None:
    """Wrong credentials of the API are reported, and refuse no token as invalid."""
    guard = guard_for(toolkit, tmp_path, "wrong")
    token = grant(toolkit).json()["access_token"]
    unavailable(guard, token)
    assert list(introspection_findings(guard, probe=True))[-1].level == "wrong"
    good = guard_for(toolkit, tmp_path)
    assert list(introspection_findings(good, probe=True))[-1].level == "ok"
