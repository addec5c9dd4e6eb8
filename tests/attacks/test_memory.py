"""What strangers can make the guard remember: every kind of value, again and again."""

from __future__ import annotations

import gc
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

import jwtguard
from jwtguard.core.model.request import Request
from jwtguard.testing import JWTIssuer
from tests.attacks.attacker import b64

ROOT = Path(jwtguard.__file__).parent
LONG = 50_000
"""Characters of a value: servers take header fields of about this length."""
FORM = "application/x-www-form-urlencoded"
LETTERS = str.maketrans("0123456789", "abcdefghij")
Make = Callable[[str], Request]


def get(**fields: str) -> Request:
    headers = {name.replace("_", "-"): (value,) for name, value in fields.items()}
    return Request("GET", "/x", headers)


def plain(peer: str = "127.0.0.1", **fields: str) -> Request:
    """Return a request with a token over plain HTTP."""
    sent = get(**{"authorization": "Bearer a.b.c", "host": "localhost", **fields})
    return sent._replace(scheme="http", peer=peer)


def preflight(origin: str, asked: str = "GET") -> Request:
    sent = get(
        origin=origin,
        access_control_request_method=asked,
        access_control_request_headers=asked,
    )
    return sent._replace(method="OPTIONS")


def post(path: str, **fields: str) -> Request:
    sent = {"content_type": FORM, **fields}
    return get(**sent)._replace(method="POST", path=path)


def unsigned(header: str) -> str:
    return f"Bearer {b64(header)}.{b64('{}')}.AAAA"


MADE: dict[str, Make] = {
    "tokens": lambda text: get(authorization=f"Bearer {text}"),
    "short tokens": lambda text: get(authorization=f"Bearer {text[:9000]}.a.a"),
    "key ids": lambda text: get(
        authorization=unsigned(f'{{"alg":"ES256","kid":"{text[:9000]}"}}')
    ),
    "schemes": lambda text: get(authorization=f"{text} x"),
    "cookies": lambda text: get(cookie=f"token={text}; {text}=a"),
    "names of fields": lambda text: plain(**{f"x_real_{text}": "1"}),
    "hosts": lambda text: plain(host=text),
    "hosts by TLS": lambda text: get(origin="https://a.example", host=text),
    "peers": lambda text: plain(peer=text),
    "origins": lambda text: get(origin=f"https://{text}"),
    "preflights": lambda text: preflight(f"https://{text}", text),
    "preflights from http": lambda text: preflight(f"http://{text}"),
    "preflights from apps": lambda text: preflight(f"app://{text}"),
    "sites": lambda text: get(origin="https://a.example", sec_fetch_site=text),
    "forwarded addresses": lambda text: plain(
        "10.0.0.1", x_forwarded_for=text, x_forwarded_proto="https"
    ),
    "forwarded schemes": lambda text: plain(
        "10.0.0.1", x_forwarded_for="192.0.2.1", x_forwarded_proto=text
    ),
    "forwarded schemes of pages": lambda text: plain(
        "10.0.0.1", origin="https://a.example", x_forwarded_proto=text
    ),
    "schemes that a middleware has set": lambda text: plain()._replace(scheme=text),
    "paths": lambda text: get()._replace(path=f"/{text}"),
    "encoded paths": lambda text: get()._replace(path="/x", raw_path=f"/%78?{text}"),
    "roots": lambda text: get()._replace(root=f"/{text}"),
    "methods": lambda text: get()._replace(method=text),
    "queries": lambda text: get()._replace(query=text),
    "pages asked for": lambda text: get(sec_fetch_mode="navigate")._replace(query=text),
    "subprotocols": lambda text: get()._replace(
        websocket=True, subprotocols=("bearer", text)
    ),
    "forms": lambda _: post("/token"),
    "form types": lambda text: post("/token", content_type=f"{FORM};{text}"),
    "client names": lambda text: post("/token", authorization=f"Basic {b64(text)}"),
    "logout tokens": lambda _: post("/logout"),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_memory_stays_bounded(jwt_issuer: JWTIssuer, make: Make) -> None:
    """Nothing long that a stranger sends is kept, however often it changes."""
    guard = jwt_issuer.guard(
        cookie="token",
        login_url="/login",
        origins_claim="origins",
        trusted_proxies=["10.0.0.0/8"],
        token_paths=["/token"],
        logout_paths=["/logout"],
        optional_paths=["/y"],
    )

    def send(number: int) -> None:
        text = f"{number:08d}".translate(LETTERS) * (LONG // 8)
        body = f"logout_token={text}&client_id={text}".encode()
        guard.decide(make(text), lambda limit: body[:limit])

    send(0)
    tracemalloc.start()
    try:
        for number in range(1, 300):
            send(number)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 40 * LONG, f"{kept // 1024} KiB are kept"


USED = re.compile(r"(?<!import )\b(?:lru_cache|functools\.cache|import cache)\b(.*)")
BOUND = re.compile(r"\((?:maxsize=)?(\d+|size)\)")


def test_what_is_remembered_has_a_bound() -> None:
    """Each cache of the package says how many results it keeps, at most 1024."""
    found = [
        rest for path in ROOT.rglob("*.py") for rest in USED.findall(path.read_text())
    ]
    assert len(found) > 10
    for rest in found:
        bound = BOUND.match(rest)
        assert bound is not None, rest
        assert bound[1] == "size" or int(bound[1]) <= 1024
