"""The same promises behind real servers, with workers, threads, forks and sockets."""

from __future__ import annotations

import concurrent.futures
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from socket import SHUT_WR, create_connection
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from jwtguard.testing import JWTIssuer
from tests.waiting import HANG, ask, until

pytestmark = pytest.mark.slow

Serve = Callable[..., Any]
UVICORN = ("uvicorn", "--app-dir=.", "--port=PORT", "asgi_app:app")
GUNICORN = (
    "gunicorn",
    "--bind=127.0.0.1:PORT",
    "--worker-class=gthread",
    "wsgi_app:app",
)
SERVERS: Mapping[str, tuple[str, ...]] = {
    "uvicorn": UVICORN,
    "gunicorn": (*GUNICORN, "--threads=4"),
}
IMPLEMENTATIONS = ["websockets", "websockets-sansio", "wsproto"]


@pytest.fixture(params=SERVERS)
def running(request: pytest.FixtureRequest, serve: Serve) -> Any:
    """One process of each world."""
    return serve(*SERVERS[request.param])


def get(running: Any, token: str | None, **fields: str) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return ask("GET", running.url("/notes"), headers=headers)


# HTTP.


def test_a_good_token_passes_and_others_do_not(running: Any, issuer: JWTIssuer) -> None:
    """The main promise, over a real socket; the issuer is asked once."""
    answer = get(running, issuer.token(), origin="https://www.example")
    assert (answer.status_code, answer.json()["subject"]) == (200, "alice")
    assert answer.headers["access-control-allow-origin"] == "https://www.example"
    told = get(running, None).headers.get_list("www-authenticate")
    assert told[0] == 'Bearer realm="api"'
    assert [challenge.split(" ")[0] for challenge in told] == ["Bearer", "DPoP"]
    for token in (issuer.forged(), issuer.expired(), issuer.id_token(), "x"):
        answer = get(running, token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    answer = get(running, issuer.token(), origin="https://evil.example")
    assert (answer.status_code, answer.json()["error"]) == (403, "invalid_origin")
    assert issuer.fetches == 1


def test_a_lazy_answer_may_still_be_refused(issuer: JWTIssuer, serve: Serve) -> None:
    """An error on its first step: gunicorn has sent nothing, and sends our refusal."""
    running = serve(*GUNICORN, "--threads=4")
    fields = {"Authorization": f"Bearer {issuer.token()}"}
    answer = ask("GET", running.url("/lazy"), headers=fields)
    assert (answer.status_code, answer.text) == (200, "lazy")
    answer = ask("GET", running.url("/lazy?refuse"), headers=fields)
    assert (answer.status_code, answer.json()["error"]) == (401, "missing_token")
    assert answer.headers.get_list("www-authenticate")[0] == 'Bearer realm="api"'


def test_a_preflight_is_answered(running: Any) -> None:
    """No token, no application: 204 for the client's origin, 403 for others."""
    for origin, status in (("https://www.example", 204), ("https://evil.example", 403)):
        headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        answer = ask("OPTIONS", running.url("/notes"), headers=headers)
        assert answer.status_code == status


def test_two_header_fields_are_400(running: Any, issuer: JWTIssuer) -> None:
    """However the server joins them."""
    field = ("Authorization", f"Bearer {issuer.token()}")
    answer = ask("GET", running.url("/notes"), headers=[field, field])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_token_request_reaches_the_application_whole(
    running: Any, chunked: bool
) -> None:
    """It is read, judged, and handed on byte for byte, however it is framed."""
    form = b"grant_type=password&client_id=spa&username=a%20b&password=%C3%A9+%26"
    body = (form[i : i + 7] for i in range(0, len(form), 7)) if chunked else form
    answer = ask(
        "POST",
        running.url("/token"),
        content=body,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "https://www.example",
        },
    )
    assert (answer.status_code, answer.json()["body"]) == (200, form.decode())


