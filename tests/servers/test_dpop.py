"""Bound tokens through real servers: behind a proxy, over HTTP/2, on WebSockets."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from jwtguard.testing import DPoPKey, FakeClock, JWTIssuer
from tests.ports import free_port
from tests.redis_server import Redis, needs_redis
from tests.servers.mtls_proxies import PROGRAMS
from tests.session_support import SECRET
from tests.waiting import HANG, ask, until

pytestmark = pytest.mark.slow

Serve = Callable[..., Any]
GUNICORN = ("gunicorn", "--bind=127.0.0.1:PORT", "wsgi_app:app")
UVICORN = ("uvicorn", "--port=PORT", "--no-proxy-headers", "asgi_app:app")
HYPERCORN = ("hypercorn", "--bind=127.0.0.1:PORT", "asgi_app:app")
SERVERS = {"gunicorn": GUNICORN, "uvicorn": UVICORN, "hypercorn": HYPERCORN}
SOCKETS = {"uvicorn": UVICORN, "hypercorn": HYPERCORN}
NGINX = """
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t;
  uwsgi_temp_path t; scgi_temp_path t;
  server {
    listen 127.0.0.1:FRONT;
    location /v2/ {
      proxy_pass http://127.0.0.1:BACK/;
    }
  }
}
"""


class RealClock(FakeClock):
    """Proofs are good for a minute, and a busy machine may need longer for a test."""

    def time(self) -> float:
        return time.time()


@pytest.fixture
def key(issuer: JWTIssuer) -> DPoPKey:
    """A client's key, on the real clock."""
    made = issuer.dpop()
    made.clock = RealClock()
    return made


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_description"]


