"""Key ids that the cache does not know: one fetch per cooldown, and who waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from jwtguard.core.model.effects import (
    Await,
    Start,
)
from jwtguard.core.model.jwk import Key, KeySet
from jwtguard.errors import InvalidTokenError, KeysUnavailableError
from jwtguard.testing import FakeClock
from tests.core.verify.keys_support import (
    ISSUER,
    MakeCache,
    Network,
    Told,
    find,
    is_fresh,
    kid_of,
    named,
)


def test_a_rotated_key_is_found_one_second_after_a_scheduled_fetch(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """A scheduled fetch spends no cooldown, so nobody is refused for 10 s."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(550)
    find(cache, network, kid)
    clock.advance(1)
    network.issuer.rotate()
    find(cache, network, kid_of(network.issuer))
    find(cache, network, kid)
    assert network.count == 3


def test_made_up_key_ids_cost_one_fetch_per_cooldown(
    make: MakeCache, network: Network, clock: FakeClock, told: Told
) -> None:
    """However many unknown key ids arrive; and known keys do not suffer."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    for number in range(2000):
        if number == 1000:
            clock.advance(10)
        with pytest.raises(InvalidTokenError, match="unknown_key"):
            find(cache, network, f"made-up-{number}")
        find(cache, network, kid)
    assert network.count == 3
    assert told.count(("unknown_kid", {"issuer": ISSUER})) == 2


def test_the_cooldown_is_spent_whatever_the_outcome(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """A failed fetch for an unknown key id: 503, then 503 without I/O."""
    cache = make()
    find(cache, network, kid_of(network.issuer))
    network.down = True
    for _ in range(5):
        with pytest.raises(KeysUnavailableError) as caught:
            find(cache, network, "made-up")
        assert caught.value.retry_after == 10
    assert network.count == 2


def test_made_up_key_ids_do_not_put_off_the_refresh(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """Their cooldown is not its own: else they could keep withdrawn keys alive."""
    cache, kid = make(max_age=60, cooldown=100), kid_of(network.issuer)
    find(cache, network, kid)
    with pytest.raises(InvalidTokenError):
        find(cache, network, "made-up")
    clock.advance(60)
    find(cache, network, kid)
    assert network.count == 3
    assert is_fresh(cache, cache.snapshot.key_set or KeySet(()))


def test_a_fetch_that_takes_too_long_is_503_for_unknown_keys(
    make: MakeCache, network: Network
) -> None:
    """Whether the issuer publishes the key cannot be known yet: no 401."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    network.held_back = True
    with pytest.raises(KeysUnavailableError):
        find(cache, network, "made-up")


