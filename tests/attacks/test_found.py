"""What attacking ourselves has found: each test is named after what it let happen."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from math import prod
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from jwt.utils import base64url_encode
from werkzeug.test import Client, EnvironBuilder

from jwtguard import ConfigurationError, Guard
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.core.model.effects import FetchFailedError
from jwtguard.core.model.jwk_set import parse_given
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.errors import InvalidTokenError, MissingTokenError
from jwtguard.flask import JWTGuard
from jwtguard.outside.http import HTTPClient
from jwtguard.outside.rate_limit import RateLimiter
from jwtguard.relay import TokenRelay
from jwtguard.testing import FakeClock, JWTIssuer
from jwtguard.wsgi import GuardMiddleware as WSGIGuard
from tests.attacks.attacker import GUARD, claims, header, signed
from tests.waiting import HANG, until

WRITE = ScopeRule(path="/notes", methods=("POST",), require=("notes:write",))


@pytest.mark.parametrize("method", ["POST", "post", "Post"])
def test_post_in_small_letters_wrote_without_a_token(
    jwt_issuer: JWTIssuer, method: str
) -> None:
    """Werkzeug folds the case of methods: a rule for POST stands for all spellings."""
    app = Flask("attacked")
    ran: list[str] = []

    @app.post("/notes")
    def write() -> str:
        ran.append("written")
        return "written"

    JWTGuard(app, jwt_issuer.guard(public_paths=("/notes",), scopes=(WRITE,)))
    environ = EnvironBuilder("/notes", "https://api.example").get_environ()
    environ["REQUEST_METHOD"] = method
    assert Client(app).open(environ).status_code == 401
    assert ran == []


P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def _doubled(point: Point) -> Point:
    """RFC 8032 section 5.1: twice a point of the curve, in its own coordinates."""
    x, y = point
    t = D * x * x * y * y % P
    return (
        2 * x * y * pow(1 + t, -1, P) % P,
        (y * y + x * x) * pow(1 - t, -1, P) % P,
    )


def _root(square: int) -> int | None:
    """RFC 8032 section 5.1.3: a square root modulo P, if there is one."""
    root = pow(square, (P + 3) // 8, P)
    if (root * root - square) % P:
        root = root * pow(2, (P - 1) // 4, P) % P
    return root if (root * root - square) % P == 0 else None


def _small() -> list[int]:
    """Return y of all points of order 1, 2, 4, and 8: there D y^4 + 2 y^2 is 1."""
    root = _root(1 + D)
    assert root is not None
    squares = [(sign * root - 1) * pow(D, -1, P) % P for sign in (1, -1)]
    eighth = next(y for y in map(_root, squares) if y is not None)
    return [0, 1, P - 1, eighth, P - eighth, P, P + 1]


SMALL = _small()


@pytest.mark.parametrize("y", SMALL, ids=range(len(SMALL)))
@pytest.mark.parametrize("sign", [0, 2**255], ids=["even", "odd"])
def test_anybody_signed_for_a_key_of_small_order(y: int, sign: int) -> None:
    """All eight points, and their other spellings: eight times each is nothing."""
    x = _root((y * y - 1) * pow(D * y * y + 1, -1, P) % P)
    assert x is not None
    assert _doubled(_doubled(_doubled((x, y % P)))) == (0, 1)
    encoded = (y | sign).to_bytes(32, "little")
    key = {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(encoded).decode()}
    with pytest.raises(ValueError, match="no usable keys"):
        parse_given(key)


def test_a_signature_without_a_private_key_verifies_where_the_check_is_missing() -> (
    None
):
    """Why it matters: without any private key, every message is signed."""
    point = (1).to_bytes(32, "little")
    signature = point + bytes(32)
    for message in (b"alice", b"mallory"):
        Ed25519PublicKey.from_public_bytes(point).verify(signature, message)


def test_a_key_made_by_a_broken_chip_could_be_factored() -> None:
    """CVE-2017-15361 (ROCA): its modulus is a power of 65537 modulo small primes."""
    primes = [p for p in range(3, 168, 2) if all(p % q for q in range(3, p, 2))]
    product = prod(primes)
    modulus = (2**2047 // product + 1) * product + pow(65537, 12345, product)
    modulus += 0 if modulus % 2 else product
    number = base64url_encode(modulus.to_bytes(256, "big")).decode()
    with pytest.raises(ValueError, match="no usable keys"):
        parse_given({"kty": "RSA", "n": number, "e": "AQAB"})


class _Drip:
    """A server that sends the head of an answer for ever, a byte at a time."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.gone = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            peer, _ = self._socket.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\nA: ")
                while not self._stop.wait(0.02):
                    peer.sendall(b"a")
        except OSError:
            self.gone.set()

    def close(self) -> None:
        self._stop.set()
        self._socket.close()
        self._thread.join()


