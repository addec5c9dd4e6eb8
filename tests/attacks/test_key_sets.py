"""The attack table for key sets: what a broken or hijacked issuer may publish.

A true token is brought to a guard whose issuer publishes this; each row says what must
come of it. The last rows go over a real socket.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.core.model.effects import Incoming
from tests.attacks.attacker import (
    ACCEPTED,
    AUDIENCE,
    CLOCK,
    EC,
    EC_MINE,
    ONE,
    P384,
    RSA,
    public,
    reason,
    signed,
)
from tests.attacks.tokens_signed import hmacked

GOOD = public(EC, kid="k")
MINE = public(EC_MINE, kid="k")
OCT = {"kty": "oct", "kid": "k", "alg": "HS256", "k": "c2VjcmV0c2VjcmV0c2VjcmV0"}
PRIVATE = {**GOOD, "d": "AAAA"}
DOWN, BAD, UNKNOWN, ALG = (
    "keys_unavailable", "bad_signature", "unknown_key", "wrong_algorithm",
)  # fmt: skip
TRUE = signed()
SET = json.dumps({"keys": [GOOD]}).encode()
ODD = json.dumps({"keys": [{**GOOD, "x5t": "\ud800"}]}).encode()
Row = tuple[str, Any, str]
"""What is published as members of ``keys``, and what comes of a true token."""

MEMBERS: list[Row] = [
    ("the key alone", [GOOD], ACCEPTED),
    ("the key, and mine under its name", [MINE, GOOD], ACCEPTED),
    ("mine under its name", [MINE], BAD),
    ("mine eight times before it", [MINE] * 8 + [GOOD], BAD),
    ("mine seven times before it", [MINE] * 7 + [GOOD], ACCEPTED),
    ("another name", [{**GOOD, "kid": "x"}], UNKNOWN),
    ("a secret beside it", [OCT, GOOD], ACCEPTED),
    ("a secret in its place", [OCT], DOWN),
    ("a secret, and another key", [OCT, {**MINE, "kid": "x"}], UNKNOWN),
    ("the private key", [PRIVATE], DOWN),
    ("the private key beside it", [PRIVATE, GOOD], ACCEPTED),
    ("for encryption", [{**GOOD, "use": "enc"}], DOWN),
    ("for signing only", [{**GOOD, "key_ops": ["sign"]}], DOWN),
    ("under an algorithm of RSA", [{**GOOD, "alg": "RS256"}], DOWN),
    ("under HS256", [{**GOOD, "alg": "HS256"}], DOWN),
    ("as an RSA key", [{**GOOD, "kty": "RSA"}], DOWN),
    ("on another curve", [{**GOOD, "crv": "P-384"}], DOWN),
    ("a point off the curve", [{**GOOD, "y": GOOD["x"]}], DOWN),
    ("x and y swapped", [{**GOOD, "x": GOOD["y"], "y": GOOD["x"]}], DOWN),
    ("the point at infinity", [{**GOOD, "x": "", "y": ""}], DOWN),
    ("P-384 under its name", [public(P384, kid="k")], ALG),
    ("RSA under its name", [public(RSA, kid="k")], ALG),
    ("nothing usable", [None, 1, "x", {}, [], {"kty": "EC"}], DOWN),
    ("nothing usable beside it", [None, 1, "x", {}, [], {"kty": 1}, GOOD], ACCEPTED),
    ("no members", [], DOWN),
    ("1,000 members before it", [{}] * 1000 + [GOOD], DOWN),
    ("100,000 members after it", [GOOD] + [0] * 100_000, ACCEPTED),
    ("members that are sets", [{"keys": [GOOD]}], DOWN),
    ("a key of text", [json.dumps(GOOD)], DOWN),
]


def guarding(body: bytes, status: int = 200, **fields: str) -> Guard:
    """Return a guard whose issuer publishes *body*."""

    def transport(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        return Incoming(status, fields, body)

    return guard_at(f"{ONE}/jwks", transport)


def guard_at(url: str, transport: Any = None) -> Guard:
    issuer = TrustedIssuer(url=ONE, jwks_url=url)
    policy = Policy(audience=[AUDIENCE], issuers=[issuer])
    return Guard(policy, clock=CLOCK, transport=transport)


@pytest.mark.parametrize("row", MEMBERS, ids=lambda row: row[0])
def test_the_table_of_members(row: Row) -> None:
    """A key verifies what it is for, whatever stands beside it; nothing else does."""
    _, members, expected = row
    guard = guarding(json.dumps({"keys": members}).encode())
    assert reason(guard, TRUE) == expected
    assert reason(guard, hmacked(b"secretsecretsecret", kid="k")) == ALG


TEXTS: list[tuple[str, bytes]] = [
    ("HTML", b"<!doctype html><title>Sign in</title>"),
    ("nothing", b""),
    ("an array", json.dumps([GOOD]).encode()),
    ("a string", b'"keys"'),
    ("keys that are text", b'{"keys":"k"}'),
    ("keys by name", json.dumps({"keys": {"k": GOOD}}).encode()),
    ("keys twice", SET[:-1] + b',"keys":[]}'),
    ("a member twice in the key", SET[:-3] + b',"kty":"EC"}]}'),
    ("UTF-16", json.dumps({"keys": [GOOD]}).encode("utf-16")),
    ("a BOM", b"\xef\xbb\xbf" + SET),
    ("invalid UTF-8", b'{"keys":[],"x":"\xff"}'),
    ("NaN", SET[:-1] + b',"x":NaN}'),
    ("1e400", SET[:-1] + b',"x":1e400}'),
    ("half a surrogate pair", ODD),
    ("arrays, 100,000 deep", b'{"keys":' + b"[" * 100_000),
    ("JSON cut short", SET[:-1]),
    ("two documents", SET * 2),
    ("JSONP", b"f(" + SET + b")"),
    ("an error", b'{"error":"invalid_client"}'),
    ("a signed set", signed().encode()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body"), TEXTS)
def test_an_invalid_key_set_is_an_outage(name: str, body: bytes) -> None:
    """503, and no exception: the caller is not told that his token is bad."""
    guard = guarding(body)
    assert reason(guard, TRUE) == DOWN
    assert guard.health()[ONE]["failures"] == 1


@pytest.mark.parametrize("status", [201, 204, 206, 301, 302, 304, 307, 401, 404, 500])
def test_only_200_counts(status: int) -> None:
    """A key set under any other status is none, right as its body may be."""
    body = SET
    guard = guarding(body, status, location=f"{ONE}/elsewhere", etag='"1"')
    assert reason(guard, TRUE) == DOWN


@pytest.mark.parametrize("body", [text for _, text in TEXTS], ids=[n for n, _ in TEXTS])
def test_an_issuer_gone_mad_does_not_take_known_keys_away(body: bytes) -> None:
    """What was good goes on while rubbish is published in its place."""
    published = [SET]

    def transport(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        return Incoming(200, {}, published[-1])

    guard = guard_at(f"{ONE}/jwks", transport)
    assert reason(guard, TRUE) == ACCEPTED
    published.append(body)
    assert reason(guard, signed({"alg": "ES256", "kid": "new"})) == DOWN
    assert reason(guard, TRUE) == ACCEPTED
    assert reason(guard, signed(key=EC_MINE)) == BAD


class _Hostile(BaseHTTPRequestHandler):
    """Each path is a trap."""

    def do_GET(self) -> None:
        body = {
            "/10-megabytes": b'{"keys":[' + b" " * 10_000_000 + b"]}",
            "/4000-keys": json.dumps({"keys": [MINE] * 4000 + [GOOD]}).encode(),
            "/html": b"<html></html>",
            "/jwks": SET,
        }.get(self.path, b"")
        moved = self.path == "/redirect"
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", "/jwks")
        if self.path == "/gzip":
            self.send_header("Content-Encoding", "gzip")
        if self.path == "/longer":
            self.send_header("Content-Length", "100")
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the guard has read enough

    def log_message(self, *args: object) -> None:
        """Keep test output clean."""


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    """The URL of a server that means no good."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hostile)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/jwks", ACCEPTED),
        ("/10-megabytes", DOWN),
        ("/4000-keys", DOWN),
        ("/html", DOWN),
        ("/redirect", DOWN),
        ("/gzip", DOWN),
        ("/longer", DOWN),
    ],
)
def test_hostile_key_servers_over_a_socket(
    hostile: str, path: str, expected: str
) -> None:
    """Size, redirects, compression and lies about the length end in 503."""
    assert reason(guard_at(hostile + path), TRUE) == expected
