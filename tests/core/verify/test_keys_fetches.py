"""Fetches of the key cache: failures, back-off, answers of the issuer, and hangs."""

from __future__ import annotations

import pytest

from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.model.jwk import KeySet
from jwtguard.core.verify.key_fetch import lifetime
from jwtguard.core.verify.keys import DEADLINE, KeyCache
from jwtguard.errors import KeysUnavailableError
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

# No keys at all.


def test_no_keys_is_503_with_the_seconds_to_wait(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """During the back-off nothing is fetched; it doubles up to a minute."""
    cache, kid = make(), kid_of(network.issuer)
    network.down = True
    waits = []
    for _ in range(6):
        with pytest.raises(KeysUnavailableError) as caught:
            find(cache, network, kid)
        count = network.count
        with pytest.raises(KeysUnavailableError):
            find(cache, network, kid)
        assert network.count == count
        waits.append(caught.value.retry_after)
        clock.advance(caught.value.retry_after)
    assert waits == [10, 20, 40, 60, 60, 60]
    network.down = False
    find(cache, network, kid)
    assert (cache.snapshot.failures, cache.snapshot.failure) == (0, "")


def test_the_back_off_is_jittered(network: Network, clock: FakeClock) -> None:
    """Up to a fifth shorter, so that a fleet does not come back in step."""
    trusted = TrustedIssuer(url=ISSUER, jwks_url=JWKS_URL)
    cache = KeyCache(trusted, clock.monotonic, jitter=lambda: 1.0)
    network.down = True
    with pytest.raises(KeysUnavailableError) as caught:
        find(cache, network, "any")
    assert caught.value.retry_after == pytest.approx(8)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>We will be back</html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'{"keys": {}}'),
        (200, b'{"keys": []}'),
        (200, b'{"keys": [{"kty": "oct", "k": "AAAA"}]}'),
        (200, b'{"keys": [], "n": NaN}'),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
        (200, b'{"n": ' + b"1" * 5000 + b"}"),
        (204, b""),
        (206, None),
        (301, None),
        (304, b""),
        (404, None),
        (500, None),
    ],
)
def test_an_invalid_key_set_is_a_failed_fetch(
    make: MakeCache, network: Network, status: int, body: bytes | None
) -> None:
    """And never spoils the keys that are held; the operator reads what came."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    network.status, network.body = status, body
    with pytest.raises(KeysUnavailableError):
        find(cache, network, "unknown")
    find(cache, network, kid)
    assert cache.snapshot.failures == 1
    assert cache.snapshot.failure
    if status != 200:
        assert cache.snapshot.failure == f"{JWKS_URL}: status {status}"


# Answers of the issuer.


def test_an_unchanged_set_is_the_same_object(
    make: MakeCache, network: Network, clock: FakeClock, told: Told
) -> None:
    """So what was remembered under it needs no second look."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    keys = cache.snapshot.key_set
    clock.advance(550)
    find(cache, network, kid)
    assert cache.snapshot.key_set is keys
    assert told == [("fetch_ok", {"issuer": ISSUER, "keys": 1, "skipped": 0})] * 2


def test_a_fetch_tells_how_many_keys_are_of_no_use(
    make: MakeCache, network: Network, told: Told
) -> None:
    """Two of three count; the third is of a kind that verifies nothing here."""
    cache = make()
    network.issuer.rotate()
    network.issuer.published.append({"kty": "oct", "k": "AAAA"})
    find(cache, network, network.issuer.published[0]["kid"])
    assert told == [("fetch_ok", {"issuer": ISSUER, "keys": 2, "skipped": 1})]


ACCEPT = {"Accept": "application/jwk-set+json, application/json"}


def test_an_etag_is_sent_back(
    make: MakeCache, network: Network, clock: FakeClock, told: Told
) -> None:
    """304 makes the keys fresh again, as often as it comes; metadata is not reread."""
    cache, kid = make(TrustedIssuer(url=ISSUER)), kid_of(network.issuer)
    network.fields = {"etag": '"1"'}
    find(cache, network, kid)
    assert network.sent == ACCEPT
    network.status, network.fields = 304, {}
    for _ in range(3):
        clock.advance(550)
        find(cache, network, kid)
        assert network.sent == {**ACCEPT, "If-None-Match": '"1"'}
        assert is_fresh(cache, cache.snapshot.key_set or KeySet(()))
    assert network.asked[1:] == [JWKS_URL] * 4
    fields = {"issuer": ISSUER, "keys": 1, "skipped": 0}
    assert told == [("fetch_ok", fields), *[("fetch_not_modified", fields)] * 3]


def test_an_etag_outside_ascii_does_not_end_all_refreshes(
    make: MakeCache, network: Network
) -> None:
    """It cannot be sent back, so it is not kept."""
    cache, kid = make(), kid_of(network.issuer)
    network.fields = {"etag": '"é"'}
    find(cache, network, kid)
    assert cache.snapshot.etag is None