@pytest.fixture
def drip() -> Iterator[_Drip]:
    server = _Drip()
    yield server
    server.close()


def test_an_issuer_that_drips_headers_held_one_thread_for_each_retry(
    drip: _Drip,
) -> None:
    """The connection is cut at the deadline, whatever arrives on it."""
    before = threading.active_count()
    with pytest.raises(FetchFailedError):
        HTTPClient().get(drip.url, {}, 0.3)
    assert drip.gone.wait(HANG)
    assert until(lambda: threading.active_count() <= before)


def test_a_preflight_of_a_public_path_crashed_a_wsgi_application(
    jwt_issuer: JWTIssuer,
) -> None:
    """What the application raises grants no origin, so our answer replaces it."""

    def app(environ: Any, start_response: Any) -> Any:
        raise MissingTokenError("no_credentials")

    environ = EnvironBuilder(
        "/x", "https://api.example", method="OPTIONS"
    ).get_environ()
    environ["HTTP_ORIGIN"] = "https://www.example"
    environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"] = "GET"
    started: list[str] = []
    guarded = WSGIGuard(app, jwt_issuer.guard(public_paths=("/x",)))
    guarded(environ, lambda status, *_: started.append(status))  # type: ignore[arg-type]
    assert started == ["204 No Content"]


def test_a_connection_of_an_unknown_kind_reached_the_application(
    jwt_issuer: JWTIssuer,
) -> None:
    """What is neither HTTP, WebSocket nor lifespan has passed no rule."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the application ran")

    guarded: Any = ASGIGuard(app, jwt_issuer.guard())
    with pytest.raises(ConfigurationError, match="webtransport"):
        anyio.run(guarded, {"type": "webtransport", "headers": []}, None, None)


def test_a_token_that_ended_in_1970_never_ended_after_a_clock_jump() -> None:
    """A clock that starts at zero does not turn ``exp`` 0 into no end at all."""
    clock = FakeClock(now=0.0)
    issuer = JWTIssuer(alg="ES256", clock=clock)
    guard, token = issuer.guard(), issuer.token(claims={"exp": 0, "iat": 0})
    assert guard.verify(token).expires_at == 0
    clock.advance(1_800_000_000)
    issuer.withdraw()
    with pytest.raises(InvalidTokenError, match="expired"):
        guard.verify(token)


def test_claims_nested_to_the_edge_of_the_stack_crashed_their_reader() -> None:
    """What can just be read by the guard is too deep for an application below it."""
    opened = json.dumps(claims())[:-1]
    for depth in (100, 500, 900, 5000):
        nested = f'{opened},"x":{"[" * depth}{"]" * depth}}}'
        with pytest.raises(InvalidTokenError, match="malformed"):
            GUARD.verify(signed(body=nested))
    assert GUARD.verify(signed(body=opened + ',"x":[' + "[]," * 999 + "[]]}")).claims


@pytest.mark.parametrize("value", [False, 0, None, "false"])
def test_a_token_had_two_payloads_one_for_us_and_one_for_rfc_7797(value: Any) -> None:
    """``b64`` false means to some parsers that the payload is what we would decode."""
    token = signed(header(b64=value))
    with pytest.raises(InvalidTokenError, match="malformed"):
        GUARD.verify(token)
    assert GUARD.verify(signed(header(b64=True)))


# The relay.


def test_a_flood_of_names_filled_the_memory() -> None:
    """Who is over the limit leaves nothing behind, however long and many the names."""
    guesses = RateLimiter(
        "1/minute", "memory://", lambda *_, **__: None, FakeClock().monotonic
    )
    for number in range(200):
        guesses.claim(f"{number}" * 1000, "192.0.2.1")
    assert len(guesses._own) == 1 + 10
    assert {len(key) for table in guesses._own._tables for key in table} == {16}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_slow_token_server_took_the_threads_of_the_application(backend: str) -> None:
    """However many logins wait for it, plain functions of the application run on."""
    release = threading.Event()

    def upstream(_: httpx.Request) -> httpx.Response:
        release.wait(30)
        return httpx.Response(400, json={"error": "invalid_grant"})

    issuer = JWTIssuer(alg="ES256")
    policy = issuer.policy(relay_url=f"{issuer.url}/t", relay_limit="999/minute")
    relay = TokenRelay(Guard(policy), transport=httpx.MockTransport(upstream))
    form = {"grant_type": "password", "client_id": "spa", "username": "alice"}

    async def login() -> None:
        transport = httpx.ASGITransport(app=relay.asgi)
        base = "https://api.example"
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            assert (await client.post("/token", data=form)).status_code == 400

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(45):
                group.start_soon(login)
            try:
                await anyio.sleep(0.5)  # let them all get stuck
                with anyio.fail_after(10):
                    assert await anyio.to_thread.run_sync(threading.get_ident)
            finally:
                release.set()

    anyio.run(crowd, backend=backend)
