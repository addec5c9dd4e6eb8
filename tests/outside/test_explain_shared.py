"""``jwtguard explain`` reads the real list over a real Redis, and says if it cannot."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.cli import main
from jwtguard.testing import FakeClock, JWTIssuer
from tests.redis_server import Redis, needs_redis

Explain = Callable[..., dict[str, Any]]

pytestmark = needs_redis


@pytest.fixture
def issuer() -> JWTIssuer:
    """An issuer whose tokens were issued a moment ago."""
    return JWTIssuer(alg="ES256", clock=FakeClock(time.time() - 5))


@pytest.fixture
def explain(
    redis: Redis,
    issuer: JWTIssuer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Explain:
    """Run the command, and return its row about revocation."""
    for name, value in {
        "ISSUER": issuer.url,
        "AUDIENCE": issuer.audience,
        "KEYS": json.dumps(issuer.jwks()),
        "STATE": redis.url,
    }.items():
        monkeypatch.setenv(f"JWTGUARD_{name}", value)

    def run(token: str, **settings: str) -> dict[str, Any]:
        for name, value in settings.items():
            monkeypatch.setenv(f"JWTGUARD_{name}", value)
        monkeypatch.setattr(sys, "stdin", io.StringIO(token))
        code = main(["explain", "--json"])
        found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
        assert code == (0 if all(row["passed"] for row in found.values()) else 1)
        row: dict[str, Any] = found["revoked"]
        return row

    return run


def test_it_names_what_another_process_revoked(
    redis: Redis, issuer: JWTIssuer, explain: Explain
) -> None:
    """The session, from the stream that the workers follow."""
    trusted = TrustedIssuer(url=issuer.url, audience="unchecked", keys=issuer.jwks())
    worker = Guard(Policy(issuers=[trusted], state=redis.url))
    token = issuer.token(claims={"sid": "s1"})
    where = f"redis://127.0.0.1:{redis.port}"
    assert (
        explain(token)["found"] == f"not revoked; all revocations in {where} were read"
    )
    worker.revoke(worker.verify(token))
    row = explain(token)
    assert (row["passed"], row["reason"]) == (False, "revoked_session")
    assert row["found"].startswith(f"all tokens with sid s1 of {issuer.url}")


@pytest.mark.slow
def test_a_redis_that_is_away_is_not_vouched_for(
    redis: Redis, issuer: JWTIssuer, explain: Explain
) -> None:
    """What the guard would do depends on the policy."""
    redis.stop()
    row = explain(issuer.token())
    assert row["passed"]
    assert "cannot be read" in row["found"]
    row = explain(issuer.token(), REVOCATION_OUTAGE="refuse")
    assert (row["passed"], row["reason"]) == (False, "revocations_stale")
