"""Revocations travel between processes over a real Redis, whatever happens to it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jwtguard.testing import FakeClock, JWTIssuer
from tests.redis_server import Redis
from tests.waiting import until

ROOT = Path(__file__).parents[2]
WORKER = """
import json, sys
from jwtguard import AuthError, Guard, Policy, TrustedIssuer
state, keys, url = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
issuer = TrustedIssuer(url=url, audience="unchecked", keys=keys)
guard = Guard(Policy(issuers=[issuer], state=state))
for line in sys.stdin:
    verb, value = line.split()
    try:
        if verb == "revoke":
            guard.revoke(guard.verify(value))
        elif verb == "subject":
            guard.revoke_tokens(issuer=url, subject=value)
        else:
            guard.verify(value)
        print("good", flush=True)
    except AuthError as error:
        print(error.reason, flush=True)
"""
Ask = Callable[[str, str], str]
Start = Callable[[], Ask]


@pytest.fixture
def issuer() -> JWTIssuer:
    """An issuer whose tokens were issued a moment ago."""
    return JWTIssuer(alg="ES256", clock=FakeClock(time.time() - 5))


@pytest.fixture
def worker(redis: Redis, issuer: JWTIssuer) -> Iterator[Start]:
    """Start a process with a guard of its own, and ask it."""
    started: list[subprocess.Popen[str]] = []

    def start() -> Ask:
        keys = json.dumps(issuer.jwks())
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, redis.url, keys, issuer.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        started.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        into, out = process.stdin, process.stdout

        def ask(verb: str, value: str) -> str:
            into.write(f"{verb} {value}\n")
            into.flush()
            return out.readline().strip()

        return ask

    yield start
    for process in started:
        process.kill()
        process.communicate()


def session(issuer: JWTIssuer, sid: str) -> str:
    return issuer.token(claims={"sid": sid})


@pytest.mark.slow
def test_a_session_that_one_worker_ends_is_over_in_the_other(
    worker: Start, issuer: JWTIssuer
) -> None:
    """And in a worker that is started later; other sessions go on."""
    one, other = worker(), worker()
    ended, kept = session(issuer, "s1"), session(issuer, "s2")
    assert [other("verify", ended), other("verify", kept)] == ["good", "good"]
    assert one("revoke", ended) == "good"
    assert until(lambda: other("verify", ended) == "revoked_session")
    assert other("verify", kept) == "good"
    late = worker()
    assert late("verify", ended) == "revoked_session"
    assert late("verify", kept) == "good"


@pytest.mark.slow
def test_sign_out_everywhere_ends_what_was_issued_until_then(
    worker: Start, issuer: JWTIssuer
) -> None:
    """Whoever signs in afterwards is in."""
    one, other = worker(), worker()
    before = session(issuer, "s1")
    assert other("verify", before) == "good"
    assert one("subject", "alice") == "good"
    assert until(lambda: other("verify", before) == "revoked_subject")
    issuer.clock.advance(30)
    assert other("verify", session(issuer, "s2")) == "good"


@pytest.mark.slow
def test_what_is_revoked_while_redis_is_away_arrives_when_it_is_back(
    worker: Start, issuer: JWTIssuer, redis: Redis
) -> None:
    """It holds here at once, and what was known before stays revoked everywhere."""
    one, other = worker(), worker()
    first, second = session(issuer, "s1"), session(issuer, "s2")
    assert [other("verify", first), other("verify", second)] == ["good", "good"]
    assert one("revoke", first) == "good"
    assert until(lambda: other("verify", first) == "revoked_session")
    redis.stop()
    assert other("verify", first) == "revoked_session"
    assert one("revoke", second) == "good"
    assert one("verify", second) == "revoked_session"
    assert other("verify", second) == "good"
    redis.start()
    assert until(lambda: other("verify", second) == "revoked_session")
