"""How long the answers of refreshes are kept, and what strangers can do about it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from jwtguard.core.model.decision import Respond, TokenRequest
from jwtguard.core.model.effects import Load, Save, Start, StateUnavailableError
from jwtguard.core.model.request import Request
from jwtguard.core.relay.shared_refresh import MOST, MOST_AT_ONCE, SharedRefreshes
from jwtguard.errors import GrantError
from jwtguard.testing import JWTIssuer

from .test_shared_refresh import AWAY, REFUSED, TOKENS, Store, World, driven

ISSUER = "https://issuer.example"


def begun(shared: SharedRefreshes, token: str, ask: Any, by: str = "") -> Any:
    """Return the flow of one refresh."""
    grant = TokenRequest("refresh_token", "spa", {"refresh_token": [token]}, False)
    headers = {"authorization": (by,)} if by else {}
    return shared.answer(ISSUER, Request("POST", "/token", headers), grant, ask)


def test_refused_tokens_push_out_no_answer(jwt_issuer: JWTIssuer) -> None:
    """A stranger's random tokens must not make the issuer see a second use."""
    world = World(jwt_issuer, secrets=False)
    world.refresh(Store())
    world.answer = REFUSED
    for number in range(MOST + 1):
        world.refresh(Store(), f"random-{number}")
    asked = world.asked
    assert world.refresh(Store()) == TOKENS
    assert world.asked == asked


def test_a_token_is_held_no_longer_than_its_answer_counts(
    jwt_issuer: JWTIssuer,
) -> None:
    """What no request can get any more does not stay in memory."""
    world = World(jwt_issuer, secrets=False)
    for number in range(3):
        world.refresh(Store(), f"r{number}")
    assert len(world.shared._kept) == 3
    world.now = 61
    world.refresh(Store(), "other")
    assert len(world.shared._kept) == 1


def test_a_handed_on_answer_does_not_begin_its_time_anew(
    jwt_issuer: JWTIssuer,
) -> None:
    """Whoever found it late would keep it for another grace period."""
    one, other, store = World(jwt_issuer), World(jwt_issuer), Store()
    one.refresh(store)
    other.now = 59
    assert other.refresh(store) == TOKENS
    assert other.asked == 0
    other.now = 61
    other.answer = REFUSED
    assert other.refresh(Store()) == REFUSED  # there it has expired


@pytest.mark.parametrize("late", ["Bearer one", "Bearer two", "Digest x"])
def test_what_the_issuer_does_not_see_makes_no_difference(
    jwt_issuer: JWTIssuer, late: str
) -> None:
    """A page that sends its access token with each request refreshes once."""
    world = World(jwt_issuer, secrets=False)
    flow = begun(world.shared, "r", world.ask)
    driven(flow, lambda ask: started(ask, Store()))
    flow = begun(world.shared, "r", world.ask, late)
    assert driven(flow, lambda _: None) == TOKENS
    assert world.asked == 1


@pytest.mark.parametrize("by", ["Basic c3BhOmE=", "basic c3BhOmE="])
def test_what_the_issuer_sees_makes_a_difference(
    jwt_issuer: JWTIssuer, by: str
) -> None:
    """Whoever proves something else gets the issuer's own answer."""
    world = World(jwt_issuer, secrets=False)
    for one in ("", by):
        flow = begun(world.shared, "r", world.ask, one)
        driven(flow, lambda ask: started(ask, Store()))
    assert world.asked == 2


def started(ask: Any, state: Callable[[Any], Any]) -> Any:
    """Carry out what a request asks for; a flight runs to its end at once."""
    if isinstance(ask, Start):
        driven(ask.flight.work.refresh(ask.flight), state)
        ask.flight.done.set_result(None)
        return None
    return state(ask)


# More than there are threads for.


def filled(world: World) -> None:
    """Let strangers have a refresh under way in each thread."""
    for number in range(MOST_AT_ONCE):
        assert isinstance(next(begun(world.shared, f"x{number}", world.ask)), Start)


