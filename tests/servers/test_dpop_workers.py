"""Bound tokens at real servers with two workers: each proof is good once in all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from jwtguard.testing import JWTIssuer
from tests.redis_server import Redis, needs_redis
from tests.servers.test_revoking_workers import SERVERS, Connections
from tests.waiting import until

pytestmark = [pytest.mark.slow, needs_redis]

Serve = Callable[..., Any]
SECRET = "dGhpcyBpcyBhIHNlY3JldCBmb3IgdGVzdHMgb25seSwgcmFuZG9t"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A real Redis that runs."""
    with Redis(tmp_path) as server:
        yield server


class Sender:
    """A client with a key, which sends its token to chosen workers of a server."""

    def __init__(self, running: Any, issuer: JWTIssuer) -> None:
        self.workers = Connections(running.url(""))
        self.here, self.there = self.workers.find(2)
        self.key = issuer.dpop()
        self.token = self.key.token()
        self._url = running.url("/notes")

    def proof(self, **given: Any) -> str:
        """Return a new proof, made now by the clock of the machine."""
        claims = {"iat": int(time.time()), **given.pop("claims", {})}
        given = {"token": self.token, "claims": claims, **given}
        return self.key.proof("GET", self._url, **given)

    def send(self, worker: str, proof: str) -> httpx.Response:
        """Send the token with *proof* to *worker*."""
        fields = {"Authorization": f"DPoP {self.token}", "DPoP": proof}
        return self.workers.to[worker].get("/notes", headers=fields)


@pytest.fixture(params=SERVERS)
def sender(
    request: pytest.FixtureRequest, serve: Serve, issuer: JWTIssuer, redis: Redis
) -> Iterator[Sender]:
    """Two workers with one store and one secret."""
    running = serve(
        *SERVERS[request.param],
        JWTGUARD_STATE=redis.url,
        JWTGUARD_STATE_TIMEOUT="10",
        JWTGUARD_SECRETS=SECRET,
    )
    made = Sender(running, issuer)
    yield made
    made.workers.close()


def test_a_proof_is_good_in_one_of_two_workers(sender: Sender) -> None:
    """Whichever gets it first; the next proof is good in the other one."""
    proof = sender.proof()
    assert sender.send(sender.here, proof).status_code == 200
    for worker in (sender.there, sender.here):
        refused = sender.send(worker, proof)
        assert refused.status_code == 401
        assert "was used before" in refused.json()["error_description"]
    assert sender.send(sender.there, sender.proof()).status_code == 200


def test_of_many_at_once_one_is_let_in(sender: Sender) -> None:
    """Twenty requests with one proof, spread over both workers."""
    proof = sender.proof()
    workers = [sender.here, sender.there] * 10
    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(lambda worker: sender.send(worker, proof), workers)
        found = Counter(answer.status_code for answer in answers)
    assert found == {200: 1, 401: 19}


def test_a_nonce_of_one_worker_is_good_in_the_other(sender: Sender) -> None:
    """A client whose clock is an hour ahead needs one retry, wherever that arrives."""
    ahead = {"iat": int(time.time()) + 3600}
    asked = sender.send(sender.here, sender.proof(claims=ahead))
    assert asked.status_code == 401
    assert asked.json()["error"] == "use_dpop_nonce"
    again = sender.proof(claims=ahead, nonce=asked.headers["DPoP-Nonce"])
    assert sender.send(sender.there, again).status_code == 200
    assert sender.send(sender.here, again).status_code == 401


def test_without_the_store_no_proof_is_good(sender: Sender, redis: Redis) -> None:
    """503 until it is back; a bearer token is not concerned."""
    redis.stop()
    refused = sender.send(sender.here, sender.proof())
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "WWW-Authenticate" not in refused.headers
    redis.start()
    assert until(lambda: sender.send(sender.here, sender.proof()).status_code == 200)
