"""Keys never stop the API: each row of the table in docs/keys.md, on our own clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import pytest

from jwtguard.core.model.effects import (
    Ask,
    Await,
    FetchFailedError,
    Flight,
    Incoming,
    Start,
)
from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.model.jwk import Key, KeySet
from jwtguard.core.verify.key_fetch import lifetime
from jwtguard.core.verify.keys import DEADLINE, KeyCache, Wanted
from jwtguard.errors import InvalidTokenError, KeysUnavailableError
from jwtguard.outside.fetcher import drive
from jwtguard.outside.http import by_transport
from jwtguard.testing import FakeClock, JWTIssuer

ISSUER = "https://issuer.example"
JWKS_URL = f"{ISSUER}/jwks"
HOUR = 3600.0
DAY = 86400.0


class Network:
    """Serves an issuer's keys, counts, and lands fetches when it is told to."""

    def __init__(self, issuer: JWTIssuer) -> None:
        self.issuer = issuer
        self.count = 0
        self.waits = 0
        self.status = 200
        self.fields: dict[str, str] = {}
        self.sent: Mapping[str, str] = {}
        self.body: bytes | None = None
        self.down = False
        self.asked: list[str] = []
        self.held_back = False
        """Fetches stay under way until ``land``."""
        self.pending: list[Flight] = []

    def transport(self, url: str, headers: Mapping[str, str], _: float) -> Incoming:
        self.asked.append(url)
        if self.down:
            raise FetchFailedError("the issuer is down")
        if url != JWKS_URL:
            return self.issuer.transport(url, headers, 0)
        self.sent = headers
        body = self.body
        if body is None:
            body = json.dumps(self.issuer.jwks()).encode()
        return Incoming(self.status, self.fields, body)

    def land(self) -> None:
        """Let what is under way come to its end."""
        for flight in self.pending:
            flow = flight.work.refresh(flight)
            drive(flow, by_transport(self.transport), lambda: DEADLINE)
            flight.done.set_result(None)
        self.pending = []

    def run(self, flow: Generator[Ask, None, Sequence[Key]]) -> Sequence[Key]:
        """Drive *flow*; whoever waits for a fetch sees it land, unless held back."""
        try:
            while True:
                ask = next(flow)
                if isinstance(ask, Start):
                    self.count += 1
                    self.pending.append(ask.flight)
                else:
                    assert isinstance(ask, Await)
                    self.waits += 1
                if not self.held_back:
                    self.land()
        except StopIteration as stop:
            found: Sequence[Key] = stop.value
            return found


class Told(list[tuple[str, dict[str, Any]]]):
    """What was emitted."""

    def __call__(self, event: str, **fields: Any) -> None:
        self.append((event, fields))

    @property
    def names(self) -> list[str]:
        return [event for event, _ in self]


@pytest.fixture
def clock() -> FakeClock:
    """Time, in our hands."""
    return FakeClock()


@pytest.fixture
def issuer(clock: FakeClock) -> JWTIssuer:
    """An issuer with one EC key."""
    return JWTIssuer(alg="ES256", clock=clock)


@pytest.fixture
def network(issuer: JWTIssuer) -> Network:
    """The way to it."""
    return Network(issuer)


@pytest.fixture
def told() -> Told:
    """What was emitted."""
    return Told()


MakeCache = Callable[..., KeyCache]


@pytest.fixture
def make(clock: FakeClock, told: Told) -> MakeCache:
    """Make a cache without jitter: refresh at 90 % of the age, back-off in full."""

    def made(trusted: TrustedIssuer | None = None, **ages: float) -> KeyCache:
        return KeyCache(
            trusted or TrustedIssuer(url=ISSUER, jwks_url=JWKS_URL),
            clock.monotonic,
            emit=told,
            jitter=lambda: 0.0,
            **ages,  # type: ignore[arg-type]
        )

    return made


def is_fresh(cache: KeyCache, keys: KeySet) -> bool:
    """Whether a key of *keys* is at hand without a fetch, now or in the background."""
    return list(cache.at_hand(lambda held: held.keys)) == list(keys.keys)


def named(kid: str) -> Wanted:
    return lambda held: held.select("ES256", kid, "one")


def kid_of(issuer: JWTIssuer) -> str:
    kid: str = issuer.published[-1]["kid"]
    return kid


def find(cache: KeyCache, network: Network, kid: str) -> None:
    """Find the key *kid*, or raise; what comes back is that key."""
    assert [key.kid for key in network.run(cache.find(named(kid)))] == [kid]


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
    assert is_fresh(cache, cache.snapshot.keys or KeySet(()))
    clock.advance(20)
    assert not is_fresh(cache, cache.snapshot.keys or KeySet(()))


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
    assert is_fresh(cache, cache.snapshot.keys or KeySet(()))


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


# Unknown key ids.


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
    assert is_fresh(cache, cache.snapshot.keys or KeySet(()))


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
def test_what_is_no_key_set_is_a_failed_fetch(
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


# Answers of the issuer.


def test_an_unchanged_set_is_the_same_object(
    make: MakeCache, network: Network, clock: FakeClock, told: Told
) -> None:
    """So what was remembered under it needs no second look."""
    cache, kid = make(), kid_of(network.issuer)
    find(cache, network, kid)
    keys = cache.snapshot.keys
    clock.advance(550)
    find(cache, network, kid)
    assert cache.snapshot.keys is keys
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
        assert is_fresh(cache, cache.snapshot.keys or KeySet(()))
    assert network.asked[1:] == [JWKS_URL] * 4
    said = {"issuer": ISSUER, "keys": 1, "skipped": 0}
    assert told == [("fetch_ok", said), *[("fetch_not_modified", said)] * 3]


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
    held = cache.snapshot.keys
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


def test_a_fetch_without_end_holds_nobody_up_for_good(
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
    problem = "no answer, and no end"
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
