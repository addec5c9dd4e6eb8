"""One guard for threads, loops, forks and the end of the interpreter."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
import time
from collections.abc import Callable

import anyio
import pytest

from jwtguard.core.model.decision import Respond
from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.model.request import Request
from jwtguard.errors import AuthError, InvalidTokenError
from jwtguard.guard import Guard
from jwtguard.testing import FakeClock, JWTIssuer
from tests.guard_support import Line, ask
from tests.waiting import HANG

DAY = 86400.0


@pytest.fixture
def line(jwt_issuer: JWTIssuer) -> Line:
    """The way to the issuer."""
    return Line(jwt_issuer)


@pytest.fixture
def guard(jwt_issuer: JWTIssuer, line: Line) -> Guard:
    """A guard that fetches keys by *line*."""
    return Guard(jwt_issuer.policy(), clock=jwt_issuer.clock, transport=line)


def landed(guard: Guard) -> None:
    """Wait until no fetch is under way any more."""
    for trusted in guard._flow.verifier.trusted.values():
        flight = trusted.key_cache._flight
        if flight is not None:
            flight.done.result(HANG)


# A cold herd.


def test_500_threads_at_a_cold_guard_cause_one_fetch(
    guard: Guard, jwt_issuer: JWTIssuer, line: Line
) -> None:
    """And nobody fails."""
    tokens = [jwt_issuer.token(subject=str(number)) for number in range(500)]
    # All threads are there before the first one asks: starting them takes time, and
    # nobody waits for a fetch that takes longer than its deadline.
    gate = threading.Barrier(500, action=line.open.clear)

    def one(token: str) -> str:
        gate.wait(HANG)
        return guard.verify(token).subject

    with concurrent.futures.ThreadPoolExecutor(500) as pool:
        waiting = [pool.submit(one, token) for token in tokens]
        assert line.begun.acquire(timeout=HANG)
        line.open.set()
        names = [future.result(HANG) for future in waiting]
    assert names == [str(number) for number in range(500)]
    assert jwt_issuer.fetches == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_500_tasks_at_a_cold_guard_cause_one_fetch(
    guard: Guard, jwt_issuer: JWTIssuer, line: Line, backend: str
) -> None:
    """And the event loop is free meanwhile."""
    tokens = [jwt_issuer.token(subject=str(number)) for number in range(500)]
    found: set[str] = set()
    ticks = 0

    async def one(token: str) -> None:
        found.add((await guard.averify(token)).subject)

    async def main() -> None:
        nonlocal ticks
        line.open.clear()
        async with anyio.create_task_group() as group:
            for token in tokens:
                group.start_soon(one, token)
            while ticks < 20:
                await anyio.sleep(0.005)
                ticks += 1
            assert not found
            line.open.set()

    anyio.run(main, backend=backend)
    assert (len(found), jwt_issuer.fetches, ticks) == (500, 1, 20)


def test_made_up_key_ids_during_traffic_cost_one_fetch(
    guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """2,000 of them from 20 threads, while good tokens pass."""
    good = jwt_issuer.token()
    guard.verify(good)
    forged = [jwt_issuer.token(headers={"kid": f"k{n}"}) for n in range(2000)]

    def one(number: int) -> None:
        with pytest.raises(InvalidTokenError, match="unknown_key"):
            guard.verify(forged[number])
        guard.verify(good)

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(one, range(2000)))
    assert jwt_issuer.fetches == 2


# Outages.


@pytest.mark.parametrize("down", [3600.0, DAY])
def test_known_keys_pass_while_the_issuer_is_down(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock, down: float
) -> None:
    """Every request of the hour, and of the day; new tokens and remembered ones."""
    old = jwt_issuer.token(expires_in=2 * DAY)
    guard.verify(old)
    jwt_issuer.down()
    for _ in range(60):
        jwt_clock.advance(down / 60)
        assert ask(guard, old) is None
        assert ask(guard, jwt_issuer.token()) is None
        landed(guard)
    health = guard.health()[jwt_issuer.url]
    assert health["ready"]
    assert health["age"] == down
    assert health["failures"] > 5
    jwt_issuer.up()
    jwt_clock.advance(60)
    assert ask(guard, old) is None
    landed(guard)
    assert guard.health()[jwt_issuer.url]["failures"] == 0


def test_no_keys_at_all_is_503_without_a_challenge(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """Our outage must not log users out; one back-off step later all is well."""
    jwt_issuer.down()
    for _ in range(3):
        answer = ask(guard, jwt_issuer.token())
        assert answer is not None
        fields = {name.lower(): value for name, value in answer.headers}
        assert (answer.status, answer.reason) == (503, "keys_unavailable")
        assert 1 <= int(fields["retry-after"]) <= 10
        assert "www-authenticate" not in fields
        assert jwt_issuer.url not in answer.body.decode() + str(fields)
    assert ask(guard, "rubbish") is not None
    jwt_issuer.up()
    jwt_clock.advance(int(fields["retry-after"]))
    assert ask(guard, jwt_issuer.token()) is None


def test_public_paths_are_served_while_the_issuer_is_down(
    jwt_issuer: JWTIssuer,
) -> None:
    """No key is needed there, so none is fetched."""
    jwt_issuer.down()
    guard = jwt_issuer.guard(public_paths=("/healthz",))
    request = Request("GET", "/healthz", {"authorization": ("Bearer x.y.z",)})
    assert not isinstance(guard.decide(request, lambda _: None), Respond)


def test_making_a_guard_starts_nothing(jwt_issuer: JWTIssuer, line: Line) -> None:
    """No thread and no I/O before the first token; health asks nobody either."""
    before = threading.active_count()
    guard = Guard(jwt_issuer.policy(), transport=line)
    assert guard.health() == {
        jwt_issuer.url: {
            "ready": False,
            "keys": 0,
            "age": None,
            "failures": 0,
            "failure": None,
            "failed_ago": None,
        }
    }
    assert threading.active_count() == before
    assert not line.begun.acquire(blocking=False)


def test_health_tells_of_failures_and_given_keys(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """Age, count and last failure; given keys have no age and are always ready."""
    jwt_issuer.down()
    assert ask(guard, jwt_issuer.token()) is not None
    jwt_clock.advance(7)
    health = guard.health()[jwt_issuer.url]
    assert (health["ready"], health["failures"], health["failed_ago"]) == (False, 1, 7)
    assert "the issuer is down" in health["failure"]
    given = TrustedIssuer(url=jwt_issuer.url, audience="a", keys=jwt_issuer.jwks())
    health = jwt_issuer.guard(issuers=(given,)).health()[jwt_issuer.url]
    assert (health["ready"], health["keys"], health["age"]) == (True, 1, None)


# Refreshes behind the back of requests.


def test_no_request_with_a_known_key_waits(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock, line: Line
) -> None:
    """The issuer takes its time; 1,000 requests pass before it has answered."""
    old = jwt_issuer.token(expires_in=DAY)
    guard.verify(old)
    line.open.clear()
    jwt_clock.advance(700)
    for _ in range(500):
        assert ask(guard, old) is None
        assert ask(guard, jwt_issuer.token()) is None
    assert jwt_issuer.fetches == 1
    line.open.set()
    landed(guard)
    assert jwt_issuer.fetches == 2


def test_no_request_with_a_known_key_gives_way(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock, line: Line
) -> None:
    """On an event loop it runs to its end in one go, while keys expire and none come.

    Before, during and after the fetch that takes too long, and the next one.
    """
    old = jwt_issuer.token(expires_in=DAY)
    guard.verify(old)
    line.open.clear()
    for seconds in (600, 300, 11, 11, 11, 60):
        jwt_clock.advance(seconds)
        for token in (old, jwt_issuer.token()):
            with pytest.raises(StopIteration) as ended:
                guard.averify(token).send(None)
            assert ended.value.value.subject == "alice"
    assert guard.health()[jwt_issuer.url]["failures"] > 1
    line.open.set()


def test_a_rotated_key_is_accepted_at_once(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """Both keys work, until the issuer drops the old one; then it is refused."""
    old = jwt_issuer.token(expires_in=DAY)
    guard.verify(old)
    jwt_issuer.rotate()
    new = jwt_issuer.token(expires_in=DAY)
    assert guard.verify(new)
    assert guard.verify(old)
    assert jwt_issuer.fetches == 2
    jwt_issuer.withdraw()
    jwt_clock.advance(1201)
    assert guard.verify(new)
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        guard.verify(old)


def test_a_remembered_token_stops_with_its_key(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """Even if another key has taken over the name: the material is compared."""
    token = jwt_issuer.token(expires_in=DAY)
    guard.verify(token)
    kid = jwt_issuer.published[-1]["kid"]
    jwt_issuer.rotate(withdraw=True)
    jwt_issuer.published[-1]["kid"] = kid
    assert guard.verify(token)
    jwt_clock.advance(1201)
    answer = ask(guard, token)
    assert answer is not None
    assert (answer.status, answer.reason) == (401, "unknown_key")


def test_a_remembered_token_outlives_a_new_name_of_its_key(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """The issuer renames its key: what it signed is as good as before."""
    token = jwt_issuer.token(expires_in=DAY)
    guard.verify(token)
    jwt_issuer.published[-1]["kid"] = "renamed"
    jwt_clock.advance(1201)
    assert guard.verify(token)


def test_an_idle_worker_waits_for_one_fetch_and_survives_its_failure(
    guard: Guard, jwt_issuer: JWTIssuer, jwt_clock: FakeClock, line: Line
) -> None:
    """Twenty requests after a quiet night: one fetch; it fails; all pass."""
    tokens = [jwt_issuer.token(expires_in=DAY) for _ in range(20)]
    guard.verify(tokens[0])
    jwt_issuer.down()
    line.open.clear()
    jwt_clock.advance(40_000)
    while line.begun.acquire(blocking=False):
        pass
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(guard.verify, token) for token in tokens]
        assert line.begun.acquire(timeout=HANG)
        time.sleep(0.05)
        assert not any(future.done() for future in waiting)
        line.open.set()
        assert [future.result(HANG).subject for future in waiting] == ["alice"] * 20
    assert guard.health()[jwt_issuer.url]["failures"] == 1


# Several issuers.


def test_an_unknown_issuer_causes_no_fetch(
    guard: Guard, jwt_issuer: JWTIssuer, line: Line, sign: Callable[..., str]
) -> None:
    """Nor does rubbish, nor an algorithm that is not accepted."""
    stranger = JWTIssuer(
        "https://stranger.example", alg="ES256", clock=jwt_issuer.clock
    )
    wrong = [
        stranger.token(),
        jwt_issuer.token(claims={"iss": None}),
        sign(iss=[jwt_issuer.url]),
        sign(iss={}),
        sign(header={"alg": "HS256", "kid": "x"}),
        jwt_issuer.token(claims={"iss": jwt_issuer.url + "/"}),
        "x.y.z",
        "rubbish",
    ]
    for token in wrong:
        with pytest.raises(InvalidTokenError):
            guard.verify(token)
    assert not line.begun.acquire(blocking=False)


# From the environment.


def test_from_env_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two variables are enough."""
    monkeypatch.setenv("JWTGUARD_ISSUER", "https://id.example")
    monkeypatch.setenv("JWTGUARD_AUDIENCE", "https://api.example")
    guard = Guard.from_env()
    assert list(guard.health()) == ["https://id.example"]


def test_averify_raises_what_verify_raises(guard: Guard, jwt_issuer: JWTIssuer) -> None:
    """One flow, two drivers: the reasons are the same."""
    for token in (jwt_issuer.expired(), jwt_issuer.forged(), "x", "x" * 20_000):
        with pytest.raises(AuthError) as blocking:
            guard.verify(token)
        with pytest.raises(AuthError) as awaited:
            asyncio.run(guard.averify(token))
        assert blocking.value.reason == awaited.value.reason
        assert type(blocking.value) is type(awaited.value)


# Processes.


def test_json_of_health_is_plain(guard: Guard, jwt_issuer: JWTIssuer) -> None:
    """A readiness endpoint can send it as it is."""
    guard.verify(jwt_issuer.token())
    assert json.loads(json.dumps(guard.health())) == guard.health()