FORM = b"grant_type=refresh_token&client_id=spa&refresh_token=r"
CHUNKS = b"%x\r\n" % len(FORM) + FORM + b"\r\n0\r\n\r\n"
FRAMINGS = {
    "a length and chunks": (
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        CHUNKS,
    ),
    "chunks and a length": (
        [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
        CHUNKS,
    ),
    "two lengths": ([b"Content-Length: %d" % len(FORM), b"Content-Length: 5"], FORM),
    "two codings": ([b"Transfer-Encoding: gzip, chunked"], CHUNKS),
    "chunks twice": ([b"Transfer-Encoding: chunked, chunked"], CHUNKS),
    "chunks under an odd name": ([b"Transfer-Encoding: xchunked"], CHUNKS),
    "chunks by an underscore": ([b"Transfer_Encoding: chunked"], CHUNKS),
    "a form without a length": ([], FORM),
    "a chunk that lies": (
        [b"Transfer-Encoding: chunked"],
        b"5\r\n" + FORM + b"\r\n0\r\n\r\n",
    ),
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_no_framing_slips_a_refresh_past(running: Any, name: str) -> None:
    """From a stranger's page, by bytes that no browser sends: refused, or cut off."""
    fields, body = FRAMINGS[name]
    head = [
        b"POST /token HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Origin: https://evil.example",
        b"Content-Type: application/x-www-form-urlencoded",
        b"Connection: close",
        *fields,
    ]
    with create_connection(("127.0.0.1", running.port), HANG) as wire:
        wire.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        wire.shutdown(SHUT_WR)
        received = b""
        while piece := wire.recv(65536):
            received += piece
    assert b"HTTP/1.1 2" not in received
    assert b" 500 " not in received
    assert b"refresh_token=r" not in received
    assert ask("GET", running.url("/healthz")).status_code == 200


def test_no_keys_is_503_and_public_paths_work(running: Any, issuer: JWTIssuer) -> None:
    """The issuer was never up: Retry-After, no challenge."""
    issuer.down()
    answer = get(running, issuer.token())
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 10
    assert "www-authenticate" not in answer.headers
    health = ask("GET", running.url("/healthz"))
    assert health.status_code == 200


def test_an_outage_stops_no_known_key(running: Any, issuer: JWTIssuer) -> None:
    """New tokens pass as before; a made-up key id gets 503, as we cannot know."""
    assert get(running, issuer.token()).status_code == 200
    issuer.down()
    assert get(running, issuer.token(headers={"kid": "made-up"})).status_code == 503
    assert get(running, issuer.token()).status_code == 200


def test_a_cold_herd_causes_one_fetch(running: Any, issuer: JWTIssuer) -> None:
    """Sixty at once at a fresh process: one fetch, and nobody fails."""
    tokens = [issuer.token(subject=str(number)) for number in range(60)]
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda token: get(running, token), tokens))
    assert [a.json()["subject"] for a in answers] == [str(n) for n in range(60)]
    assert issuer.fetches == 1


# Workers and forks.


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("before", [None, "USE_BEFORE_FORK", "FETCH_DURING_FORK"])
def test_preloaded_workers_do_not_hang(
    serve: Serve, issuer: Any, before: str | None
) -> None:
    """Eight workers; keys from before the fork serve them all, else each fetches once.

    A fetch that is under way at the fork belongs to the parent alone.
    """
    environ = {before: issuer.token()} if before else {}
    issuer.hold_next = before == "FETCH_DURING_FORK"
    running = serve(*GUNICORN, "--preload", "--workers=8", "--threads=4", **environ)
    if issuer.hold_next:  # the parent's request is on its way: let it be the first
        assert issuer.holding.wait(HANG)
    used = before == "USE_BEFORE_FORK"
    assert issuer.fetches == used
    workers: set[int] = set()

    def several_have_answered() -> bool:
        """Some workers may not be up yet, so the crowd comes again."""
        workers.update(crowd(running, issuer, 160))
        return len(workers) > 1

    assert until(several_have_answered)
    assert issuer.fetches == (1 if used else len(workers))


def crowd(running: Any, issuer: JWTIssuer, count: int) -> set[int]:
    """Send so many new tokens, all of which are good; return who answered."""
    tokens = [issuer.token() for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda token: get(running, token), tokens))
    assert {answer.status_code for answer in answers} == {200}
    return {answer.json()["worker"] for answer in answers}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_find_a_rotated_key_each_for_itself(
    serve: Serve, issuer: JWTIssuer
) -> None:
    """Keys from before the fork do not have it: one fetch per worker, no failure."""
    old = issuer.token()
    running = serve(
        *GUNICORN, "--preload", "--workers=2", "--threads=4", USE_BEFORE_FORK=old
    )
    issuer.rotate()
    workers = crowd(running, issuer, 60)
    assert issuer.fetches == 1 + len(workers)


