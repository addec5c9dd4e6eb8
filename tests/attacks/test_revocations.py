"""Revoked tokens that came back, and entries that filled the list."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jwtguard import AuthError, Guard
from jwtguard.core.model.decision import Respond
from jwtguard.core.model.request import Request
from jwtguard.core.verify.entries import Entry, key_of, marks_of
from jwtguard.core.verify.revocations import Revocations
from jwtguard.state import MemoryState, State
from jwtguard.testing import JWTIssuer
from tests.waiting import until

FORM = {"content-type": ("application/x-www-form-urlencoded",)}


def guard_of(issuer: JWTIssuer, state: State, limit: int = 1) -> Guard:
    policy = issuer.policy(revocations=limit, logout_paths=["/logout"])
    return Guard(policy, clock=issuer.clock, transport=issuer.transport, state=state)


def why(guard: Guard, token: str) -> str:
    """Return why *token* is refused, or an empty string."""
    try:
        guard.verify(token)
    except AuthError as error:
        return error.reason
    return ""


def pack(guard: Guard, issuer: JWTIssuer, kind: str = "sid", name: str = "x") -> None:
    """Revoke enough that everything before it is packed."""
    for number in range(2):
        named: Any = {kind: f"{name}{number}"}
        guard.revoke_tokens(issuer=issuer.url, **named)


def log_out(guard: Guard, issuer: JWTIssuer, **claims: Any) -> None:
    body = b"logout_token=" + issuer.logout_token(claims=claims).encode()
    answer = guard.decide(Request("POST", "/logout", FORM), lambda _: body)
    assert isinstance(answer, Respond)
    assert answer.status == 200


@pytest.mark.parametrize("kind", ["sid", "subject"])
def test_a_token_issued_within_a_second_came_back_when_its_entry_was_packed(
    jwt_issuer: JWTIssuer, kind: str
) -> None:
    """Time bounds are in whole seconds, wherever they are compared."""
    second = int(jwt_issuer.clock.time())
    guard = guard_of(jwt_issuer, MemoryState())
    token = jwt_issuer.token(subject="s1", claims={"sid": "s1", "iat": second + 0.5})
    assert why(guard, token) == ""
    named: Any = {kind: "s1"}
    guard.revoke_tokens(issuer=jwt_issuer.url, before=second, **named)
    reason = why(guard, token)
    assert reason.startswith("revoked_")
    pack(guard, jwt_issuer)
    assert why(guard_of(jwt_issuer, guard.state.state), token) == reason
    assert why(guard, jwt_issuer.token(claims={"sid": "s9"})) == ""


def test_a_second_logout_took_back_the_first_once_that_was_packed(
    jwt_issuer: JWTIssuer,
) -> None:
    """A logout token's bound is later by the leeway; no later entry lowers it."""
    guard = guard_of(jwt_issuer, MemoryState())
    now = jwt_issuer.clock.time()
    token = jwt_issuer.token(claims={"sid": "s1", "iat": now + 20})
    log_out(guard, jwt_issuer, sid="s1", sub=None)
    pack(guard, jwt_issuer)
    assert why(guard, token) == "revoked_session"
    guard.revoke_tokens(issuer=jwt_issuer.url, sid="s1", before=now - 60)
    pack(guard, jwt_issuer, name="y")
    assert why(guard_of(jwt_issuer, guard.state.state), token) == "revoked_session"


def test_a_bound_is_widened_by_what_was_packed_under_that_name_alone() -> None:
    """And by both of its times."""
    revoked = Revocations(1, shared=True)
    entries = [Entry("sub", "i", f"s{n}", 100 + n, 900 + n) for n in range(4)]
    for entry in entries:
        revoked.add(entry, 0)
    again = revoked.add(Entry("sub", "i", "s0", 50, 800), 0)
    assert again == Entry("sub", "i", "s0", 102, 902)
    other = Entry("sub", "i", "other", 50, 800)
    assert revoked.add(other, 0) == other


@pytest.mark.parametrize("claims", [{"sid": "s1"}, {}, {"jti": None}])
def test_packed_revocations_were_forgotten_when_the_state_lost_its_data(
    jwt_issuer: JWTIssuer, claims: dict[str, Any]
) -> None:
    """What a process knows stays revoked: a session, a ``jti``, a token."""
    state = MemoryState()
    guard = guard_of(jwt_issuer, state)
    token, other = jwt_issuer.token(claims=claims), jwt_issuer.token()
    guard.revoke(guard.verify(token))
    pack(guard, jwt_issuer)
    state._values.clear()
    assert why(guard, token).startswith("revoked_")
    assert why(guard, other) == ""


def test_a_subject_may_sign_in_again_although_its_entry_was_packed(
    jwt_issuer: JWTIssuer,
) -> None:
    """The state knows the time; where it has nothing, the entry has ended."""
    state = MemoryState()
    guard = guard_of(jwt_issuer, state)
    old = jwt_issuer.token()
    guard.revoke_tokens(issuer=jwt_issuer.url, subject="alice")
    guard.revoke_tokens(issuer=jwt_issuer.url, client_id="spa")
    pack(guard, jwt_issuer)
    jwt_issuer.clock.advance(60)
    assert why(guard, jwt_issuer.token()) == ""
    assert why(guard, old).startswith("revoked_")
    state._values.clear()
    assert why(guard, jwt_issuer.token()) == ""