def test_an_etag_is_not_taken_to_another_server(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """After a failure the metadata is read again; its next server has its own tags."""
    cache, kid = make(TrustedIssuer(url=ISSUER)), kid_of(network.issuer)
    network.fields = {"etag": '"1"'}
    find(cache, network, kid)
    network.down = True
    clock.advance(550)
    find(cache, network, kid)
    network.down = False
    clock.advance(60)
    network.asked.clear()
    find(cache, network, kid)
    assert network.asked == [f"{ISSUER}/.well-known/openid-configuration", JWKS_URL]
    assert "If-None-Match" not in network.sent


def test_metadata_is_read_once(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """Refreshes go to the key set at once, as long as they succeed."""
    cache, kid = make(TrustedIssuer(url=ISSUER)), kid_of(network.issuer)
    for _ in range(3):
        find(cache, network, kid)
        clock.advance(550)
    assert network.asked.count(JWKS_URL) == 3
    assert len(network.asked) == 4


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("", 600),
        ("max-age=300", 300),
        ("public, MAX-AGE=300, must-revalidate", 300),
        ('max-age="300"', 300),
        ("max-age=0", 60),
        ("max-age=5", 60),
        ("max-age=86400", 600),
        ("s-maxage=300", 600),
        ("max-age=300, no-store", 600),
        ("no-store", 600),
        ("max-age=-1", 600),
        ("max-age=99999999999999999999", 600),
        ("max-age=x", 600),
    ],
)
def test_cache_control_shortens_never_lengthens(field: str, seconds: float) -> None:
    """Within a minute and our own age; no-store does not mean a fetch per request."""
    assert lifetime(field, 600) == seconds


def test_an_age_of_our_own_under_a_minute_stands() -> None:
    """The minute bounds what the issuer may ask for, not what the operator may."""
    assert lifetime("max-age=5", 30) == 30


def test_cache_control_is_obeyed(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """``max-age=100`` refreshes after 90 s, and grace counts from there."""
    cache, kid = make(), kid_of(network.issuer)
    network.fields = {"cache-control": "max-age=100"}
    find(cache, network, kid)
    held = cache.snapshot.key_set
    assert held is not None
    assert cache.snapshot.refresh_at == clock.monotonic() + 90
    assert cache.snapshot.stale_until == clock.monotonic() + 100 + DAY
    clock.advance(89.5)
    assert is_fresh(cache, held)
    clock.advance(0.5)
    assert not is_fresh(cache, held)
    find(cache, network, kid)
    assert network.count == 2


# Fetches that never end.


def test_a_fetch_without_end_delays_requests_for_a_bounded_time(
    make: MakeCache, network: Network, clock: FakeClock, told: Told
) -> None:
    """After twice the deadline it is lost, told of, and another one may begin.

    What it brings after all is old, and counts for nothing.
    """
    cache, kid = make(), kid_of(network.issuer)
    network.held_back = True
    with pytest.raises(KeysUnavailableError):
        find(cache, network, kid)
    clock.advance(2 * DEADLINE - 0.1)
    with pytest.raises(KeysUnavailableError):
        find(cache, network, kid)
    assert (network.count, told) == (1, [])
    clock.advance(0.2)
    lost, network.pending = network.pending, []
    with pytest.raises(KeysUnavailableError):
        find(cache, network, kid)
    assert network.count == 2
    new, network.pending = network.pending, lost
    given_up = cache.snapshot
    network.land()
    assert cache.snapshot is given_up
    network.pending = new
    network.land()
    find(cache, network, kid)
    assert network.count == 2
    assert told.names == ["fetch_failed", "fetch_ok"]
    problem = "timed out without a response"
    assert told[0][1] == {"issuer": ISSUER, "problem": problem}
    before = cache.snapshot
    cache.fail(lost[0], "late")
    assert cache.snapshot is before
    assert len(told) == 2


def test_a_lost_fetch_makes_an_idle_worker_wait_once_only(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """It counts as failed: from then on the old key is used without waiting."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    clock.advance(1201)
    network.held_back = True
    find(cache, network, kid)
    assert network.waits == 2
    for _ in range(100):
        clock.advance(10)
        find(cache, network, kid)
    assert network.waits == 2
    assert cache.snapshot.failures > 1
    assert network.count < 30


def test_threads_that_give_up_a_fetch_at_once_count_one_failure(
    make: MakeCache, network: Network, clock: FakeClock
) -> None:
    """The second finds it gone."""
    cache = make()
    network.held_back = True
    with pytest.raises(KeysUnavailableError):
        find(cache, network, "any")
    flight = network.pending[0]
    cache.fail(flight, "lost")
    cache.fail(flight, "lost")
    assert cache.snapshot.failures == 1