def test_a_refresh_under_way_turns_no_401_into_503(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """We asked, and were told: what others ask for meanwhile is another matter."""
    cache, kid = make(cooldown=0), kid_of(network.issuer)
    find(cache, network, kid)
    ours, other = cache.find(named("made-up")), cache.find(named("another"))
    start = next(ours)
    assert isinstance(start, Start)
    network.pending.append(start.flight)
    assert isinstance(next(ours), Await)
    network.land()
    assert isinstance(next(other), Start)
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        next(ours)


def test_a_cooldown_of_0_asks_each_time(make: MakeCache, network: Network) -> None:
    """Zero means none, for unknown key ids and for failures alike; told is 1 s."""
    cache = make(cooldown=0)
    find(cache, network, kid_of(network.issuer))
    for _ in range(3):
        with pytest.raises(InvalidTokenError):
            find(cache, network, "made-up")
    network.down = True
    for _ in range(3):
        with pytest.raises(KeysUnavailableError) as caught:
            find(cache, network, "made-up")
        assert caught.value.retry_after == 1
    assert network.count == 7


def test_an_unknown_key_id_does_not_count_on_a_fetch_that_began_before_it(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """The refresh under way may have left before the rotation: then ask once more.

    Nobody waits for that one: 503 for a second, and then the key is there.
    """
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(550)
    network.held_back = True
    find(cache, network, kid)
    old = json.dumps(network.issuer.jwks()).encode()
    network.issuer.rotate()
    flow = cache.find(named(kid_of(network.issuer)))
    assert isinstance(next(flow), Await)
    network.body = old
    network.land()
    network.body = None
    with pytest.raises(KeysUnavailableError) as caught:
        network.run(flow)
    assert caught.value.retry_after == 1
    network.land()
    assert network.run(cache.find(named(kid_of(network.issuer))))
    assert network.count == 3


def test_a_request_waits_for_one_fetch_at_most(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """Whoever joined a fetch in vain does not join the next one: 503 for a second."""
    cache, kid = make(cooldown=0), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(550)
    network.held_back = True
    find(cache, network, kid)
    ours, other = cache.find(named("made-up")), cache.find(named("another"))
    assert isinstance(next(ours), Await)
    assert isinstance(next(other), Await)
    network.land()
    start = next(other)
    assert isinstance(start, Start)
    for asking in (ours, other):
        with pytest.raises(KeysUnavailableError) as caught:
            next(asking)
        assert caught.value.retry_after == 1


WAITS: dict[str, Callable[[Network, FakeClock], None]] = {
    "no keys yet": lambda network, clock: None,
    "a refresh that others began": lambda network, clock: clock.advance(550),
    "keys over age": lambda network, clock: clock.advance(1300),
}


@pytest.mark.parametrize("state", WAITS)
def test_unknown_keys_hold_a_thread_for_one_fetch_per_cooldown(
    make: MakeCache, network: Network, clock: FakeClock, state: str
) -> None:
    """Whoever began it, and whatever else is fetched until the cooldown ends."""
    cache, kid = make(max_age=600, cooldown=10), kid_of(network.issuer)
    if state != "no keys yet":
        find(cache, network, kid)
        WAITS[state](network, clock)
    first = cache.find(named(kid if state == "keys over age" else "made-up-0"))
    if state == "a refresh that others began":
        refresh = cache.find(named(kid))
        begun = next(refresh)
        assert isinstance(begun, Start)
        network.pending.append(begun.flight)
    network.issuer.rotate(withdraw=True)  # the key that was known is unknown now
    network.waits = 0
    with pytest.raises((InvalidTokenError, KeysUnavailableError)):
        network.run(first)
    assert network.waits == 1
    for number in range(1, 20):
        with pytest.raises((InvalidTokenError, KeysUnavailableError)):
            find(cache, network, f"made-up-{number}")
    assert network.waits == 1
    clock.advance(10)
    with pytest.raises(InvalidTokenError):
        find(cache, network, "made-up-20")
    assert network.waits == 2


def test_the_cooldown_also_keeps_unknown_keys_from_waiting_for_a_refresh(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """503, as the refresh may bring the key; known keys do not suffer."""
    cache, kid = make(max_age=60, cooldown=100), kid_of(network.issuer)
    find(cache, network, kid)
    with pytest.raises(InvalidTokenError):
        find(cache, network, "made-up")
    clock.advance(59)
    network.held_back, network.waits = True, 0
    find(cache, network, kid)
    assert len(network.pending) == 1
    with pytest.raises(KeysUnavailableError) as caught:
        find(cache, network, "made-up")
    assert (network.waits, caught.value.retry_after) == (0, 1)
    network.land()
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        find(cache, network, "made-up")


def test_several_threads_wait_for_the_fetch_that_spends_the_cooldown(
    make: MakeCache, network: Network
) -> None:
    """A rotated key is found by all of them at once."""
    cache = make()
    find(cache, network, kid_of(network.issuer))
    network.issuer.rotate()
    newer = kid_of(network.issuer)
    one, two = cache.find(named(newer)), cache.find(named(newer))
    start = next(one)
    assert isinstance(start, Start)
    network.pending.append(start.flight)
    assert isinstance(next(one), Await)
    assert isinstance(next(two), Await)
    network.land()
    assert network.run(one)
    assert network.run(two)
    assert network.count == 1


def test_keys_that_land_between_look_and_claim_are_seen(
    make: MakeCache, network: Network
) -> None:
    """Whoever looked a moment too early looks again, and fetches nothing twice."""
    cache, kid = make(), kid_of(network.issuer)
    network.held_back = True
    first = cache.find(named(kid))
    start = next(first)
    assert isinstance(start, Start)
    network.pending.append(start.flight)
    network.land()
    network.issuer.rotate()
    newer = kid_of(network.issuer)
    looked = 0

    def slowly(held: KeySet) -> Sequence[Key]:
        nonlocal looked
        looked += 1
        found = held.select("ES256", newer, "one")
        if looked == 2:  # in the very moment of the claim, another's fetch lands
            network.held_back = False
            find(cache, network, newer)
            network.held_back = True
        return found

    assert network.run(cache.find(slowly))
    assert (looked, network.count) == (3, 1)


def test_a_refresh_that_landed_since_the_look_is_not_repeated(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """Two requests see stale keys; the second finds the work done."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(550)

    def slowly(held: KeySet) -> Sequence[Key]:
        if network.count == 1:
            find(cache, network, kid)
        return held.select("ES256", kid, "one")

    assert network.run(cache.find(slowly))
    assert network.count == 2


def test_a_key_that_the_second_fetch_brings_at_once_is_used(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """The fetch that was joined began before a rotation, the next one after it."""
    cache, kid = make(cooldown=0), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(550)
    network.held_back = True
    find(cache, network, kid)
    network.body = json.dumps(network.issuer.jwks()).encode()
    network.issuer.rotate()
    rotated = kid_of(network.issuer)
    flow = cache.find(named(rotated))
    assert isinstance(next(flow), Await)
    network.land()
    network.body = None
    start = next(flow)
    assert isinstance(start, Start)
    network.pending.append(start.flight)
    network.land()
    assert [key.kid for key in network.run(flow)] == [rotated]
