"""Keys never stop the API: each row of the table in docs/keys.md, on our own clock."""

from __future__ import annotations

import pytest

from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.model.jwk import KeySet
from jwtguard.core.verify.keys import KeyCache
from jwtguard.errors import InvalidTokenError, KeysUnavailableError
from jwtguard.testing import FakeClock
from tests.core.verify.keys_support import (
    DAY,
    ISSUER,
    JWKS_URL,
    MakeCache,
    Network,
    Told,
    find,
    is_fresh,
    kid_of,
)

HOUR = 3600.0


# Fresh keys.


def test_a_fresh_key_costs_no_fetch(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """The first request fetches; until the keys near their end, nobody else does."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    for _ in range(100):
        clock.advance(5.3)
        find(cache, network, kid)
    assert (network.count, network.waits) == (1, 1)
    assert is_fresh(cache, cache.snapshot.key_set or KeySet(()))
    clock.advance(20)
    assert not is_fresh(cache, cache.snapshot.key_set or KeySet(()))


def test_jitter_spreads_refreshes_ahead_of_expiry(
    network: Network, clock: FakeClock
) -> None:
    """Between 90 % and 98 % of the age: never late, and a fleet is not in step."""
    found = []
    for share in (0.0, 0.5, 1.0):
        trusted = TrustedIssuer(url=ISSUER, jwks_url=JWKS_URL)
        cache = KeyCache(trusted, clock.monotonic, jitter=lambda s=share: s)  # type: ignore[misc]
        find(cache, network, kid_of(network.issuer))
        found.append(round(cache.snapshot.refresh_at - clock.monotonic(), 6))
    assert found == [540.0, 564.0, 588.0]


# Near the end, or stale: used at once, one refresh behind.


@pytest.mark.parametrize("age", [540.0, 599.0, 601.0, 1200.0])
def test_a_stale_key_is_used_at_once(
    make: MakeCache, network: Network, clock: FakeClock, age: float
) -> None:
    """However slow the issuer is, a request with a known key does not wait for it."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(age)
    network.held_back = True
    for _ in range(50):
        find(cache, network, kid)
    assert (network.count, network.waits) == (2, 1)
    network.land()
    assert is_fresh(cache, cache.snapshot.key_set or KeySet(()))


@pytest.mark.parametrize("down", [HOUR, DAY])
def test_an_issuer_that_is_down_stops_no_known_key(
    make: MakeCache, network: Network, clock: FakeClock, told: Told, down: float
) -> None:
    """For a day: no failure, no wait, and at most one try a minute."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    network.down = True
    began = network.count
    for _ in range(int(down / 10)):
        clock.advance(10)
        find(cache, network, kid)
    assert network.waits == 1
    assert network.count - began <= down / 60 + 5
    assert {"fetch_failed", "serving_stale"} <= set(told.names)
    age = next(fields["age"] for event, fields in told if event == "serving_stale")
    assert age > 540


def test_keys_stale_beyond_use_are_503_until_the_issuer_is_back(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """Age and grace are over: no token passes; one back-off step after, all do."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    network.down = True
    clock.advance(600 + DAY - 1)
    find(cache, network, kid)
    for seconds in (1, 60):
        clock.advance(seconds)
        with pytest.raises(KeysUnavailableError) as caught:
            find(cache, network, kid)
    network.down = False
    assert 1 <= caught.value.retry_after <= 60
    clock.advance(caught.value.retry_after)
    find(cache, network, kid)


# An idle worker.


def test_an_idle_worker_waits_for_one_fetch(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """Keys from before the week-end may have been withdrawn since: look first."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(1201)
    find(cache, network, kid)
    assert (network.count, network.waits) == (2, 2)
    find(cache, network, kid)
    assert (network.count, network.waits) == (2, 2)


def test_an_idle_worker_uses_the_old_key_if_its_fetch_fails(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """And does not wait a second time: one failed refresh is knowledge enough."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    network.down = True
    clock.advance(1201)
    find(cache, network, kid)
    assert (network.count, network.waits) == (2, 2)
    clock.advance(60)
    find(cache, network, kid)
    assert (network.count, network.waits) == (3, 2)


def test_an_idle_worker_refuses_a_key_withdrawn_meanwhile(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """The wait is for this: the first request after the pause is refused already."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    network.issuer.rotate(withdraw=True)
    clock.advance(1201)
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        find(cache, network, kid)


# Withdrawal.


def test_a_withdrawn_key_stops_at_the_next_refresh(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """A usable set without the key is a withdrawal, not a failure."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    network.issuer.rotate(withdraw=True)
    clock.advance(550)
    network.held_back = True
    find(cache, network, kid)
    network.land()
    network.held_back = False
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        find(cache, network, kid)


# Keys given directly, forks.


def test_given_keys_are_never_fetched(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """Known for ever, or unknown for ever; no I/O either way."""
    cache = make(TrustedIssuer(url=ISSUER, keys=network.issuer.jwks()))
    clock.advance(10 * DAY)
    find(cache, network, kid_of(network.issuer))
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        find(cache, network, "made-up")
    assert network.count == 0


def test_a_fork_forgets_fetches_and_keeps_keys(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """The thread that fetched, or held the lock, is not in the child.

    Nor is what it was to bring for an unknown key id: the child may ask itself.
    """
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(550)
    network.held_back = True
    find(cache, network, kid)
    cache._lock.acquire()
    cache.after_fork()
    network.held_back = False
    find(cache, network, kid)
    assert network.count == 3
    for count in (4, 4):
        with pytest.raises(InvalidTokenError):
            find(cache, network, "made-up")
        assert network.count == count
    cache.after_fork()
    with pytest.raises(InvalidTokenError):
        find(cache, network, "made-up")
    assert network.count == 5


def test_a_cache_without_listeners_works(network: Network, clock: FakeClock) -> None:
    """``emit`` and ``jitter`` have defaults."""
    trusted = TrustedIssuer(url=ISSUER, jwks_url=JWKS_URL)
    find(KeyCache(trusted, clock.monotonic), network, kid_of(network.issuer))
