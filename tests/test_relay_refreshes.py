"""Refreshes of one token at the same time: the issuer is asked once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from jwtguard import Client, Guard
from jwtguard.core.model.effects import StateUnavailableError
from jwtguard.core.relay.shared_refresh import MOST_AT_ONCE
from jwtguard.outside.http import HTTPClient
from jwtguard.relay import TokenRelay
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer
from tests.relay_support import by_asgi, by_trio, by_wsgi
from tests.session_support import SECRET
from tests.waiting import HANG, until

SPA = "https://www.example.com"
FORM = {"grant_type": "refresh_token", "refresh_token": "r1", "client_id": "spa"}


class Issuer:
    """Redeems each refresh token once; it answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.spent: set[str] = set()
        self.open = threading.Event()
        self.open.set()
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        form = {k: v[0] for k, v in parse_qs(request.content.decode()).items()}
        token = form["refresh_token"]
        self.asked.append(token)
        assert self.open.wait(HANG)
        if self.status != 200:
            return httpx.Response(self.status, json={"error": "server_error"})
        if token in self.spent:
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.spent.add(token)
        said = {"access_token": f"a-{len(self.asked)}", "refresh_token": "r2"}
        return httpx.Response(200, json=said)


def relay_of(
    jwt_issuer: JWTIssuer, issuer: Issuer, state: Any = None, **settings: Any
) -> TokenRelay:
    """Return a relay of one process."""
    guard = jwt_issuer.guard(
        clients=[Client(id="spa", origins=SPA, refresh=True), Client(id="other")],
        relay_url="https://issuer.example/token",
        relay_revocation_url="https://issuer.example/revoke",
        state_timeout=HANG,
        **settings,
    )
    if state is not None:
        guard = Guard(guard.policy, clock=jwt_issuer.clock, state=state)
    return TokenRelay(guard, transport=httpx.MockTransport(issuer))


def refresh(relay: TokenRelay, send: Callable[..., Any] = by_wsgi, **form: str) -> Any:
    """Send one refresh."""
    headers = {"Origin": SPA}
    data = {**FORM, **form}
    return send(relay, "POST", "https://localhost/token", data=data, headers=headers)


def at_once(relays: list[TokenRelay], issuer: Issuer, number: int = 8) -> list[Any]:
    """Send refreshes to all *relays* in turn; the issuer answers once it was asked."""
    issuer.open.clear()
    with ThreadPoolExecutor(number) as pool:
        sends = (by_wsgi, by_asgi, by_trio)
        sent = [
            pool.submit(refresh, relays[n % len(relays)], sends[n % 3])
            for n in range(number)
        ]
        until(lambda: bool(issuer.asked))
        issuer.open.set()
        return [one.result(HANG) for one in sent]


def test_all_get_the_same_answer(jwt_issuer: JWTIssuer) -> None:
    """By threads, asyncio and trio; a second use would end the session."""
    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer)
    got = at_once([relay], issuer)
    assert issuer.asked == ["r1"]
    assert {(one.status_code, one.json()["access_token"]) for one in got} == {
        (200, "a-1")
    }
    assert {one.headers["Access-Control-Allow-Origin"] for one in got} == {SPA}
    assert {one.headers["Cache-Control"] for one in got} == {"no-store"}


def test_for_a_while_the_old_token_brings_the_same_answer(
    jwt_issuer: JWTIssuer,
) -> None:
    """A late tab gets the stored response; afterwards the issuer decides."""
    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer, session_grace=60)
    first = refresh(relay)
    jwt_issuer.clock.advance(59)
    assert refresh(relay).json() == first.json()
    jwt_issuer.clock.advance(2)
    assert refresh(relay).status_code == 400
    assert issuer.asked == ["r1", "r1"]


@pytest.mark.parametrize(
    "form", [{"refresh_token": "r9"}, {"scope": "less"}, {"client_secret": "s"}]
)
def test_another_form_is_another_refresh(
    jwt_issuer: JWTIssuer, form: dict[str, str]
) -> None:
    """A request with another form or client authentication gets its own response."""
    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer)
    refresh(relay)
    refresh(relay, by_wsgi, **form)
    assert len(issuer.asked) == 2


def test_a_failure_is_not_remembered(jwt_issuer: JWTIssuer) -> None:
    """The next request asks the issuer again."""
    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer)
    issuer.status = 500
    assert refresh(relay).status_code == 500
    issuer.status = 200
    assert refresh(relay).status_code == 200


def test_a_broken_issuer_is_the_same_error_for_all(jwt_issuer: JWTIssuer) -> None:
    """Each gets an error of its own, which says what happened."""
    issuer = Issuer()

    def broken(request: httpx.Request) -> httpx.Response:
        issuer.asked.append("")
        assert issuer.open.wait(HANG)
        raise httpx.ConnectError("refused")

    relay = relay_of(jwt_issuer, issuer)
    guard = relay.guard
    relay = TokenRelay(guard, transport=httpx.MockTransport(broken))
    got = at_once([relay], issuer, 4)
    assert {one.status_code for one in got} == {502}
    assert len(issuer.asked) == 1


