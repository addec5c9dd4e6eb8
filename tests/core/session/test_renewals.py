"""What a refresh of a session does at each step, driven by hand."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from jwtguard.core.model.effects import Ask, Claim, Exchange, Pause, Remove
from jwtguard.core.model.sealing import Sealer
from jwtguard.core.session.cookie_store import CookieStore
from jwtguard.core.session.cookies import Shown, text_of
from jwtguard.core.session.record import Session
from jwtguard.core.session.refresh import MOST, PATIENCE, Failed, Renewals, Rules
from jwtguard.core.session.state_store import StateStore
from jwtguard.core.session.stores import Held
from jwtguard.core.session.token_server import RETRY, TokenServer
from jwtguard.testing import JWTIssuer
from tests.session_support import NAME, SECRET

SEALER = Sealer((SECRET,), bytes)


def held(number: int = 0) -> Held:
    """Return one of many sessions."""
    made = Session(
        id=number.to_bytes(16, "big"), generation=0, issuer="https://issuer.example",
        access="a", refresh="r", obtained_at=1.0, access_ends=301.0, started_at=1.0,
        ends_at=28801.0,
    )  # fmt: skip
    return Held(made)


class World:
    """The refreshes of one process, and what they told."""

    def __init__(self, issuer: JWTIssuer) -> None:
        self.now = 0.0
        self.told: list[tuple[str, Any]] = []
        policy = issuer.policy(session_client="www", secrets=(SECRET,))
        self.renewals = Renewals(
            Rules(
                store=CookieStore(SEALER, 60),
                server=TokenServer(policy, lambda: self.now, self.emit),
                grace=60,
                is_ended=lambda _: False,
                problem_of=good,
                now=lambda: self.now,
                monotonic=lambda: self.now,
                emit=self.emit,
            )
        )

    def emit(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))


def good(_: Session) -> Generator[Ask, Any, str]:
    """Take every token."""
    return ""
    yield


@pytest.fixture
def world(jwt_issuer: JWTIssuer) -> World:
    """One process."""
    return World(jwt_issuer)


def replies(flow: Generator[Any, Any, None]) -> Generator[Any, None, None]:
    """Drive *flow*, and yield what it asks: nothing is stored, the lease is taken."""
    reply = None
    while True:
        try:
            ask = flow.send(reply)
        except StopIteration:
            return
        yield ask
        reply = False if isinstance(ask, Claim) else None


def test_a_lease_that_never_ends_is_given_up(world: World) -> None:
    """The token is not redeemed twice, and the other process keeps its lease."""
    renewal, _ = world.renewals.join(NAME, held())
    asked = list(replies(renewal.refresh(renewal.flight)))
    assert sum(one.seconds for one in asked if isinstance(one, Pause)) == (
        pytest.approx(PATIENCE)
    )
    assert not [one for one in asked if isinstance(one, Exchange | Remove)]
    assert renewal.outcome == Failed("another process takes too long")
    assert [event for event, _ in world.told] == ["session_refresh_failed"]


def test_a_flight_that_breaks_is_a_failure_for_a_while(world: World) -> None:
    """Whoever waits is told; then somebody tries again."""
    renewal, own = world.renewals.join(NAME, held())
    assert own
    renewal.fail(renewal.flight, "the transport broke")
    renewal.fail(renewal.flight, "again")
    assert renewal.outcome == Failed("the transport broke")
    assert [fields["problem"] for _, fields in world.told] == ["the transport broke"]
    assert world.renewals.join(NAME, held()) == (renewal, False)
    world.now = RETRY
    assert world.renewals.join(NAME, held())[1]


def test_what_is_remembered_is_bounded(world: World) -> None:
    """The oldest refreshes go first."""
    for number in range(MOST + 1):
        assert world.renewals.join(NAME, held(number))[1]
    assert not world.renewals.join(NAME, held(1))[1]
    assert not world.renewals.join(NAME, held(MOST))[1]
    assert world.renewals.join(NAME, held(0))[1]


def test_a_cookie_names_its_record_in_the_state(jwt_issuer: JWTIssuer) -> None:
    """So a session whose record cannot be read can end; other cookies name nothing."""
    made, store = held(7), StateStore(SEALER, bytes, lambda: 1.0)
    creating = store.create(NAME, made.session)
    next(creating)
    with pytest.raises(StopIteration) as stop:
        creating.send(None)
    ticket: str = stop.value.value.text
    short = text_of(SEALER.seal(b"short", f"session ticket {NAME}"))
    texts = ("x", ticket, ticket[:-1], short)
    shown = Shown(NAME, True, texts, frozenset({NAME}), too_long=False)
    assert list(store.named(shown)) == [made.session.id]
    assert list(CookieStore(SEALER, 60).named(shown)) == []
