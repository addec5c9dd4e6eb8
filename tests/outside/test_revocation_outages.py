"""Revocations outlive whatever happens to the server that carries them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jwtguard import AuthError, Guard
from jwtguard.core.model.decision import Respond
from jwtguard.core.model.request import Request
from jwtguard.guard import Clock
from jwtguard.testing import FakeClock, JWTIssuer
from tests.outside.guard_workers import Workers
from tests.outside.held_connections import Between, Held
from tests.redis_server import REDIS, VALKEY, Redis
from tests.waiting import HANG, until

SERVERS = [*(["redis"] if REDIS else []), *(["valkey"] if VALKEY else [])]
PROGRAMS = {"redis": REDIS, "valkey": VALKEY}
REASON = "revoked_session"
STALE = 60.0
"""Seconds: the default of ``revocation_max_stale``."""


@pytest.fixture(params=SERVERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Redis]:
    """Each server there is, which keeps what it is told on disk."""
    program = PROGRAMS[request.param]
    with Redis(tmp_path, program=program, keeps=True) as server:
        yield server


@pytest.fixture
def issuer() -> JWTIssuer:
    """An issuer whose tokens were issued a moment ago."""
    return JWTIssuer(alg="ES256", clock=FakeClock(time.time() - 5))


@pytest.fixture
def start(store: Redis, issuer: JWTIssuer) -> Iterator[Workers]:
    """Start a worker."""
    with Workers(issuer, store.url) as workers:
        yield workers


def sessions(issuer: JWTIssuer, *names: str) -> list[str]:
    """Return a token of each session."""
    return [issuer.token(claims={"sid": name}) for name in names]


# Killed.


@pytest.mark.slow
@pytest.mark.parametrize("held", ["question", "answer"])
def test_a_server_that_is_killed_during_a_revocation(
    held: Held, start: Workers, issuer: JWTIssuer, store: Redis
) -> None:
    """Before it has stored it, or before it has said so: it arrives in the end."""
    with Between(store.port) as between:
        url = f"redis://127.0.0.1:{between.port}"
        one, other = start(state=url, state_timeout=HANG), start()
        known, ended = sessions(issuer, "s1", "s2")
        assert one("revoke", known) == "good"
        assert until(lambda: other("verify", known) == REASON)
        assert [one("verify", ended), other("verify", ended)] == ["good", "good"]
        between.hold(held, b"XADD")
        one.send("revoke", ended)
        assert between.holds.wait(HANG)
        if held == "answer":
            assert until(lambda: other("verify", ended) == REASON)
        store.stop()
        between.let_go()
        assert one.answer() == "good", "it raises nothing"
        assert [one("verify", ended), one("verify", known)] == [REASON, REASON]
        assert other("verify", known) == REASON
        store.start()
        assert until(lambda: other("verify", ended) == REASON)
        late = start()
        assert [late("verify", ended), late("verify", known)] == [REASON, REASON]


@pytest.mark.slow
def test_a_server_that_is_killed_after_a_revocation(
    start: Workers, issuer: JWTIssuer, store: Redis
) -> None:
    """All workers keep it, and a restarted worker reads it from the store."""
    one, other = start(), start()
    ended, kept = sessions(issuer, "s1", "s2")
    assert one("revoke", ended) == "good"
    assert until(lambda: other("verify", ended) == REASON)
    store.stop()
    assert [one("verify", ended), other("verify", ended)] == [REASON, REASON]
    other.kill()
    store.start()
    again = start()
    assert [again("verify", ended), again("verify", kept)] == [REASON, "good"]
    assert one("verify", ended) == REASON


@pytest.mark.slow
def test_a_server_that_loses_its_data(
    start: Workers, issuer: JWTIssuer, store: Redis
) -> None:
    """Workers keep the revocations that they know, and receive new ones."""
    one, other = start(), start()
    first, second = sessions(issuer, "s1", "s2")
    assert one("revoke", first) == "good"
    assert until(lambda: other("verify", first) == REASON)
    store.client().flushall()
    assert one("revoke", second) == "good"
    assert until(lambda: other("verify", second) == REASON)
    assert [one("verify", first), other("verify", first)] == [REASON, REASON]


# Paused.


@pytest.mark.slow
def test_a_server_that_hangs(start: Workers, issuer: JWTIssuer, store: Redis) -> None:
    """After SIGSTOP, requests do not wait, and revocations arrive when it continues."""
    one, other = start(), start()
    known, ended, kept = sessions(issuer, "s1", "s2", "s3")
    assert one("revoke", known) == "good"
    assert until(lambda: other("verify", known) == REASON)
    assert other("verify", ended) == "good"
    store.pause()
    assert one("revoke", ended) == "good"
    assert [one("verify", token) for token in (known, ended)] == [REASON, REASON]
    assert [other("verify", token) for token in (known, ended, kept)] == [
        REASON,
        "good",
        "good",
    ]
    late = start()
    assert late("verify", kept) == "good", "its first read is not waited for"
    store.resume()
    assert until(lambda: other("verify", ended) == REASON)
    assert until(lambda: late("verify", ended) == REASON)
    assert until(lambda: late("verify", known) == REASON)
    assert late("verify", kept) == "good"


# In this process, where time is an argument.

Making = Callable[..., Guard]


@pytest.fixture
def told() -> list[tuple[str, dict[str, Any]]]:
    """The events, in order."""
    return []


@pytest.fixture
def guard_with(
    store: Redis, issuer: JWTIssuer, told: list[tuple[str, dict[str, Any]]]
) -> Iterator[Making]:
    """Make a guard whose clock is the issuer's, unless another is given."""
    made: list[Guard] = []

    def make(*, clock: Clock = issuer.clock, **settings: Any) -> Guard:
        guard = Guard(
            issuer.policy(**{"state": store.url, **settings}),
            clock=clock,
            transport=issuer.transport,
            on_event=lambda event, fields: told.append((event, dict(fields))),
        )
        made.append(guard)
        return guard

    yield make
    for guard in made:
        guard.link.follower.stop()


