"""Refreshes at the same time, with proofs: whose answer an answer is, step by step."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from jwtguard.core.model.decision import Respond, TokenRequest
from jwtguard.core.model.effects import Await, Save, Start
from jwtguard.core.model.request import Request
from jwtguard.core.relay.shared_refresh import ATTEMPTS, SharedRefreshes
from jwtguard.errors import GrantError
from jwtguard.testing import DPoPKey, JWTIssuer

URL = "https://issuer.example/token"
TOKENS = Respond(200, (), b'{"access_token":"a"}')
SPENT = Respond(400, (), b'{"error":"invalid_grant"}')
NONCE = Respond(400, (("DPoP-Nonce", "n"),), b'{"error":"use_dpop_nonce"}')
GRANT = TokenRequest(
    "refresh_token", "spa", {"refresh_token": ["r"]}, authenticated=False
)
Flow = Generator[Any, Any, Respond]


class Relay:
    """The refreshes of one process; ``asked`` are the proofs that the issuer got."""

    def __init__(self, issuer: JWTIssuer) -> None:
        self.shared = SharedRefreshes(issuer.policy(), lambda: 0.0, bytes)
        self.asked: list[str] = []
        self.answers: list[Respond | GrantError] = []

    def begin(self, *proofs: str) -> Flow:
        """Return the flow of one request, which has not begun."""
        headers = {"dpop": proofs} if proofs else {}

        def ask(_lease: Save | None) -> Generator[Any, Any, Respond]:
            self.asked.append("".join(proofs))
            answer = self.answers.pop(0)
            if isinstance(answer, GrantError):
                raise answer
            return answer
            yield

        request = Request("POST", "/token", headers)
        return self.shared.answer("https://issuer.example", request, GRANT, ask)


def land(started: Start) -> None:
    """Let the flight of a refresh end."""
    flight = started.flight
    for _ in flight.work.refresh(flight):
        raise AssertionError("nothing is asked of the outside")


def ended(flow: Flow, reply: Any = None) -> Respond:
    """Return the answer of a flow that asks for nothing more."""
    with pytest.raises(StopIteration) as caught:
        flow.send(reply)
    answer: Respond = caught.value.value
    return answer


def started(flow: Flow) -> Start:
    """Begin *flow*, which has to start a refresh of its own."""
    first = next(flow)
    assert isinstance(first, Start)
    return first


def joined(flow: Flow) -> None:
    """Begin *flow*, which has to wait for another one's refresh."""
    assert isinstance(next(flow), Await)


@pytest.fixture
def relay(jwt_issuer: JWTIssuer) -> Relay:
    return Relay(jwt_issuer)


@pytest.fixture
def key(jwt_issuer: JWTIssuer) -> DPoPKey:
    return jwt_issuer.dpop()


def proofs_of(key: DPoPKey, number: int) -> list[str]:
    return [key.proof("POST", URL) for _ in range(number)]


def test_one_key_is_one_refresh(relay: Relay, key: DPoPKey) -> None:
    """The second request waits for the first one's answer, and gets it."""
    one, two = proofs_of(key, 2)
    relay.answers = [TOKENS]
    first, second = relay.begin(one), relay.begin(two)
    start = started(first)
    joined(second)
    land(start)
    assert ended(first) == ended(second) == TOKENS
    assert relay.asked == [one]


def test_another_key_and_none_are_other_refreshes(
    relay: Relay, key: DPoPKey, jwt_issuer: JWTIssuer
) -> None:
    """Neither waits for the other, and no answer of one is kept for the other."""
    relay.answers = [TOKENS, SPENT, SPENT]
    thief = jwt_issuer.dpop().proof("POST", URL)
    first = relay.begin(key.proof("POST", URL))
    land(started(first))
    assert ended(first) == TOKENS
    for sent in ((thief,), ()):
        flow = relay.begin(*sent)
        land(started(flow))
        assert ended(flow) == SPENT
    assert len(relay.asked) == 3


@pytest.mark.parametrize(
    "refusal",
    [
        NONCE,
        Respond(400, (), b'{"error":"invalid_request"}'),
        Respond(401, (), b"[]"),
        Respond(400, (), b"{"),
        Respond(400, (), b""),
    ],
)
def test_a_refused_proof_does_not_speak_for_another(
    relay: Relay, key: DPoPKey, refusal: Respond
) -> None:
    """Each sender is answered about its own proof, whatever the issuer calls it."""
    one, two = proofs_of(key, 2)
    relay.answers = [refusal, TOKENS]
    first, second = relay.begin(one), relay.begin(two)
    start = started(first)
    joined(second)
    land(start)
    assert ended(first) == refusal
    again = second.send(None)
    assert isinstance(again, Start)
    land(again)
    assert ended(second) == TOKENS
    assert relay.asked == [one, two]


@pytest.mark.parametrize("refusal", [SPENT, Respond(500, (), b"")])
def test_what_is_said_of_the_refresh_token_holds_for_all(
    relay: Relay, key: DPoPKey, refusal: Respond
) -> None:
    """Asked again, the issuer would take it for theft."""
    one, two = proofs_of(key, 2)
    relay.answers = [refusal]
    first, second = relay.begin(one), relay.begin(two)
    start = started(first)
    joined(second)
    land(start)
    assert ended(first) == ended(second) == refusal


def test_an_issuer_that_is_away_is_the_same_error_for_all(
    relay: Relay, key: DPoPKey
) -> None:
    """Nobody asks it again at once."""
    one, two = proofs_of(key, 2)
    relay.answers = [GrantError("issuer_timeout")]
    first, second = relay.begin(one), relay.begin(two)
    start = started(first)
    joined(second)
    land(start)
    for flow in (first, second):
        with pytest.raises(GrantError, match="issuer_timeout"):
            flow.send(None)


def test_without_proofs_a_refusal_is_for_all(relay: Relay) -> None:
    """Nothing tells the requests apart."""
    relay.answers = [Respond(400, (), b'{"error":"invalid_request"}')]
    first, second = relay.begin(), relay.begin()
    start = started(first)
    joined(second)
    land(start)
    assert ended(first) == ended(second)


def test_a_request_does_not_join_for_ever(relay: Relay, key: DPoPKey) -> None:
    """After a few refused proofs of others, it gets the last one's answer."""
    late = relay.begin(key.proof("POST", URL))
    relay.answers = [NONCE] * ATTEMPTS
    for attempt in range(ATTEMPTS):
        other = relay.begin(key.proof("POST", URL))
        start = started(other)
        if attempt == 0:
            joined(late)
        else:
            assert isinstance(late.send(None), Await)
        land(start)
        assert ended(other) == NONCE
    assert ended(late) == NONCE


@pytest.mark.parametrize("kind", ["signature", "algorithm"])
def test_a_public_key_alone_gets_nobody_elses_answer(
    relay: Relay, key: DPoPKey, kind: str
) -> None:
    """A proof that is not signed by its key, or cannot be verified, shares nothing."""
    good, other = proofs_of(key, 2)
    relay.answers = [TOKENS, SPENT]
    first = relay.begin(good)
    land(started(first))
    assert ended(first) == TOKENS
    forged = f"{other.rpartition('.')[0]}.{'A' * 86}"
    if kind == "algorithm":
        forged = f"e30.{forged.partition('.')[2]}"
    second = relay.begin(forged)
    land(started(second))
    assert ended(second) == SPENT