def test_many_tokens_at_once_do_not_take_a_thread_each(jwt_issuer: JWTIssuer) -> None:
    """Above the limit, each request waits for the issuer in its own thread."""
    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer)
    issuer.open.clear()
    number = MOST_AT_ONCE + 8
    with ThreadPoolExecutor(number) as pool:
        sent = [
            pool.submit(refresh, relay, refresh_token=f"t{n}") for n in range(number)
        ]
        until(lambda: len(issuer.asked) == number)
        fetching = [t for t in threading.enumerate() if t.name == "jwtguard-fetch"]
        issuer.open.set()
        assert {one.result(HANG).status_code for one in sent} == {200}
    assert len(fetching) <= MOST_AT_ONCE


# Several processes.


def test_processes_share_a_refresh(jwt_issuer: JWTIssuer) -> None:
    """Two relays over one state are two workers; what is left there is sealed."""
    issuer, state = Issuer(), MemoryState()
    relays = [relay_of(jwt_issuer, issuer, state, secrets=[SECRET]) for _ in range(2)]
    got = at_once(relays, issuer)
    assert issuer.asked == ["r1"]
    assert {one.json()["access_token"] for one in got} == {"a-1"}
    (left,) = [v for k, (_, v) in state._values.items() if "relay-next" in k]
    assert b"a-1" not in left
    assert b"r2" not in left
    late = relay_of(jwt_issuer, issuer, state, secrets=[SECRET])
    assert refresh(late).json()["access_token"] == "a-1"


def test_without_secrets_nothing_is_left_in_the_state(jwt_issuer: JWTIssuer) -> None:
    """Tokens are never stored unencrypted."""
    issuer, state = Issuer(), MemoryState()
    refresh(relay_of(jwt_issuer, issuer, state))
    assert not [key for key in state._values if "relay" in key]


def test_a_state_that_is_away_does_not_stop_a_refresh(jwt_issuer: JWTIssuer) -> None:
    """The refresh is sent without a lease."""

    class Away(MemoryState):
        def get(self, key: str) -> bytes | None:
            raise StateUnavailableError("away")

    issuer = Issuer()
    relay = relay_of(jwt_issuer, issuer, Away(), secrets=[SECRET])
    assert refresh(relay).json()["access_token"] == "a-1"


# More than there are threads for, and revocation.


def test_strangers_with_slow_refreshes_make_no_second_use(
    jwt_issuer: JWTIssuer,
) -> None:
    """However many refreshes are under way, one token is sent once."""
    issuer, state = Issuer(), MemoryState()
    relay = relay_of(jwt_issuer, issuer, state, secrets=[SECRET])
    issuer.open.clear()
    with ThreadPoolExecutor(MOST_AT_ONCE + 6) as pool:
        slow = [
            pool.submit(refresh, relay, refresh_token=f"x{n}")
            for n in range(MOST_AT_ONCE)
        ]
        until(lambda: len(issuer.asked) == MOST_AT_ONCE)
        sends = (by_wsgi, by_asgi, by_trio) * 2
        sent = [pool.submit(refresh, relay, send) for send in sends]
        until(lambda: "r1" in issuer.asked)
        issuer.open.set()
        assert {one.result(HANG).status_code for one in (*slow, *sent)} == {200}
    assert issuer.asked.count("r1") == 1


@pytest.mark.parametrize("send", [by_wsgi, by_asgi, by_trio])
def test_a_request_without_a_thread_waits_for_another_process(
    jwt_issuer: JWTIssuer, send: Callable[..., Any]
) -> None:
    """It looks again and again until the other one has left its answer."""
    issuer, state = Issuer(), MemoryState()
    full, other = (
        relay_of(jwt_issuer, issuer, state, secrets=[SECRET]) for _ in range(2)
    )
    issuer.open.clear()
    with ThreadPoolExecutor(MOST_AT_ONCE + 2) as pool:
        for number in range(MOST_AT_ONCE):
            pool.submit(refresh, full, refresh_token=f"x{number}")
        first = pool.submit(refresh, other)
        until(lambda: len(issuer.asked) == MOST_AT_ONCE + 1)
        second = pool.submit(refresh, full, send)
        until(lambda: len(full._flow._refreshes._under_way) == MOST_AT_ONCE + 1)
        issuer.open.set()
        assert first.result(HANG).json() == second.result(HANG).json()
    assert issuer.asked.count("r1") == 1


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("send", [by_wsgi, by_asgi, by_trio])
@pytest.mark.parametrize("status", [200, 204, 502])
def test_signing_out_ends_what_is_remembered(
    jwt_issuer: JWTIssuer, send: Callable[..., Any], number: int, status: int
) -> None:
    """The spent token brings nothing afterwards, whichever process is asked."""
    issuer, state = Issuer(), MemoryState()
    secrets = [SECRET] if number > 1 else []
    relays = [relay_of(jwt_issuer, issuer, state, secrets=secrets) for _ in range(2)]
    refresh(relays[0])

    def revoking(_: httpx.Request) -> httpx.Response:
        if status == 502:  # it may have revoked the token before that
            raise httpx.ReadError("reset")
        return httpx.Response(status)

    last = relays[number - 1]
    last._drivers._send = HTTPClient(httpx.MockTransport(revoking))
    sent = {"token": "r2", "client_id": "spa"}
    url = "https://localhost/revoke"
    left = send(last, "POST", url, data=sent, headers={"Origin": SPA})
    assert left.status_code == status
    assert refresh(relays[0]).json() == {"error": "invalid_grant"}
