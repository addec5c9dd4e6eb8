"""Key fetches in threads, over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from jwtguard.core.model.effects import (
    Flight,
    Incoming,
)
from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.verify.keys import DEADLINE, KeyCache
from jwtguard.errors import KeysUnavailableError
from jwtguard.guard import Guard
from jwtguard.outside.fetcher import Fetcher
from jwtguard.outside.http import HTTPClient
from jwtguard.testing import JWTIssuer
from tests.outside.http_support import Handler, Server
from tests.waiting import HANG


@pytest.fixture
def issuer() -> JWTIssuer:
    """An issuer with one EC key."""
    return JWTIssuer(alg="ES256")


# Flights.


def flight_of(url: str = "http://127.0.0.1:9/") -> Flight:
    """Claim a fetch of keys at *url*, as the first request would."""
    trusted = TrustedIssuer(url="https://issuer.example", jwks_url=url)
    cache = KeyCache(trusted, time.monotonic, jitter=lambda: 0.0)
    flow = cache.find(lambda held: held.keys)
    ask = next(flow)
    flight: Flight = ask.flight  # type: ignore[union-attr]
    return flight


def test_a_flight_brings_keys(server: Server, issuer: JWTIssuer) -> None:
    """From metadata to key set, over real sockets; ETag and 304 included."""
    with issuer.served() as url:
        trusted = TrustedIssuer(url=url, audience=issuer.audience)
        guard = Guard(issuer.policy(issuers=(trusted,)), clock=issuer.clock)
        assert guard.verify(issuer.token()).subject == "alice"
        assert guard.health()[url]["keys"] == 1
    assert issuer.fetches == 1


def test_304_over_a_real_socket(server: Server, issuer: JWTIssuer) -> None:
    """The body travels once."""

    def jwks(handler: Handler) -> None:
        if handler.headers.get("If-None-Match") == '"1"':
            handler.send(b"", 304, ETag='"1"')
        else:
            handler.send(json.dumps(issuer.jwks()).encode(), ETag='"1"')

    server.paths["/jwks"] = jwks
    trusted = TrustedIssuer(url=issuer.url, audience="a", jwks_url=server.url("/jwks"))
    guard = Guard(
        issuer.policy(issuers=(trusted,), audience="unchecked"), clock=issuer.clock
    )
    token = issuer.token(claims={"aud": "a"}, expires_in=9000)
    guard.verify(token)
    issuer.clock.advance(1201)
    guard.verify(token)
    assert [f.get("if-none-match") for _, f in server.seen] == [None, '"1"']
    assert guard.health()[issuer.url]["age"] == 0


def test_a_waiter_gives_up_at_the_deadline_of_the_fetch() -> None:
    """Counted from take-off: who comes late waits for what is left of it."""
    flight = flight_of()
    fetcher = Fetcher(HTTPClient())
    began = time.monotonic()
    flight.started_at = began - DEADLINE + 0.2
    fetcher.wait(flight)
    assert 0.19 < time.monotonic() - began < DEADLINE
    flight.started_at = time.monotonic() - 2 * DEADLINE
    for run in (asyncio.run, trio.run):
        began = time.monotonic()
        if run is asyncio.run:
            asyncio.run(fetcher.await_(flight))
        else:
            trio.run(fetcher.await_, flight)
        assert time.monotonic() - began < DEADLINE


def test_who_waits_before_the_start_waits_for_it() -> None:
    """Claimed by one thread and not begun yet: another may already wait."""
    flight = flight_of()
    threading.Timer(0.05, flight.done.set_result, (None,)).start()
    began = time.monotonic()
    Fetcher(HTTPClient()).wait(flight)
    assert time.monotonic() - began < DEADLINE


def test_a_loop_that_has_ended_does_not_disturb_a_landing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its waiters went with it; nothing is logged, and the rest are woken."""
    flight = flight_of()
    flight.started_at = time.monotonic() - DEADLINE + 0.05
    fetcher = Fetcher(HTTPClient())
    asyncio.run(fetcher.await_(flight))
    trio.run(fetcher.await_, flight)
    flight.done.set_result(None)
    fetcher.wait(flight)
    assert caplog.records == []


def test_a_thread_that_cannot_start_is_a_failed_fetch() -> None:
    """Out of threads: nobody hangs, and the reason is known."""
    flight = flight_of()
    before = threading.stack_size(2**45)  # no machine has so much
    try:
        Fetcher(HTTPClient()).start(flight)
    finally:
        threading.stack_size(before)
    assert flight.done.done()
    assert isinstance(flight.work, KeyCache)
    assert flight.work.snapshot.failures == 1
    assert "thread" in flight.work.snapshot.failure


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_transport_that_raises_other_errors_is_a_failed_fetch(
    issuer: JWTIssuer,
) -> None:
    """It may raise ``FetchFailedError`` only; another error is a failure as well."""
    count = 0

    def broken(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        nonlocal count
        count += 1
        raise ZeroDivisionError(url)

    guard = Guard(issuer.policy(), clock=issuer.clock, transport=broken)
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            guard.verify(issuer.token())
        for thread in threading.enumerate():  # its traceback belongs to this test
            if thread.name == "jwtguard-fetch":
                thread.join(HANG)
    assert count == 1
    assert guard.health()[issuer.url]["failures"] == 1


FIRST_FETCH = """
import sys
from jwtguard import Guard, Policy, TrustedIssuer

url, audience, token = sys.argv[1:]
guard = Guard(Policy(issuers=[TrustedIssuer(url=url)], audience=[audience]))
before = set(sys.modules)
assert guard.verify(token).subject == "alice"
print(*sorted(set(sys.modules) - before))
"""
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.mark.slow
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_a_first_fetch_imports_nothing(alg: str, named: bool, tmp_path: Path) -> None:
    """A fork in the middle of an import would leave workers that can never fetch.

    Whether the environment names the trusted authorities, or httpx brings them.
    """
    environ = {name: value for name, value in os.environ.items() if name not in TRUST}
    if named:
        environ["SSL_CERT_DIR"] = str(tmp_path)
    issuer = JWTIssuer(alg=alg)
    with issuer.served():
        arguments = (issuer.url, issuer.audience, issuer.token())
        command = [sys.executable, "-c", FIRST_FETCH, *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=HANG,
            env=environ,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == []
