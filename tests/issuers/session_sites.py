"""A site with sessions in several processes, and tabs that all come at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from tests.issuers.running import running
from tests.ports import free_port
from tests.session_support import SECRET
from tests.waiting import HANG, NO_TLS, ask, until

COOKIE = "jwtguard_session"
TABS = 50


@contextmanager
def sites(folder: Path, count: int, environ: Mapping[str, str]) -> Iterator[list[str]]:
    """Run *count* workers, each on a port of its own; yield their URLs."""
    with ExitStack() as stack:
        urls = []
        for _ in range(count):
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            command = [
                sys.executable, "-m", "uvicorn", "tests.servers.asgi_app:app",
                "--port", str(port),
            ]  # fmt: skip
            settings = {
                "JWTGUARD_SESSION_PATH": "/session",
                "JWTGUARD_SECRETS": SECRET,
                "JWTGUARD_STATE_TIMEOUT": "20",
                **environ,
            }
            log = folder / f"site-{port}.log"
            stack.enter_context(running(command, settings, f"{url}/session", log))
            urls.append(url)
        yield urls


def sign_in(site: str, password: str) -> str:
    """Sign in as a script does; return the cookie."""
    answer = ask(
        "POST", f"{site}/session/login", headers={"Origin": site},
        json={"username": "alice", "password": password},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.cookies[COOKIE]


def visit(site: str, cookie: str) -> httpx.Response:
    """Load a page, as a tab that keeps nothing."""
    with httpx.Client(verify=NO_TLS, trust_env=False, timeout=HANG) as client:
        return client.get(f"{site}/x", headers={"Cookie": f"{COOKIE}={cookie}"})


def survive(workers: list[str], cookie: str, expiries: int, life: float) -> int:
    """Let all tabs come at each expiry; return how often they got a new cookie.

    *life* is that of an access token, in seconds: it is refreshed at half of it. On a
    busy machine the tabs may take that long, and the next refresh comes among them.
    """
    renewed = 0
    with ThreadPoolExecutor(TABS) as pool:
        for _ in range(expiries):
            time.sleep(life / 2 + 0.5)
            began = time.monotonic()
            tabs = [workers[n % len(workers)] for n in range(TABS)]
            answers = list(pool.map(_stay, tabs, [cookie] * TABS))
            refreshes = 1 + int((time.monotonic() - began) / (life / 2))
            assert {answer.status_code for answer in answers} == {200}
            cookies = [answer.cookies.get(COOKIE) for answer in answers]
            new = [*dict.fromkeys(one for one in cookies if one)]
            assert len(new) <= refreshes
            # With the first refresh every tab is told, unless one came after the next.
            assert refreshes > 1 or None not in cookies or not new
            renewed += bool(new)
            cookie = new[-1] if new else cookie
    return renewed


def _stay(site: str, cookie: str) -> httpx.Response:
    """Load a page, again while the issuer is too busy to refresh: that ends nothing."""
    answers: list[httpx.Response] = []

    def loaded() -> bool:
        answers.append(visit(site, cookie))
        return answers[-1].status_code != 503

    assert until(loaded)
    return answers[-1]
