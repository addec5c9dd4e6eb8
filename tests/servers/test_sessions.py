"""Sessions behind real servers: four workers, a shared Redis, and impatient tabs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from jwtguard.testing import JWTIssuer
from tests.redis_server import Redis, needs_redis
from tests.servers.conftest import Running, Serve
from tests.session_support import SECRET, TokenServer, serving
from tests.waiting import HANG, NO_TLS, ask, until

pytestmark = [pytest.mark.slow, needs_redis]
COOKIE = "jwtguard_session"
TABS, EXPIRIES = 48, 5


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    """A token server in real time: it rotates refresh tokens, and punishes reuse."""
    clock: Any = time
    server = TokenServer(JWTIssuer(alg="ES256", clock=clock), life=6)
    with serving(server) as url:
        server.issuer.url = url
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of our own."""
    with Redis(tmp_path) as made:
        yield made


def worker(
    serve: Serve, tokens: TokenServer, redis: Redis, *, wsgi: bool, **more: str
) -> Running:
    """Start one worker of the site, on a port of its own."""
    module = "tests.servers.wsgi_app" if wsgi else "tests.servers.asgi_app"
    command = (
        ("gunicorn", f"{module}:app", "-b", "127.0.0.1:PORT", "--threads", "16")
        if wsgi
        else ("uvicorn", f"{module}:app", "--port", "PORT")
    )
    return serve(
        *command,
        JWTGUARD_ISSUER=tokens.issuer.url,
        JWTGUARD_AUDIENCE=tokens.issuer.audience,
        JWTGUARD_SESSION_CLIENT="www",
        JWTGUARD_SESSION_PATH="/session",
        JWTGUARD_SECRETS=SECRET,
        JWTGUARD_STATE=redis.url,
        JWTGUARD_STATE_TIMEOUT="20",
        **more,
    )


def sign_in(site: Running) -> str:
    """Sign in as a script does, and return the cookie."""
    answer = ask(
        "POST",
        site.url("/session/login"),
        json={"username": "alice", "password": "wonderland"},
        headers={"Origin": site.url("").rstrip("/")},
    )
    assert answer.status_code == 200, answer.text
    return answer.cookies[COOKIE]


def visit(site: Running, cookie: str) -> httpx.Response:
    """Load a page; the client follows nothing and keeps nothing."""
    with httpx.Client(verify=NO_TLS, trust_env=False, timeout=HANG) as client:
        return client.get(site.url("/x"), headers={"Cookie": f"{COOKIE}={cookie}"})


@pytest.mark.parametrize("store", ["cookie", "state"])
@pytest.mark.parametrize("wsgi", [False, True], ids=["asgi", "wsgi"])
def test_tabs_and_workers_redeem_a_token_once(
    serve: Serve, tokens: TokenServer, redis: Redis, store: str, wsgi: bool
) -> None:
    """Many requests arrive at each expiry, and all visitors stay signed in."""
    workers = [
        worker(serve, tokens, redis, wsgi=wsgi, JWTGUARD_SESSION_STORE=store)
        for _ in range(4)
    ]
    cookie = sign_in(workers[0])
    with ThreadPoolExecutor(TABS) as pool:
        for number in range(EXPIRIES):
            time.sleep(3.2)  # half of a token's life
            sites = [workers[n % 4] for n in range(TABS)]
            answers = list(pool.map(visit, sites, [cookie] * TABS))
            assert {answer.status_code for answer in answers} == {200}
            new = {answer.cookies.get(COOKIE) for answer in answers}
            assert len(new) == 1
            (found,) = new
            assert (found is None) is (store == "state")
            cookie = found or cookie
            assert tokens.refreshes == number + 1
    assert tokens.reused == 0


@pytest.mark.parametrize("store", ["cookie", "state"])
def test_visitors_stay_signed_in_when_a_worker_is_killed(
    serve: Serve, tokens: TokenServer, redis: Redis, store: str
) -> None:
    """Another one takes over when its lease has ended; the issuer had spent nothing."""
    first, second = (
        worker(serve, tokens, redis, wsgi=False, JWTGUARD_SESSION_STORE=store)
        for _ in range(2)
    )
    cookie = sign_in(first)
    held: list[dict[str, str]] = []
    died = threading.Event()

    def hold(form: dict[str, str]) -> httpx.Response | None:
        if form["grant_type"] != "refresh_token" or held:
            return None
        held.append(form)
        died.wait(HANG)
        return httpx.Response(503)  # nobody waits for it any more

    tokens.answer = hold
    time.sleep(3.2)
    with ThreadPoolExecutor(2) as pool:
        lost = pool.submit(visit, first, cookie)
        assert until(lambda: bool(held))
        found = pool.submit(visit, second, cookie)
        first.process.kill()
        with pytest.raises(httpx.HTTPError):
            raise lost.exception(HANG) or AssertionError("it was answered")
        assert found.result(HANG).status_code == 200
        died.set()
    assert tokens.reused == 0
