"""What a shared refresh does at each step, driven by hand."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from jwtguard import Guard, Policy
from jwtguard.core.model.decision import Respond, TokenRequest
from jwtguard.core.model.effects import (
    Await,
    Claim,
    Load,
    Pause,
    Remove,
    Save,
    Start,
    StateUnavailableError,
)
from jwtguard.core.model.request import Request
from jwtguard.core.relay import shared_refresh
from jwtguard.core.relay.shared_refresh import Refresh, SharedRefreshes
from jwtguard.errors import GrantError
from jwtguard.testing import JWTIssuer
from tests.session_support import SECRET

TOKENS = Respond(200, (("Content-Type", "application/json"),), b'{"access_token":"a"}')
REFUSED = Respond(400, (), b'{"error":"invalid_grant"}')
AWAY = StateUnavailableError("away")
Answers = Callable[[Any], Any]


class World:
    """The refreshes of one process; its issuer answers *answer* or raises it."""

    def __init__(self, issuer: JWTIssuer, *, secrets: bool = True) -> None:
        found = issuer.guard(secrets=[SECRET] if secrets else [], session_grace=60)
        policy: Policy = Guard(found.policy).policy
        self.now = 0.0
        self.shared = SharedRefreshes(policy, lambda: self.now, bytes)
        self.answer: Respond | GrantError = TOKENS
        self.asked = 0

    def ask(self, lease: Save | None) -> Generator[Any, Any, Respond]:
        self.asked += 1
        if isinstance(self.answer, GrantError):
            raise self.answer
        return self.answer
        yield

    def refresh(self, state: Answers, token: str = "r") -> Respond:
        """Run one refresh; *state* answers what is asked of the shared state."""
        grant = TokenRequest("refresh_token", "spa", {"refresh_token": [token]}, False)
        request = Request("POST", "/token", {})

        def carry_out(ask: Any) -> Any:
            if isinstance(ask, Start):
                work = ask.flight.work
                assert isinstance(work, Refresh)
                driven(work.refresh(ask.flight), state)
                return None
            return None if isinstance(ask, Await) else state(ask)

        flow = self.shared.answer("https://issuer.example", request, grant, self.ask)
        answer: Respond = driven(flow, carry_out)
        return answer


def driven(flow: Generator[Any, Any, Any], carry_out: Answers) -> Any:
    """Drive *flow* to its end."""
    reply = None
    try:
        while True:
            reply = carry_out(flow.send(reply))
    except StopIteration as stop:
        return stop.value


class Store:
    """A shared state; *claims* says whether the lease is free, look by look."""

    def __init__(self, *claims: bool) -> None:
        self.values: dict[str, bytes] = {}
        self.claims = list(claims)
        self.done: list[Any] = []

    def __call__(self, ask: Any) -> Any:
        self.done.append(ask)
        if isinstance(ask, Load):
            return self.values.get(ask.key)
        if isinstance(ask, Claim):
            return self.claims.pop(0) if self.claims else True
        if isinstance(ask, Save):
            self.values[ask.key] = ask.value
        return None


@pytest.fixture
def world(jwt_issuer: JWTIssuer) -> World:
    """One process with secrets."""
    return World(jwt_issuer)


def test_a_process_waits_for_what_another_one_leaves(jwt_issuer: JWTIssuer) -> None:
    """The process looks again after a pause, and does not ask the issuer."""
    one, other = World(jwt_issuer), World(jwt_issuer)
    left = Store()
    assert one.refresh(left) == TOKENS
    waiting = Store(False, False)

    def state(ask: Any) -> Any:
        if isinstance(ask, Pause) and len(waiting.done) > 4:
            waiting.values = left.values
        return waiting(ask)

    assert other.refresh(state) == TOKENS
    assert other.asked == 0
    assert any(isinstance(ask, Pause) for ask in waiting.done)


def test_a_process_that_takes_too_long_is_a_timeout(world: World) -> None:
    """After ``patience`` seconds, the request gets ``issuer_timeout``."""
    world.shared.patience = 1
    with pytest.raises(GrantError) as caught:
        world.refresh(Store(*[False] * 20))
    assert caught.value.reason == "issuer_timeout"
    assert world.asked == 0


@pytest.mark.parametrize("answer", [GrantError("issuer_unreachable"), REFUSED])
def test_the_lease_is_given_back_after_a_failure(
    world: World, answer: Respond | GrantError
) -> None:
    """The next process does not have to wait until the lease expires."""
    world.answer, store = answer, Store()
    if isinstance(answer, GrantError):
        with pytest.raises(GrantError) as caught:
            world.refresh(store)
        assert caught.value.reason == answer.reason
        assert caught.value is not answer
    else:
        assert world.refresh(store) == answer
    assert any(isinstance(ask, Remove) for ask in store.done)
    assert not [key for key in store.values if "next" in key]


def test_a_refusal_gives_way_to_what_another_process_got(
    jwt_issuer: JWTIssuer,
) -> None:
    """The lease may have run out before the other one had its answer."""
    one, other = World(jwt_issuer), World(jwt_issuer)
    left = Store()
    one.refresh(left)
    other.answer = REFUSED
    late = Store()

    def state(ask: Any) -> Any:
        if isinstance(ask, Load) and other.asked:
            return left(ask)
        return late(ask)

    assert other.refresh(state) == TOKENS


def test_a_state_that_goes_away_changes_no_refusal(world: World) -> None:
    """The issuer's refusal is sent, although the state is unavailable."""
    world.answer, store = REFUSED, Store()

    def state(ask: Any) -> Any:
        return AWAY if isinstance(ask, Load) and world.asked else store(ask)

    assert world.refresh(state) == REFUSED


