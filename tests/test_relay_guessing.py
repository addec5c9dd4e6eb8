"""Guessing passwords at the relay: what counts, for whom, and where the count is."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from jwtguard import ConfigurationError
from jwtguard.relay import TokenRelay
from tests.redis_server import Redis, needs_redis
from tests.relay_support import LOGIN, OWN, Send, by_asgi, by_trio, by_wsgi, relay_to


@pytest.fixture(params=[by_wsgi, by_asgi, by_trio], ids=["wsgi", "asyncio", "trio"])
def send(request: pytest.FixtureRequest) -> Send:
    """Send one request to a relay, in each of the worlds."""
    found: Send = request.param
    return found


def refuse(_: httpx.Request) -> httpx.Response:
    """Answer as an issuer does that does not accept the password."""
    return httpx.Response(400, json={"error": "invalid_grant"})


def limited(limit: str, upstream: Any = refuse, **settings: str) -> TokenRelay:
    """Return a relay that takes so many guesses."""
    url = "https://id.example"
    named = {"RELAY_URL": f"{url}/t", "RELAY_LIMIT": limit}
    return relay_to(url, upstream, **named, **settings)


def test_guessing_is_slowed_down(send: Send) -> None:
    """After so many tries of one name from one address: 429, and when to come back."""
    tried: list[bytes] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        tried.append(request.content)
        return httpx.Response(400, json={"error": "invalid_grant"})

    relay = limited("3/minute", upstream)
    for number in range(5):
        answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
        assert answer.status_code == (400 if number < 3 else 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert answer.headers["access-control-allow-origin"] == OWN["Origin"]
    assert len(tried) == 3
    other = LOGIN | {"username": "bob"}
    assert send(relay, "POST", "/oauth/token", data=other).status_code == 400


def test_a_right_password_does_not_count_as_a_guess(send: Send) -> None:
    """People who sign in do not lock each other out; a wrong password still counts."""
    right = {"password": ["right"]}

    def upstream(request: httpx.Request) -> httpx.Response:
        form = parse_qs(request.content.decode())
        if form["password"] == right["password"]:
            return httpx.Response(200, json={"access_token": "t"})
        return httpx.Response(400, json={"error": "invalid_grant"})

    relay = limited("2/minute", upstream)
    good, bad = LOGIN | {"password": "right"}, LOGIN | {"password": "wrong"}
    forms = [*[good] * 30, bad, good, bad, good, bad]
    codes = [send(relay, "POST", "/oauth/token", data=f).status_code for f in forms]
    assert codes == [*[200] * 30, 400, 200, 400, 429, 429]


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "invalid_grant"}',
        b'{"access_token": ""}',
        b'{"access_token": null}',
        b'{"access_token": "t", "access_token": ""}',
        b"[]",
        b'"access_token"',
        b"{",
        b"",
    ],
)
def test_an_answer_without_a_token_gives_no_guess_back(send: Send, body: bytes) -> None:
    """Some issuers answer a wrong password with 200 and an error in the body."""

    def upstream(_: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return httpx.Response(200, headers=headers, content=body)

    relay = limited("2/minute", upstream)
    codes = [send(relay, "POST", "/oauth/token", data=LOGIN).status_code for _ in "123"]
    assert codes == [200, 200, 429]


def test_one_address_cannot_try_many_names(send: Send) -> None:
    """Guessing one password for many names is counted by address."""
    relay = limited("1/minute")
    codes = [
        send(
            relay, "POST", "/oauth/token", data=LOGIN | {"username": str(n)}
        ).status_code
        for n in range(12)
    ]
    assert codes == [400] * 10 + [429] * 2


GUESSES = [
    ("letter case", ["alice", "ALICE", "Alice", "aLICE"]),
    ("blanks", ["alice", " alice", "alice ", "alice\u00a0"]),
    ("wide letters", ["alice", "\uff41lice", "\uff21LICE", "al\uff49ce"]),
]


@pytest.mark.parametrize(("way", "names"), GUESSES, ids=[way for way, _ in GUESSES])
def test_other_spellings_of_a_name_share_one_limit(
    send: Send, way: str, names: list[str]
) -> None:
    """Many token servers take these for one user: so does the count."""
    relay = limited("3/minute")
    codes = [
        send(relay, "POST", "/oauth/token", data=LOGIN | {"username": name}).status_code
        for name in names
    ]
    assert codes == [400, 400, 400, 429], way


@pytest.mark.parametrize(
    "addresses",
    [
        [f"2001:db8::{n}" for n in range(4)],
        [f"198.51.100.7:{n}" for n in range(50000, 50004)],
        ["198.51.100.7", "::ffff:198.51.100.7", "198.51.100.7:1", "198.51.100.7"],
    ],
    ids=["one IPv6 network", "a port each", "IPv4 in IPv6"],
)
def test_addresses_of_one_network_share_one_limit(
    send: Send, addresses: list[str]
) -> None:
    """An IPv6 network of 64 bits is one caller; a port is no part of an address."""
    relay = limited("3/minute", TRUSTED_PROXIES="127.0.0.1", REQUIRE_HTTPS="false")
    codes = [
        send(
            relay,
            "POST",
            "/oauth/token",
            data=LOGIN,
            headers={"X-Forwarded-For": f"203.0.113.9, {address}"},
        ).status_code
        for address in addresses
    ]
    assert codes == [400, 400, 400, 429]


def test_a_strangers_page_cannot_use_up_a_visitors_guesses(send: Send) -> None:
    """It is refused before anything is counted: else it could lock the visitor out."""
    relay = limited("1/minute")
    evil = {"Origin": "https://evil.example"}
    for headers in (evil, {"Sec-Fetch-Site": "cross-site"}):
        for _ in range(12):
            answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=headers)
            assert answer.status_code == 403
    answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
    assert answer.status_code == 400


@needs_redis
def test_relays_share_one_count_and_outlive_their_redis(tmp_path: Path) -> None:
    """WSGI and ASGI count together; without Redis each goes on by itself, as 4xx."""

    with Redis(tmp_path) as redis:
        settings = {
            "RELAY_URL": "https://id.example/t",
            "RELAY_LIMIT": "3/minute",
            "RELAY_LIMIT_STORAGE": redis.url,
        }
        first = relay_to("https://id.example", refuse, **settings)
        second = relay_to("https://id.example", refuse, **settings)
        ask = ("POST", "/oauth/token")
        sends = [
            functools.partial(by_wsgi, first, *ask, data=LOGIN),
            functools.partial(by_asgi, second, *ask, data=LOGIN),
        ]
        codes = [send().status_code for send in (*sends, *sends)]
        assert codes == [400, 400, 400, 429]
        redis.stop()
        codes = [send().status_code for send in sends * 4]
        assert codes == [400] * 6 + [429] * 2


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RELAY_LIMIT", "often", "5/minute"),
        ("RELAY_LIMIT", "0/minute", "5/minute"),
        ("RELAY_LIMIT", "5/minute; 9/hour", "5/minute"),
        ("RELAY_LIMIT_STORAGE", "floppy://:secret@a", "memory://"),
        ("RELAY_LIMIT_STORAGE", "redis://:secret@host:port", "memory://"),
        ("RELAY_LIMIT_STORAGE", "memcached://:secret@a", "memory://"),
    ],
)
def test_a_limit_that_cannot_be_read_is_refused_at_start(
    name: str, value: str, message: str
) -> None:
    """A limiter that does not limit would be worse than none; no password is shown."""
    with pytest.raises(ConfigurationError) as caught:
        relay_to("https://id.example", **{name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name.lower()}: ")
    assert message in problem
    assert "secret" not in problem
