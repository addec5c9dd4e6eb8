"""One guard for threads, loops, forks and the end of the interpreter."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest
import trio

from jwtguard.core.model.decision import Respond
from jwtguard.core.model.effects import (
    Exchange,
    FetchFailedError,
    Incoming,
    Outgoing,
    get,
)
from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.model.request import Request
from jwtguard.errors import AuthError, InvalidTokenError, KeysUnavailableError
from jwtguard.guard import Guard, _after_fork
from jwtguard.testing import FakeClock, JWTIssuer
from tests.waiting import HANG

DAY = 86400.0


class Line:
    """The way to an issuer; holds fetches back while ``open`` is not set."""

    def __init__(self, issuer: JWTIssuer) -> None:
        self.issuer = issuer
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Semaphore(0)

    def __call__(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        self.begun.release()
        if not self.open.wait(HANG):
            raise FetchFailedError("held for too long")
        return self.issuer.transport(url, headers, timeout)


@pytest.fixture
def line(jwt_issuer: JWTIssuer) -> Line:
    """The way to the issuer."""
    return Line(jwt_issuer)


@pytest.fixture
def guard(jwt_issuer: JWTIssuer, line: Line) -> Guard:
    """A guard that fetches keys by *line*."""
    return Guard(jwt_issuer.policy(), clock=jwt_issuer.clock, transport=line)


def ask(guard: Guard, token: str) -> Respond | None:
    request = Request("GET", "/notes", {"authorization": (f"Bearer {token}",)})
    decision = guard.decide(request, lambda _: None)
    return decision if isinstance(decision, Respond) else None


def landed(guard: Guard) -> None:
    """Wait until no fetch is under way any more."""
    for trusted in guard._flow.verifier.trusted.values():
        flight = trusted.keys._flight
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


def two_issuers(clock: FakeClock) -> tuple[JWTIssuer, JWTIssuer, Guard]:
    one = JWTIssuer("https://one.example", alg="ES256", clock=clock)
    two = JWTIssuer("https://two.example", alg="ES256", clock=clock)
    for issuer in (one, two):
        issuer._kid = issuer.published[-1]["kid"] = "same"

    def transport(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        issuer = one if url.startswith(one.url) else two
        return issuer.transport(url, headers, timeout)

    trusted = [TrustedIssuer(url=i.url, audience=i.audience) for i in (one, two)]
    policy = one.policy(issuers=trusted, clients=())
    return one, two, Guard(policy, clock=clock, transport=transport)


def test_one_kid_of_two_issuers_is_two_keys(jwt_clock: FakeClock) -> None:
    """A token of one that claims to be of the other is forged."""
    one, two, guard = two_issuers(jwt_clock)
    assert guard.verify(one.token()).issuer == one.url
    assert guard.verify(two.token()).issuer == two.url
    with pytest.raises(InvalidTokenError, match="bad_signature"):
        guard.verify(one.token(claims={"iss": two.url}))
    assert (one.fetches, two.fetches) == (1, 1)


def test_one_dead_issuer_does_not_stop_another(jwt_clock: FakeClock) -> None:
    """Keys, cooldown and back-off are each issuer's own."""
    one, two, guard = two_issuers(jwt_clock)
    one.down()
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            guard.verify(one.token())
        assert guard.verify(two.token())
    health = guard.health()
    assert (health[one.url]["ready"], health[two.url]["ready"]) == (False, True)


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


# Event loops.


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_waiter_does_not_cancel_the_fetch(
    guard: Guard, jwt_issuer: JWTIssuer, line: Line, backend: str
) -> None:
    """The browser that hung up came first; the one behind it gets its answer."""
    token = jwt_issuer.token()

    async def main() -> None:
        line.open.clear()
        with anyio.move_on_after(0.05) as scope:
            await guard.averify(token)
        assert scope.cancelled_caught
        threading.Timer(0.05, line.open.set).start()
        assert (await guard.averify(token)).subject == "alice"

    anyio.run(main, backend=backend)
    assert jwt_issuer.fetches == 1