@pytest.mark.parametrize("shared", [False, True])
def test_a_step_of_the_clock_ended_revocations(
    jwt_issuer: JWTIssuer, shared: bool
) -> None:
    """A clock that is days ahead is believed when it has been so for an hour."""
    guard = guard_of(jwt_issuer, MemoryState(), 9) if shared else jwt_issuer.guard()
    clock, days = jwt_issuer.clock, 3 * 86400
    tokens = [
        jwt_issuer.token(expires_in=50_000, claims={"sid": "s1"}) for _ in range(3)
    ]
    guard.revoke_tokens(issuer=jwt_issuer.url, sid="s1")
    for token in tokens:
        clock._now += days
        guard.revoke_tokens(issuer=jwt_issuer.url, sid="s2")
        clock._now -= days
        guard.revoke_tokens(issuer=jwt_issuer.url, sid="s2")
        assert why(guard, token) == "revoked_session"
        clock.advance(1700)
    clock._now += days
    held = []
    for sid in ("s3", "s4"):
        guard.revoke_tokens(issuer=jwt_issuer.url, sid=sid)
        held.append(len(guard._flow.revocations))
        clock.advance(3700)
    assert held == [3, 3]  # the first one has ended when the clock is believed


def test_news_that_came_while_the_clock_was_ahead_were_dropped(
    jwt_issuer: JWTIssuer,
) -> None:
    """Also the first ones of a process."""
    state = MemoryState()
    one, two = (guard_of(jwt_issuer, state, 9) for _ in range(2))
    clock, token = jwt_issuer.clock, jwt_issuer.token(claims={"sid": "s1"})
    marks = marks_of(one.verify(token).facts, token)
    one.revoke_tokens(issuer=jwt_issuer.url, sid="s1")
    clock._now += 3 * 86400
    for _, value in state.follow("revocations", "", 0):
        two._flow.revoking.receive(value)
    clock._now -= 3 * 86400
    assert two._flow.revocations.find(marks).reason


HOSTILE = [
    Entry("client", "ISSUER", "{}", 1, 1e14),
    Entry("issuer", "ISSUER", "{}", 1, 1e14),
    Entry("issuer", "https://other.example/{}", "", 1, 1e14),
    Entry("sid", "https://other.example", "{}" + "x" * 3000, 1, 1e14),
    Entry("subject", "ISSUER", "{}" + "x" * 3000, 1, 1e14),
]


@pytest.mark.parametrize("made", HOSTILE, ids=lambda made: f"{made[0]} {made[1][:9]}")
def test_a_stream_of_other_entries_filled_the_list(
    jwt_issuer: JWTIssuer, made: Entry
) -> None:
    """Of whatever kind or issuer: no more are kept whole than the policy says."""
    state = MemoryState()
    guard = guard_of(jwt_issuer, state, limit=20)
    name = jwt_issuer.url if made.issuer == "ISSUER" else made.issuer
    for number in range(300):
        entry = made._replace(
            issuer=name.format(number), value=made.value.format(number)
        )
        guard._flow.revoking.receive(entry.encoded())
    revocations = guard._flow.revocations
    assert len(revocations._recent) + len(revocations._others) <= 20
    assert why(guard, jwt_issuer.token()) == ""


def test_one_long_entry_kept_every_later_packed_one() -> None:
    """Packed entries go when the last of those that are packed with them has ended."""
    revoked = Revocations(1)
    for hour in range(5):
        for number in range(2):
            ends = 1e14 if hour == 0 else 3700.0 * (hour + 1)
            entry = Entry("jti", "i", f"{hour} {number}", 0, ends)
            revoked.add(entry, 3700.0 * hour)
    revoked.add(Entry("jti", "i", "last", 0, 1e9), 3700.0 * 9)
    assert len(revoked._packed) <= 2


GARBAGE: list[bytes] = [
    b"", b"null", b"\xff" * 50, b"[" * 5000, b"9" * 5000, b'[2,"sid","i","s1",1,2]',
    b'[1,"sid","i","s1",1,2,3]', json.dumps([1, "sid", None, "s1", 1, 2]).encode(),
    b'{"1":1,"sid":2,"i":3,"v":4,"5":5,"6":6}', b'[1,"sid","i","s1",1e400,1]',
    b"x" * 1_000_000,
]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda data: repr(data[:16]))
def test_garbage_in_the_state_opens_nothing_and_stops_nothing(
    jwt_issuer: JWTIssuer, garbage: bytes
) -> None:
    """In the stream it is passed over; under the key of an entry it is no pardon."""
    state = MemoryState()
    guard, there = (guard_of(jwt_issuer, state) for _ in range(2))
    token, later = (jwt_issuer.token(claims={"sid": sid}) for sid in ("s1", "s2"))
    assert [why(guard, token), why(there, token)] == ["", ""]
    guard.revoke(guard.verify(token))
    pack(guard, jwt_issuer)
    state.put(key_of("sid", jwt_issuer.url, "s1"), garbage, 600)
    state.append("revocations", garbage, 600)
    guard.revoke(guard.verify(later))
    assert until(lambda: why(there, later) == "revoked_session")
    assert [why(guard, token), why(there, token)] == ["revoked_session"] * 2