def test_strangers_do_not_stop_others_from_sharing(jwt_issuer: JWTIssuer) -> None:
    """Where there is no thread, the first request asks, and the second one waits."""
    world = World(jwt_issuer, secrets=False)
    filled(world)

    def ask(_: Save | None) -> Generator[Any, Any, Respond]:
        world.asked += 1
        yield "exchange"
        return TOKENS

    first, second = (begun(world.shared, "r", ask) for _ in range(2))
    assert next(first) == "exchange"
    flight = next(second).flight
    assert driven(first, lambda _: None) == TOKENS
    assert flight.done.done()
    assert driven(second, lambda _: None) == TOKENS
    assert world.asked == 1


def test_a_request_that_is_cancelled_lets_nobody_wait(jwt_issuer: JWTIssuer) -> None:
    """The others are told at once, and the next one asks the issuer."""
    world = World(jwt_issuer, secrets=False)
    filled(world)

    def ask(_: Save | None) -> Generator[Any, Any, Respond]:
        yield "exchange"
        return TOKENS

    first, second = (begun(world.shared, "r", ask) for _ in range(2))
    next(first)
    flight = next(second).flight
    first.close()
    assert flight.done.done()
    with pytest.raises(GrantError) as caught:
        driven(second, lambda _: None)
    assert caught.value.reason == "issuer_unreachable"
    assert next(begun(world.shared, "r", ask)) == "exchange"


def test_threads_that_are_lost_are_counted_for_a_while_only(
    jwt_issuer: JWTIssuer,
) -> None:
    """A name server that hangs must not change how refreshes run for ever."""
    world = World(jwt_issuer, secrets=False)
    filled(world)
    world.now = 4 * world.shared.patience
    assert isinstance(next(begun(world.shared, "r", world.ask)), Start)


# Revocation.

TWO = Respond(200, (), b'{"access_token":"a1","refresh_token":"r2"}')


@pytest.mark.parametrize("token", ["r1", "r2", "a1"])
@pytest.mark.parametrize("secrets", [True, False])
def test_a_revoked_token_does_not_come_out_of_memory(
    jwt_issuer: JWTIssuer, token: str, *, secrets: bool
) -> None:
    """Neither that of the form nor those of the answer; the issuer decides."""
    world, store = World(jwt_issuer, secrets=secrets), Store()
    world.answer = TWO
    world.refresh(store, "r1")
    driven(world.shared.revoked(ISSUER, "another"), store)
    assert world.refresh(store, "r1") == TWO
    assert world.asked == 1
    driven(world.shared.revoked(ISSUER, token), store)
    world.answer = REFUSED
    assert world.refresh(store, "r1") == REFUSED


@pytest.mark.parametrize("token", ["r1", "r2", "a1"])
def test_another_process_knows_of_the_revocation(
    jwt_issuer: JWTIssuer, token: str
) -> None:
    """Neither its own memory nor the shared state brings the tokens back."""
    one, other, third = (World(jwt_issuer) for _ in range(3))
    store = Store()
    one.answer = TWO
    one.refresh(store, "r1")
    driven(other.shared.revoked(ISSUER, token), store)
    assert not [key for key in store.values if token in key.split(":")]
    for world in (one, third):
        world.answer = REFUSED
        assert world.refresh(store, "r1") == REFUSED


def test_a_refresh_under_way_is_not_kept_past_a_revocation(
    jwt_issuer: JWTIssuer,
) -> None:
    """The one that asked gets the issuer's answer, and nobody after it."""
    world = World(jwt_issuer, secrets=False)
    flow = begun(world.shared, "r", world.ask)
    flight = next(flow).flight
    driven(world.shared.revoked(ISSUER, "r"), Store())
    driven(flight.work.refresh(flight), Store())
    assert driven(flow, lambda _: None) == TOKENS
    world.answer = REFUSED
    assert world.refresh(Store()) == REFUSED


def test_where_nobody_knows_the_issuer_decides(jwt_issuer: JWTIssuer) -> None:
    """A state that is away may hold a revocation."""
    world = World(jwt_issuer)
    world.refresh(Store())
    world.answer = REFUSED

    def away(ask: Any) -> StateUnavailableError | None:
        return AWAY if isinstance(ask, Load) else None

    assert world.refresh(away) == REFUSED