def test_a_loop_that_ends_during_a_fetch_takes_nobody_with_it(
    guard: Guard, jwt_issuer: JWTIssuer, line: Line
) -> None:
    """asyncio, trio and threads wait for one fetch; two loops end before it does."""
    token = jwt_issuer.token()
    line.open.clear()

    async def impatient() -> None:
        with anyio.move_on_after(0.02):
            await guard.averify(token)

    asyncio.run(impatient())
    trio.run(impatient)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        waiting = [
            pool.submit(guard.verify, token),
            pool.submit(asyncio.run, guard.averify(token)),
            pool.submit(trio.run, guard.averify, token),
        ]
        time.sleep(0.05)
        line.open.set()
        assert {future.result(HANG).subject for future in waiting} == {"alice"}
    assert jwt_issuer.fetches == 1


def test_blocking_work_runs_off_the_loop(guard: Guard) -> None:
    """Both drivers run it, and hand its result back."""
    wanted = Outgoing("GET", "https://id.example", {})

    def flow() -> Any:
        return (yield Exchange(wanted))

    def work(ask: Exchange) -> tuple[Outgoing, int]:
        return ask.outgoing, threading.get_ident()

    assert guard.run(flow(), work=work) == (wanted, threading.get_ident())

    async def main() -> None:
        asked, thread = await guard.arun(flow(), work=work)
        assert (asked, thread != threading.get_ident()) == (wanted, True)

    asyncio.run(main())