def test_a_bad_configuration_stops_the_server(serve: Serve) -> None:
    """Both worlds refuse to start, and say what is wrong."""
    for command in SERVERS.values():
        with pytest.raises(AssertionError, match="JWTGUARD_LEEWAY"):
            serve(*command, JWTGUARD_LEEWAY="soon")


# WebSockets.


def dial(running: Any, **options: Any) -> ClientConnection:
    url: str = running.url("/live", "ws")
    opened: ClientConnection = connect(url, proxy=None, open_timeout=HANG, **options)
    return opened


@pytest.fixture(params=IMPLEMENTATIONS)
def sockets(request: pytest.FixtureRequest, serve: Serve) -> Any:
    """uvicorn with each of its WebSocket implementations."""
    settings = {"JWTGUARD_LEEWAY": "0", "JWTGUARD_COOKIE": "token"}
    return serve(*UVICORN, f"--ws={request.param}", **settings)


def test_a_websocket_with_a_good_token(sockets: Any, issuer: JWTIssuer) -> None:
    """By header, and by subprotocol as browsers must: then ``bearer`` is echoed."""
    with dial(sockets, additional_headers=issuer.headers()) as socket:
        assert socket.recv(HANG) == "hello alice"
        socket.send("ping")
        assert socket.recv(HANG) == "ping"
    offered = [Subprotocol("bearer"), Subprotocol(issuer.token())]
    origin = Origin("https://www.example")
    with dial(sockets, subprotocols=offered, origin=origin) as socket:
        assert socket.subprotocol == "bearer"
        assert socket.recv(HANG) == "hello alice"


def test_a_websocket_is_refused_before_it_opens(
    sockets: Any, issuer: JWTIssuer
) -> None:
    """With the answer that HTTP would have got."""
    good = issuer.headers()
    evil = {"additional_headers": good, "origin": Origin("https://evil.example")}
    for options, status in (
        ({}, 401),
        ({"additional_headers": {"Authorization": "Bearer x"}}, 401),
        (evil, 403),
    ):
        with pytest.raises(InvalidStatus) as caught, dial(sockets, **options):
            pass
        assert caught.value.response.status_code == status
    assert issuer.fetches == 1


def test_a_websocket_with_a_cookie(sockets: Any, issuer: JWTIssuer) -> None:
    """From our own page alone: a cookie comes by itself, whoever's page it is."""
    cookie = {"additional_headers": {"Cookie": f"token={issuer.token()}"}}
    own = Origin(sockets.url(""))
    with dial(sockets, origin=own, **cookie) as opened:
        assert opened.recv(HANG) == "hello alice"
    for origin in (None, Origin("https://www.example"), Origin("null")):
        with (
            pytest.raises(InvalidStatus) as caught,
            dial(sockets, origin=origin, **cookie),
        ):
            pass
        assert caught.value.response.status_code == 403


def dial_in_time(sockets: Any, issuer: JWTIssuer) -> ClientConnection:
    """Dial with a token that ends soon, but not before the connection is open."""
    for seconds in (2, 8, 32, 120):
        lifetime = int(time.time()) + seconds - int(issuer.clock.time())
        headers = issuer.headers(issuer.token(expires_in=lifetime))
        with suppress(InvalidStatus):  # a busy machine was slower than the token
            return dial(sockets, additional_headers=headers)
    raise AssertionError("no token lives long enough")


def test_a_websocket_ends_with_its_token(sockets: Any, issuer: JWTIssuer) -> None:
    """4401 for the browser, and a disconnect for the application."""
    with dial_in_time(sockets, issuer) as socket:
        assert socket.recv(HANG) == "hello alice"
        with pytest.raises(ConnectionClosed):
            socket.recv(HANG)
        assert (socket.close_code, socket.close_reason) == (4401, "expired")
    assert sockets.logged("closed 4401")