def test_what_does_not_open_is_not_there(world: World) -> None:
    """A value that was sealed with another secret, or was not sealed, is ignored."""
    store = Store()

    def state(ask: Any) -> Any:
        return b"nonsense" if isinstance(ask, Load) else store(ask)

    assert world.refresh(state) == TOKENS
    assert world.asked == 1


def test_a_state_that_is_away_is_done_without(world: World) -> None:
    """The refresh is sent without a lease."""
    assert world.refresh(lambda _: AWAY) == TOKENS


def test_a_flight_that_breaks_is_an_unreachable_issuer(jwt_issuer: JWTIssuer) -> None:
    """Waiting requests get the error, but an earlier outcome does not change."""
    world = World(jwt_issuer, secrets=False)
    made = Refresh(world.shared, "name", 0.0, world.ask)
    made.fail(made.flight, "the transport broke")
    assert isinstance(made.outcome, GrantError)
    assert made.outcome.reason == "issuer_unreachable"
    again = made.outcome
    made.fail(made.flight, "again")
    assert made.outcome is again


def test_a_flight_that_does_not_end_is_a_timeout(jwt_issuer: JWTIssuer) -> None:
    """The wait is limited, and later requests join the flight until it is lost."""
    world = World(jwt_issuer, secrets=False)
    grant = TokenRequest("refresh_token", "spa", {"refresh_token": ["r"]}, False)
    flow = world.shared.answer(
        "https://issuer.example", Request("POST", "/token", {}), grant, world.ask
    )
    with pytest.raises(GrantError) as caught:
        driven(flow, lambda _: None)
    assert caught.value.reason == "issuer_timeout"


def test_what_is_remembered_is_bounded(
    jwt_issuer: JWTIssuer,
) -> None:
    """The oldest responses are dropped first."""
    world = World(jwt_issuer, secrets=False)
    for number in range(shared_refresh.MOST + 2):
        world.refresh(Store(), f"r{number}")
    assert world.asked == shared_refresh.MOST + 2
    world.refresh(Store(), "r2")
    assert world.asked == shared_refresh.MOST + 2
    world.refresh(Store(), "r0")
    assert world.asked == shared_refresh.MOST + 3
