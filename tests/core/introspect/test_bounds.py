"""Many requests, few questions: one per token, 32 at once, and a bounded line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from hashlib import sha256
from typing import Any

import anyio
import pytest

from jwtguard.core.introspect.introspector import REMEMBERED
from jwtguard.core.introspect.lookups import (
    AT_ONCE,
    IN_LINE,
    Lookup,
    Lookups,
    Outcome,
    Worker,
)
from jwtguard.core.model.effects import FetchFailedError, Flight
from jwtguard.core.model.principal import Principal
from jwtguard.errors import AuthError, IntrospectionUnavailableError, InvalidTokenError
from jwtguard.testing import OpaqueIssuer
from tests.core.introspect.holding import Holding, at_once
from tests.waiting import until

FEW = 200
PATIENCE = 2.0


def opening(holding: Holding, condition: Callable[[], bool]) -> threading.Thread:
    """Return a thread that opens the endpoint once *condition* holds."""

    def run() -> None:
        if until(condition):
            holding.open.set()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def in_time(found: Any) -> bool:
    """Whether a request was let in; on a busy machine its two seconds may be over."""
    return isinstance(found, Principal | IntrospectionUnavailableError)


def test_one_token_is_one_question() -> None:
    """500 first requests with one token wait for one answer."""
    holding = Holding(OpaqueIssuer())
    guard, token = holding.guard(), holding.issuer.opaque_token()
    opener = opening(holding, lambda: holding.calls == 1)
    found = at_once([lambda: guard.verify(token)] * 500)
    opener.join()
    assert all(map(in_time, found)), found
    assert holding.calls == 1
    if not isinstance(found[0], AuthError):
        guard.verify(token)
        assert holding.calls == 1


def test_many_tokens_are_32_questions_at_once() -> None:
    """The others wait in line, and each is asked about once."""
    holding = Holding(OpaqueIssuer())
    guard = holding.guard()
    tokens = [holding.issuer.opaque_token() for _ in range(FEW)]
    opener = opening(holding, lambda: holding.now == AT_ONCE)
    found = at_once([lambda t=t: guard.verify(t) for t in tokens])  # type: ignore[misc]
    opener.join()
    assert all(map(in_time, found)), found
    assert holding.most == AT_ONCE
    assert holding.calls <= FEW
    if not any(isinstance(one, AuthError) for one in found):
        assert holding.calls == FEW


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_it_is_the_same_on_an_event_loop(backend: str) -> None:
    """500 tasks with one token: one question; others: at most 32 at once."""
    holding = Holding(OpaqueIssuer())
    holding.open.set()
    guard = holding.guard()
    same = holding.issuer.opaque_token()
    others = [holding.issuer.opaque_token() for _ in range(FEW)]

    found: list[Any] = []

    async def verify(token: str) -> None:
        try:
            found.append(await guard.averify(token))
        except AuthError as error:
            found.append(error)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for token in [same] * 500 + others:
                tasks.start_soon(verify, token)

    anyio.run(main, backend=backend)
    assert all(map(in_time, found)), found
    assert holding.calls <= 1 + FEW
    assert holding.most <= AT_ONCE
    if not any(isinstance(one, AuthError) for one in found):
        assert holding.calls == 1 + FEW


def test_garbage_is_asked_about_once() -> None:
    """What is not active is remembered for 10 seconds, and not longer."""
    issuer = OpaqueIssuer()
    guard = issuer.guard()
    for _ in range(50):
        with pytest.raises(InvalidTokenError, match="inactive"):
            guard.verify("garbage")
    assert issuer.introspections == 1
    issuer.clock.advance(10)
    with pytest.raises(InvalidTokenError, match="inactive"):
        guard.verify("garbage")
    assert issuer.introspections == 2


def test_a_changed_token_is_another_token() -> None:
    """One character differs: what is known of the first says nothing of it."""
    issuer = OpaqueIssuer()
    guard, token = issuer.guard(), issuer.opaque_token()
    assert guard.verify(token)
    with pytest.raises(InvalidTokenError, match="inactive"):
        guard.verify(token[:-1] + ("A" if token[-1] != "A" else "B"))
    assert issuer.introspections == 2


def test_garbage_does_not_fill_the_memory() -> None:
    """Answers are kept for so many tokens; known ones are not forgotten for it."""
    issuer = OpaqueIssuer()
    guard, token = issuer.guard(), issuer.opaque_token()
    assert guard.verify(token)
    live: Any = guard._flow.verifier.live
    introspector = live.introspectors[issuer.url]
    for number in range(REMEMBERED + 10):
        lookup = Lookup(f"{number}", b"%d" % number, 0, PATIENCE)
        introspector._settle(lookup, Outcome(until=1e9))
    assert len(introspector._remembered) == REMEMBERED
    assert guard.verify(token)
    assert issuer.introspections == 1


def test_an_answer_that_has_just_come_is_taken() -> None:
    """A request that looked before it came asks nobody."""
    issuer = OpaqueIssuer()
    guard, token = issuer.guard(), issuer.opaque_token()
    assert guard.verify(token)
    live: Any = guard._flow.verifier.live
    questions = live.introspectors[issuer.url]._lookups
    lookup, flight = questions.join(token, sha256(token.encode()).digest(), known=False)
    assert flight is None
    assert lookup.outcome.claims["sub"] == "alice"
    assert lookup.flight.done.done()


def test_a_prefix_keeps_garbage_away() -> None:
    """What does not begin with it is refused without a question."""
    issuer = OpaqueIssuer()
    guard = issuer.guard(opaque_prefix=("at_",))
    for token in ("garbage", "AT_x", "x.y"):
        with pytest.raises(InvalidTokenError, match="malformed"):
            guard.verify(token)
    assert issuer.introspections == 0
    assert guard.verify(issuer.opaque_token(prefix="at_")).subject == "alice"


def lookups(
    now: list[float], asked: list[str]
) -> tuple[Lookups, list[tuple[Lookup, Outcome]]]:
    settled: list[tuple[Lookup, Outcome]] = []
    answers: dict[bytes, Outcome] = {b"answered": Outcome({"sub": "alice"})}

    def ask(lookup: Lookup) -> Generator[Any, Any, Outcome]:
        asked.append(lookup.token)
        yield from ()
        return Outcome({}, until=1.0)

    made = Lookups(
        ask, lambda *one: settled.append(one), answers.get, lambda: now[0], PATIENCE
    )
    return made, settled


def run(flight: Flight) -> None:
    for _ in flight.work.refresh(flight):
        raise AssertionError
    flight.work.fail(flight, "it has ended already")


def test_the_line_is_bounded() -> None:
    """Beyond it a request is told at once that there is no answer."""
    made, _ = lookups([0.0], [])
    joined = [made.join(f"{n}", b"%d" % n, known=False) for n in range(IN_LINE + 40)]
    assert sum(flight is not None for _, flight in joined) == AT_ONCE
    assert sum(lookup is not None for lookup, _ in joined) == IN_LINE + AT_ONCE
    assert made.join("0", b"0", known=False) == (joined[0][0], None)
    holding = Holding(OpaqueIssuer())
    guard = holding.guard()
    live: Any = guard._flow.verifier.live
    live.introspectors[holding.issuer.url]._lookups = made
    with pytest.raises(IntrospectionUnavailableError):
        guard.verify("one more")


def test_an_answer_that_came_meanwhile_is_taken() -> None:
    """Between the look for an answer and the question, another one may have ended."""
    made, _ = lookups([0.0], [])
    lookup, flight = made.join("t", b"answered", known=False)
    assert (lookup is not None, flight) == (True, None)
    assert lookup is not None
    assert lookup.outcome == Outcome({"sub": "alice"})
    assert lookup.flight.done.done()
    _, flight = made.join("u", b"other", known=False)
    assert flight is not None


def test_known_tokens_come_first() -> None:
    """Whoever was in before is not kept out by tokens that nobody has seen yet."""
    asked: list[str] = []
    made, settled = lookups([0.0], asked)
    _, flight = made.join("new", b"1", known=False)
    made.join("newer", b"2", known=False)
    made.join("known", b"3", known=True)
    assert flight is not None
    run(flight)
    assert asked == ["known", "new", "newer"]
    assert [lookup.flight.done.done() for lookup, _ in settled] == [True] * 3


def test_whoever_has_left_is_not_asked_for() -> None:
    """After the deadline nobody waits for the answer any more."""
    asked: list[str] = []
    now = [0.0]
    made, settled = lookups(now, asked)
    late, flight = made.join("late", b"1", known=False)
    now[0] = PATIENCE
    made.join("in time", b"2", known=False)
    assert flight is not None
    run(flight)
    assert asked == ["in time"]
    assert late is not None
    assert late.outcome is not None
    assert late.outcome.failure is not None
    assert [one.token for one, _ in settled] == ["in time"]


def test_a_broken_flight_gives_its_place_back() -> None:
    """And those who wait for it are told."""
    made, settled = lookups([0.0], [])
    one, flight = made.join("one", b"1", known=False)
    assert isinstance(flight, Flight)

    def breaks(_: Lookup) -> Generator[Any, Any, Outcome]:
        yield from ()
        raise KeyError

    made.ask = breaks
    with pytest.raises(KeyError):
        run(flight)
    flight.work.fail(flight, "broke")
    flight.work.fail(flight, "broke")
    assert one is not None
    assert one.flight.done.done()
    ((_, outcome),) = settled
    assert isinstance(outcome.failure, FetchFailedError)
    flights = [made.join(f"{n}", b"n%d" % n, known=False)[1] for n in range(AT_ONCE)]
    assert None not in flights


def test_a_flight_that_never_began_gives_its_place_back() -> None:
    """Where no thread can be had, nobody was asked."""
    made, settled = lookups([0.0], [])
    _, flight = made.join("one", b"1", known=False)
    assert flight is not None
    flight.work.fail(flight, "no thread")
    assert not settled
    assert isinstance(flight.work, Worker)
    assert made._workers == 0


def test_a_late_answer_to_a_forgotten_question_changes_nothing() -> None:
    """After a fork, the child has questions of its own."""
    made, _ = lookups([0.0], [])
    old, _ = made.join("one", b"1", known=False)
    made.after_fork()
    new, flight = made.join("one", b"1", known=False)
    assert old is not None
    assert flight is not None
    made.settle(old, Outcome({}))
    made.settle(old, Outcome({}))
    assert made.join("one", b"1", known=False) == (new, None)
    assert list(old.refresh(old.flight)) == []
    old.fail(old.flight, "")


def test_an_endpoint_that_hangs_is_503_after_the_deadline() -> None:
    """With a line that nobody answers, nobody waits for longer."""
    holding = Holding(OpaqueIssuer())
    guard = holding.guard(introspect_timeout=0.2)
    tokens = [holding.issuer.opaque_token() for _ in range(FEW)]
    found = at_once([lambda t=t: guard.verify(t) for t in tokens])  # type: ignore[misc]
    assert all(isinstance(one, IntrospectionUnavailableError) for one in found)
    assert holding.calls <= AT_ONCE
    holding.open.set()
    assert until(lambda: holding.now == 0)