def why(guard: Guard, token: str, method: str = "GET") -> str:
    """Return why a request with *token* is refused, or an empty string."""
    fields = {"authorization": (f"Bearer {token}",)}
    decision = guard.decide(Request(method, "/notes", fields, scheme="https"))
    return decision.reason if isinstance(decision, Respond) else ""


def names(told: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [event for event, _ in told]


def break_off(store: Redis, how: str) -> Callable[[], None]:
    """Stop or pause the server; return what brings it back."""
    if how == "killed":
        store.stop()
        return store.start
    store.pause()
    return store.resume


@pytest.mark.parametrize("how", ["killed", "paused"])
@pytest.mark.parametrize(
    ("outage", "get", "post"),
    [
        ("allow", "", ""),
        ("writes", "", "revocations_stale"),
        ("refuse", "revocations_stale", "revocations_stale"),
    ],
)
def test_each_choice_for_an_outage_keeps_its_promise(
    how: str,
    outage: str,
    get: str,
    post: str,
    guard_with: Making,
    issuer: JWTIssuer,
    store: Redis,
    told: list[tuple[str, dict[str, Any]]],
) -> None:
    """Good tokens pass until MAX_STALE, then as it says, then again when it is over."""
    guard = guard_with(revocation_outage=outage, state_timeout=1.0)
    good, ended = sessions(issuer, "s1", "s2")
    guard.revoke(guard.verify(ended))
    assert guard.link.follower.caught_up.exception(HANG) is None
    come_back = break_off(store, how)
    assert until(lambda: bool(guard.link.follower.failure))
    issuer.clock.advance(STALE / 2)
    assert [why(guard, good), why(guard, good, "POST")] == ["", ""]
    assert why(guard, ended) == REASON
    issuer.clock.advance(STALE)
    new = issuer.token()
    assert [why(guard, t) for t in (good, new)] == [get, get]
    assert [why(guard, t, "POST") for t in (good, new)] == [post, post]
    assert [why(guard, ended, m) for m in ("GET", "POST")] == [REASON, REASON]
    assert guard.health().state["age"] > STALE
    assert until(lambda: "revocations_stale" in names(told))
    come_back()
    assert until(lambda: guard.health().state["age"] < STALE)
    assert [why(guard, t, "POST") for t in (good, new)] == ["", ""]
    assert why(guard, ended) == REASON


@pytest.mark.parametrize(
    ("outage", "reason"),
    [("allow", ""), ("writes", ""), ("refuse", "revocations_stale")],
)
def test_a_process_that_starts_during_an_outage(
    outage: str, reason: str, guard_with: Making, issuer: JWTIssuer, store: Redis
) -> None:
    """Only ``refuse`` waits for the first read; then all know what was revoked."""
    before = guard_with()
    good, ended = sessions(issuer, "s1", "s2")
    before.revoke(before.verify(ended))
    store.stop()
    guard = guard_with(revocation_outage=outage)
    assert [why(guard, good), why(guard, ended)] == [reason, reason]
    store.start()
    assert until(lambda: why(guard, ended) == REASON)
    assert until(lambda: why(guard, good) == "")


def test_requests_do_not_wait_for_a_server_that_hangs(
    guard_with: Making, issuer: JWTIssuer, store: Redis
) -> None:
    """All first requests of a process at once, each for the timeout and no longer."""
    guard = guard_with(state_timeout=0.05)
    tokens = sessions(issuer, *(f"s{number}" for number in range(32)))
    store.pause()
    with ThreadPoolExecutor(32) as threads:
        found = list(threads.map(lambda token: why(guard, token), tokens))
    assert found == [""] * 32
    revoked = guard.verify(tokens[0])
    guard.revoke(revoked)
    assert why(guard, tokens[0]) == REASON


# A wrong password.


def test_a_wrong_password(
    guard_with: Making,
    issuer: JWTIssuer,
    store: Redis,
    told: list[tuple[str, dict[str, Any]]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Named and never shown; what is revoked here goes out once it is right."""
    admin = store.client()
    admin.config_set("requirepass", "right")
    url = store.url.replace("//", "//:hunter2@")
    guard = guard_with(state=url, state_timeout=2.0, clock=time)
    ended, kept = sessions(issuer, "s1", "s2")
    principal = guard.verify(ended)
    guard.revoke(principal)
    assert [why(guard, ended), why(guard, kept)] == [REASON, ""]
    assert guard.health().state["failure"] == "AuthenticationError"
    outage = [fields for event, fields in told if event == "state_failed"]
    assert outage == [{"problem": "AuthenticationError"}]
    assert "hunter2" not in caplog.text + str(told)
    admin.config_set("requirepass", "hunter2")
    other = guard_with(state=url, state_timeout=2.0, clock=time)
    assert until(lambda: why(other, ended) == REASON)
    assert until(lambda: guard.health().state["ready"])


def test_a_wrong_password_with_refuse(
    guard_with: Making, issuer: JWTIssuer, store: Redis
) -> None:
    """What others revoked cannot be known: no token is good."""
    store.client().config_set("requirepass", "right")
    guard = guard_with(
        state=store.url.replace("//", "//:wrong@"), revocation_outage="refuse"
    )
    assert why(guard, issuer.token()) == "revocations_stale"
    with pytest.raises(AuthError, match="revocations_stale"):
        guard.verify(issuer.token())