@contextmanager
def nginx(folder: Path, front: int, back: int) -> Iterator[str]:
    """Serve /v2/ at *front*, which is / at *back*; yield the public URL."""
    text = NGINX.replace("FRONT", str(front)).replace("BACK", str(back))
    (folder / "nginx.conf").write_text(text)
    command = [str(PROGRAMS["nginx"]), "-p", "./", "-c", "nginx.conf"]
    url = f"http://127.0.0.1:{front}/v2"

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return ask("GET", f"{url}/healthz").is_success
        except httpx.HTTPError:
            return False

    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        assert until(answers), (folder / "log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(HANG)


@pytest.mark.skipif(PROGRAMS["nginx"] is None, reason="nginx is not installed")
@pytest.mark.parametrize("server", SERVERS)
def test_a_proxy_takes_a_prefix_off(
    serve: Serve, key: DPoPKey, server: str, tmp_path: Path
) -> None:
    """The proof names the URL that the client calls, prefix and all."""
    front = free_port()
    public = f"http://127.0.0.1:{front}/v2"
    running = serve(*SERVERS[server], JWTGUARD_PUBLIC_URL=public)
    with nginx(tmp_path, front, running.port) as url:
        assert url == public
        for path in ("/hello", "/hello?a=1", "/a%20b/%C3%A9", "/a/"):
            sent = key.headers("GET", f"{url}{path}")
            answer = ask("GET", f"{url}{path}", headers=sent)
            assert answer.status_code == 200, answer.text
            again = ask("GET", f"{url}{path}", headers=sent)
            assert refusal(again) == (401, "The DPoP proof was used before")
        for wrong in (
            f"http://127.0.0.1:{front}/hello",
            f"http://127.0.0.1:{running.port}/hello",
            f"{url}/v2/hello",
            f"{url}/hello/",
        ):
            answer = ask("GET", f"{url}/hello", headers=key.headers("GET", wrong))
            assert refusal(answer) == (401, "The DPoP proof is for another URL")


@pytest.mark.parametrize("prior", [False, True], ids=["http/1.1", "http/2"])
def test_http_2_is_no_different(serve: Serve, key: DPoPKey, prior: bool) -> None:
    """There the host comes as ``:authority``, and names are in small letters."""
    running = serve(*HYPERCORN)
    url = running.url("/hello")
    with httpx.Client(http1=not prior, http2=prior, trust_env=False) as client:
        sent = key.headers("GET", url)
        answer = client.get(url, headers=sent)
        assert answer.status_code == 200, answer.text
        assert answer.http_version == ("HTTP/2" if prior else "HTTP/1.1")
        again = client.get(url, headers=sent)
        assert refusal(again) == (401, "The DPoP proof was used before")
        twice = [*sent.items(), ("DPoP", key.proof("GET", url))]
        answer = client.get(url, headers=twice)
        assert refusal(answer) == (401, "More than one DPoP proof was sent")
        other = key.headers("GET", "http://other.example/hello")
        answer = client.get(url, headers=other)
        assert refusal(answer) == (401, "The DPoP proof is for another URL")


def greeting(url: str, **given: Any) -> str:
    """Open a WebSocket; return what it says first."""
    with connect(url, open_timeout=HANG, proxy=None, **given) as socket:
        return str(socket.recv(HANG))


def refused_socket(url: str, **given: Any) -> int:
    """Return the status with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as caught:
        greeting(url, **given)
    return caught.value.response.status_code


@pytest.mark.parametrize("scheme", ["ws", "http"])
@pytest.mark.parametrize("server", SOCKETS)
def test_a_page_sends_token_and_proof_as_subprotocols(
    serve: Serve, key: DPoPKey, server: str, scheme: str
) -> None:
    """Scripts can set no header; the proof is for GET, and good once."""
    running = serve(*SOCKETS[server])
    url, token = running.url("/live", "ws"), key.token()
    proof = key.proof("GET", running.url("/live", scheme), token=token)
    offered = [Subprotocol(one) for one in ("dpop", token, proof)]
    with connect(url, subprotocols=offered, open_timeout=HANG, proxy=None) as socket:
        assert socket.recv(HANG) == "hello alice"
        assert socket.subprotocol == "dpop"
    assert refused_socket(url, subprotocols=offered) in (401, 403)
    bearer = [Subprotocol(one) for one in ("bearer", token)]
    assert refused_socket(url, subprotocols=bearer) in (401, 403)


@pytest.mark.parametrize("server", SOCKETS)
def test_a_program_sends_two_headers(serve: Serve, key: DPoPKey, server: str) -> None:
    """As with any request."""
    running = serve(*SOCKETS[server])
    url = running.url("/live", "ws")
    sent = key.headers("GET", url)
    assert greeting(url, additional_headers=sent) == "hello alice"
    assert refused_socket(url, additional_headers=sent) in (401, 403)
    other = key.headers("GET", running.url("/other", "ws"))
    assert refused_socket(url, additional_headers=other) in (401, 403)


@needs_redis
def test_a_proof_is_good_once_for_two_workers(
    serve: Serve, key: DPoPKey, tmp_path: Path
) -> None:
    """Two processes behind one URL share a Redis, and what they know of proofs."""
    public = "http://127.0.0.1:1"
    with Redis(tmp_path) as redis:
        settings = {
            "JWTGUARD_PUBLIC_URL": public,
            "JWTGUARD_STATE": redis.url,
            "JWTGUARD_SECRETS": SECRET,
            "JWTGUARD_DPOP_NONCE": "require",
        }
        workers = [serve(*one, **settings) for one in (GUNICORN, UVICORN)]
        nonce: str | None = None
        for first, second in (workers, workers[::-1]):
            sent = key.headers("GET", f"{public}/hello", nonce=nonce)
            answer = ask("GET", first.url("/hello"), headers=sent)
            if nonce is None:
                assert answer.status_code == 401
                nonce = answer.headers["DPoP-Nonce"]
                sent = key.headers("GET", f"{public}/hello", nonce=nonce)
                answer = ask("GET", first.url("/hello"), headers=sent)
            # A nonce of one worker is good at the other.
            assert answer.status_code == 200, answer.text
            replayed = ask("GET", second.url("/hello"), headers=sent)
            assert refusal(replayed) == (401, "The DPoP proof was used before")
