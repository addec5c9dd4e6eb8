"""``jwtguard explain --proof``: what it prints, and its exit codes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jwtguard.cli import main
from jwtguard.testing import DPoPKey, FakeClock, JWTIssuer
from tests.redis_server import Redis, needs_redis

URL = "https://api.example.com/v2/notes"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[DPoPKey]:
    """A client's key; the environment trusts its issuer."""
    issuer = JWTIssuer(clock=FakeClock(time.time()))
    with issuer.served() as url:
        monkeypatch.setenv("JWTGUARD_ISSUER", url)
        monkeypatch.setenv("JWTGUARD_AUDIENCE", issuer.audience)
        monkeypatch.setenv("JWTGUARD_PUBLIC_URL", "https://api.example.com/v2")
        yield issuer.dpop()


@pytest.mark.parametrize(
    "asked",
    [("GET", "/notes"), ("--url", URL), ("--method", "get", "--path", "/notes")],
)
def test_a_good_proof_passes(
    key: DPoPKey, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...]
) -> None:
    """Exit code 0, and neither the proof nor its signature is printed."""
    token = key.token()
    proof = key.proof("GET", URL, token=token)
    for _ in range(2):  # it is not used up
        assert main(["explain", token, *asked, "--proof", f"DPoP: {proof}"]) == 0
        printed = capsys.readouterr().out
        assert "passed  signed     ES256" in printed
        assert "passes the guard as alice" in printed
        assert proof not in printed
        assert proof.rpartition(".")[2] not in printed


def test_a_proof_for_another_url_fails(
    key: DPoPKey, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, with the reason, and the request is refused for it."""
    token = key.token()
    proof = key.proof("GET", "https://api.example.com/notes", token=token)
    assert main(["explain", token, "GET", "/notes", "--proof", proof]) == 1
    printed = capsys.readouterr().out
    assert printed.count("reason:    dpop_url") == 2
    assert "answered 401" in printed


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://127.0.0.1:8000/notes", 0),
        ("http://localhost:8000/notes", 0),
        ("http://[::1]/notes", 0),
        ("http://api.example.com/notes", 1),
    ],
)
@pytest.mark.parametrize("public_url", ["", "http://127.0.0.1:9999"])
def test_plain_http_is_accepted_at_a_loopback_url_only(
    key: DPoPKey,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    status: int,
    public_url: str,
) -> None:
    """As the server at that URL answers, whatever JWTGUARD_PUBLIC_URL is."""
    monkeypatch.delenv("JWTGUARD_PUBLIC_URL")
    if public_url:
        listed = f"{public_url} {url.removesuffix('/notes')}"
        monkeypatch.setenv("JWTGUARD_PUBLIC_URL", listed)
    token = key.token()
    proof = key.proof("GET", url, token=token)
    assert main(["explain", token, "--url", url, "--proof", proof]) == status
    printed = capsys.readouterr().out
    assert ("insecure_transport" in printed) is bool(status)


@needs_redis
def test_a_proof_of_a_shared_state_is_not_used_up(
    key: DPoPKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The client can still send what was explained, twice."""
    token = key.token()
    proof = key.proof("GET", URL, token=token)
    with Redis(tmp_path) as redis:
        monkeypatch.setenv("JWTGUARD_STATE", redis.url)
        for _ in range(2):
            assert main(["explain", token, "GET", "/notes", "--proof", proof]) == 0
            assert "passed  jti" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (("--proof", "p"), "--proof needs a request"),
        (("--url", URL), "--url needs --proof"),
        (("GET", "/notes", "--proof", "p", "--url", URL), "a path or --url"),
        (("GET", "/notes", "--proof", "p", "--cookie"), "--cookie"),
        (("GET", "/notes", "--proof", "p", "--app", "a:b"), "--app"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    key: DPoPKey,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    problem: str,
) -> None:
    """Exit code 2, with a sentence that says what to write."""
    assert main(["explain", key.token(), *more]) == 2
    assert problem in capsys.readouterr().err
