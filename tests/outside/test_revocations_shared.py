"""Revocations travel between processes over a real Redis, whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from jwtguard.testing import FakeClock, JWTIssuer
from tests.outside.guard_workers import Workers
from tests.redis_server import Redis
from tests.waiting import until


@pytest.fixture
def issuer() -> JWTIssuer:
    """An issuer whose tokens were issued a moment ago."""
    return JWTIssuer(alg="ES256", clock=FakeClock(time.time() - 5))


@pytest.fixture
def worker(redis: Redis, issuer: JWTIssuer) -> Iterator[Workers]:
    """Start a process with a guard of its own."""
    with Workers(issuer, redis.url) as workers:
        yield workers


def session(issuer: JWTIssuer, sid: str) -> str:
    return issuer.token(claims={"sid": sid})


@pytest.mark.slow
def test_a_session_that_one_worker_ends_is_over_in_the_other(
    worker: Workers, issuer: JWTIssuer
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
    worker: Workers, issuer: JWTIssuer
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
    worker: Workers, issuer: JWTIssuer, redis: Redis
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