def test_an_exchange_goes_by_the_transport_of_the_guard(
    guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """A flow reads the answer, or gets the failure as an exception of its own."""
    flow = get(f"{jwt_issuer.url}/jwks", {})
    assert guard.run(flow).status == 200
    jwt_issuer.down()
    for run in (guard.run, lambda flow: asyncio.run(guard.arun(flow))):
        with pytest.raises(FetchFailedError, match="down"):
            run(get(f"{jwt_issuer.url}/jwks", {}))


@pytest.mark.parametrize("answer", [(200, {}, b"{}"), OSError("gone")])
def test_a_transport_needs_no_type_of_ours(jwt_issuer: JWTIssuer, answer: Any) -> None:
    """It returns status, fields and body, or raises ``OSError``: that is a failure."""

    def transport(url: str, headers: Mapping[str, str], timeout: float) -> Any:
        if isinstance(answer, OSError):
            raise answer
        return answer

    guard = Guard(jwt_issuer.policy(), clock=jwt_issuer.clock, transport=transport)
    with pytest.raises(KeysUnavailableError):
        guard.verify(jwt_issuer.token())
    failure = guard.health()[jwt_issuer.url]["failure"]
    assert ("OSError: gone" if isinstance(answer, OSError) else "issuer is") in failure


def test_a_flow_that_asks_for_a_body_gets_none_without_a_reader(
    jwt_issuer: JWTIssuer,
) -> None:
    """A WebSocket at a token path has no body: an answer, not a crash."""
    guard = jwt_issuer.guard(token_paths=("/token",))
    fields = {"content-type": ("application/x-www-form-urlencoded",)}
    request = Request("POST", "/token", fields)

    async def main() -> object:
        return await guard.adecide(request)

    for decision in (guard.decide(request), asyncio.run(main())):
        assert isinstance(decision, Respond)
        assert (decision.status, decision.reason) == (400, "client_gone")


def test_out_of_threads_is_503(guard: Guard, jwt_issuer: JWTIssuer) -> None:
    """The fetch fails at once, and the next one after the pause succeeds."""
    before = threading.stack_size(2**45)
    try:
        with pytest.raises(KeysUnavailableError):
            guard.verify(jwt_issuer.token())
    finally:
        threading.stack_size(before)
    jwt_issuer.clock.advance(10)
    assert guard.verify(jwt_issuer.token())


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

SETUP = """
    import os, sys, threading, time
    from jwtguard.core.model.effects import Incoming
    from jwtguard.guard import Guard
    from jwtguard.testing import JWTIssuer

    issuer = JWTIssuer(alg="ES256")
    held = threading.Event()
    begun = threading.Event()
    brought = threading.Event()

    def transport(url, headers, timeout):
        begun.set()
        held.wait(600)
        got = issuer.transport(url, headers, timeout)
        brought.set()
        return got

    guard = Guard(issuer.policy(), clock=issuer.clock, transport=transport)
    token = issuer.token(expires_in=9000)
    print("ready", flush=True)
"""


def script(body: str, timeout: float = HANG) -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(SETUP) + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
@pytest.mark.slow
def test_a_fork_during_a_fetch_leaves_a_working_child() -> None:
    """The child has neither the thread nor, for certain, the locks: it begins anew."""
    done = script("""
        from contextlib import suppress
        from jwtguard.errors import KeysUnavailableError

        def ask():  # nobody waits longer for keys than the fetch may take
            with suppress(KeysUnavailableError):
                guard.verify(token)

        waiter = threading.Thread(target=ask)
        waiter.start()
        begun.wait()
        cache = guard._flow.verifier.trusted[issuer.url].keys
        cache._lock.acquire()
        guard._flow.verifier.token_cache._lock.acquire()
        pid = os.fork()
        if pid == 0:
            held.set()
            assert guard.verify(token).subject == "alice"
            assert guard.verify(token).subject == "alice"
            print("child", issuer.fetches, flush=True)
            os._exit(0)
        cache._lock.release()
        guard._flow.verifier.token_cache._lock.release()
        assert os.waitpid(pid, 0)[1] == 0
        held.set()
        waiter.join()
        brought.wait()
        print("parent", issuer.fetches)
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:3] == ["ready", "child 1", "parent 1"]


@needs_fork
def test_a_fork_frees_the_locks_of_every_guard(
    guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """A lock that another thread held at the fork is held in the child for ever."""
    token = jwt_issuer.token()
    guard.verify(token)
    cache = guard._flow.verifier.trusted[jwt_issuer.url].keys
    cache._lock.acquire()
    guard._flow.verifier.token_cache._lock.acquire()
    _after_fork()
    assert guard.verify(token).subject == "alice"
    assert jwt_issuer.fetches == 1


@needs_fork
@pytest.mark.slow
def test_forks_after_first_use_each_refresh_for_themselves() -> None:
    """Four children inherit the keys, use them at once, and fetch once when due."""
    done = script("""
        held.set()
        guard.verify(token)
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                issuer.fetches = 0
                assert guard.verify(token).subject == "alice"
                assert issuer.fetches == 0
                issuer.clock.advance(1201)
                threads = [
                    threading.Thread(target=guard.verify, args=(token,))
                    for _ in range(20)
                ]
                [t.start() for t in threads]
                [t.join() for t in threads]
                os._exit(issuer.fetches)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
        print(issuer.fetches)
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ready\n1\n"


@pytest.mark.slow
def test_the_interpreter_ends_during_a_fetch() -> None:
    """It does not wait for the fetch; no warning, nothing on stderr."""
    done = script("""
        import logging
        logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
        held.set()
        guard.verify(token)
        held.clear()
        begun.clear()
        issuer.clock.advance(700)
        assert guard.verify(token).subject == "alice"
        begun.wait()
        print("over")
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("over\n")


@pytest.mark.slow
def test_the_interpreter_ends_during_a_real_fetch() -> None:
    """Likewise with a socket that never answers, under asyncio."""
    done = script("""
        import asyncio, select, socket
        from jwtguard import TrustedIssuer
        silent = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/jwks"
        trusted = TrustedIssuer(url=issuer.url, audience="a", jwks_url=url)
        guard = Guard(issuer.policy(issuers=(trusted,)))

        async def main():
            # A machine under load is no warning about us.
            asyncio.get_running_loop().slow_callback_duration = 60
            task = asyncio.create_task(guard.averify(token))
            assert (await asyncio.to_thread(select.select, [silent], [], [], 60))[0]
            task.cancel()

        asyncio.run(main())
        silent.detach()  # still open: nobody hangs up before we end
        print("over")
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ready\nover\n"


def test_json_of_health_is_plain(guard: Guard, jwt_issuer: JWTIssuer) -> None:
    """A readiness endpoint can send it as it is."""
    guard.verify(jwt_issuer.token())
    assert json.loads(json.dumps(guard.health())) == guard.health()
