"""RFC 9449 section 11.1: a proof is good once, and what is noted of it is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.core.model.effects import Claim, StateUnavailableError
from jwtguard.core.verify.dpop.replays import PER_KEY, ReplayMemory
from jwtguard.errors import ReplaysUnavailableError
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import request
from tests.core.verify.dpop.proof_support import SECRET, Prover

PERIOD = 90.0


class Shared(MemoryState):
    """A store that other processes see, which may be away."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock=clock.monotonic)
        self.away = False
        self.claimed: list[tuple[str, float]] = []

    def claim(self, key: str, ttl: float) -> bool:
        if self.away:
            raise StateUnavailableError("ConnectionError")
        self.claimed.append((key, ttl))
        return super().claim(key, ttl)


def sharing(house: Prover, state: Shared, **settings: Any) -> Prover:
    """Return another process with the same issuer, client and store."""
    other = object.__new__(Prover)
    other.__dict__.update(house.__dict__)
    other.told = []
    policy = house.issuer.policy(public_url="https://api.example", **settings)
    other.guard = Guard(
        policy,
        clock=house.issuer.clock,
        transport=house.issuer.transport,
        on_event=lambda event, fields: other.told.append({"event": event, **fields}),
        state=state,
    )
    other.passes(request(token=house.token()))
    return other


def test_a_proof_is_good_once(jwt_issuer: JWTIssuer) -> None:
    """At any path to the same URL, until it expires."""
    house = Prover(jwt_issuer)
    proof = house.proof()
    assert house.reason_of(proof) == ""
    for _ in range(3):
        assert house.reason_of(proof) == "dpop_replayed"
    jwt_issuer.clock.advance(60)
    assert house.reason_of(proof) == "dpop_replayed"
    jwt_issuer.clock.advance(1)
    assert house.reason_of(proof) == "dpop_time"


def test_another_key_has_its_own_ids(jwt_issuer: JWTIssuer) -> None:
    """By ``jti`` alone, one client could use up another's."""
    house = Prover(jwt_issuer)
    assert house.reason_of(house.proof(claims={"jti": "1"})) == ""
    assert house.reason_of(house.proof(claims={"jti": "1"})) == "dpop_replayed"
    other = Prover(jwt_issuer)
    house.key, house.bound = other.key, other.bound
    assert house.reason_of(house.proof(claims={"jti": "1"})) == ""


@pytest.mark.parametrize("early", [-30, 0, 30])
def test_it_is_noted_for_as_long_as_it_is_good(
    jwt_issuer: JWTIssuer, early: int
) -> None:
    """From the first to the last second of its window, whenever generations turn."""
    for offset in range(0, 90, 15):
        house = Prover(jwt_issuer)
        jwt_issuer.clock.advance(offset)
        house.key.skew(early)
        proof = house.proof()
        assert house.reason_of(proof) == ""
        for _ in range(60 + early):
            jwt_issuer.clock.advance(1)
            assert house.reason_of(proof) == "dpop_replayed"
        jwt_issuer.clock.advance(1)
        assert house.reason_of(proof) == "dpop_time"


def test_a_refused_proof_is_not_noted(jwt_issuer: JWTIssuer) -> None:
    """A request that was refused for another reason may be repeated."""
    house = Prover(jwt_issuer)
    proof = house.proof(claims={"jti": "1"})
    head, body, _ = proof.split(".")
    assert house.reason_of(f"{head}.{body}.{'A' * 86}") == "dpop_signature"
    other = house.issuer.dpop().token()
    asked = house.asked(proof, authorization=f"DPoP {other}")
    assert house.reason(asked) == (401, "dpop_binding")
    assert len(house.guard._flow.verifier.binding.replays.memory) == 0
    assert house.reason_of(proof) == ""


def test_no_check_if_it_is_switched_off(jwt_issuer: JWTIssuer) -> None:
    """``JWTGUARD_DPOP_REPLAYS=0``, knowingly."""
    house = Prover(jwt_issuer, dpop_replays=0)
    proof = house.proof()
    assert [house.reason_of(proof) for _ in range(3)] == ["", "", ""]


def test_processes_with_one_store_accept_a_proof_once(jwt_issuer: JWTIssuer) -> None:
    """One operation each, on a key that says nothing of the client."""
    state = Shared(jwt_issuer.clock)
    house = Prover(jwt_issuer)
    one, two = sharing(house, state), sharing(house, state)
    proof = house.proof(claims={"jti": "an-id"})
    assert one.reason_of(proof) == ""
    assert two.reason_of(proof) == "dpop_replayed"
    (first, second) = state.claimed
    assert first == second
    key, seconds = first
    assert key.startswith("dpop:")
    assert seconds == 90
    assert len(key) == 27
    assert "an-id" not in key
    assert house.key.thumbprint not in key


@pytest.mark.parametrize(
    ("settings", "proof", "seconds"),
    [({}, {}, 90), ({"dpop_max_age": 5}, {}, 35), ({}, {"early": 30}, 120)],
)
def test_the_store_keeps_it_until_it_expires(
    jwt_issuer: JWTIssuer,
    settings: dict[str, Any],
    proof: dict[str, int],
    seconds: float,
) -> None:
    """At most two minutes with the defaults."""
    state = Shared(jwt_issuer.clock)
    house = Prover(jwt_issuer)
    one = sharing(house, state, **settings)
    house.key.skew(proof.get("early", 0))
    assert one.reason_of(house.proof()) == ""
    assert state.claimed[0][1] == seconds


def test_a_process_whose_clock_is_behind_knows_it_too(jwt_issuer: JWTIssuer) -> None:
    """Else the store would forget a proof that is good by that clock still."""
    state = Shared(jwt_issuer.clock)
    house = Prover(jwt_issuer)
    ahead, behind = sharing(house, state), sharing(house, state)
    proof = house.proof(claims={"iat": int(jwt_issuer.clock.time()) - 59})
    assert ahead.reason_of(proof) == ""
    # Two seconds pass, and the other clock is as much behind.
    state._clock = lambda: jwt_issuer.clock.monotonic() + 2
    assert behind.reason_of(proof) == "dpop_replayed"


def test_at_its_last_moment_it_is_still_noted(jwt_issuer: JWTIssuer) -> None:
    """For a second at least, also where the policy leaves no leeway."""
    state = Shared(jwt_issuer.clock)
    house = Prover(jwt_issuer)
    one = sharing(house, state, leeway=0)
    proof = house.proof()
    jwt_issuer.clock.advance(60)
    assert one.reason_of(proof) == ""
    assert state.claimed[0][1] == 1


def test_without_its_store_a_proof_is_refused(jwt_issuer: JWTIssuer) -> None:
    """503, not 401, as nothing is wrong with the proof; bearer tokens go on."""
    state = Shared(jwt_issuer.clock)
    house = Prover(jwt_issuer)
    one = sharing(house, state)
    state.away = True
    answer = one.refuses(house.asked())
    assert (answer.status, answer.reason) == (503, "state_unavailable")
    fields = dict(answer.headers)
    assert "WWW-Authenticate" not in fields
    assert fields["Retry-After"] == "1"
    assert one.told[-1]["detail"] == "ConnectionError"
    assert one.passes(request(token=house.token()))
    state.away = False
    jwt_issuer.clock.advance(2)
    assert one.reason_of(house.proof()) == ""


def test_an_outage_may_be_passed_over_knowingly(jwt_issuer: JWTIssuer) -> None:
    """With an event, once a minute."""
    state = Shared(jwt_issuer.clock)
    house = Prover(jwt_issuer)
    one = sharing(house, state, dpop_replay_outage="allow")
    state.away = True
    proof = house.proof()
    assert [one.reason_of(proof) for _ in range(3)] == ["", "", ""]
    told = [t for t in one.told if t["event"] == "dpop_replays_unchecked"]
    assert len(told) == 1
    assert told[0]["problem"] == "ConnectionError"
    jwt_issuer.clock.advance(60)
    assert one.reason_of(proof) == ""
    assert len([t for t in one.told if t["event"] == "dpop_replays_unchecked"]) == 2


@pytest.mark.parametrize(("outage", "status"), [("refuse", 503), ("allow", 0)])
def test_a_full_memory_is_an_outage_too(
    jwt_issuer: JWTIssuer, outage: str, status: int
) -> None:
    """What is noted is never forgotten to make room."""
    house = Prover(jwt_issuer, dpop_replays=4, dpop_replay_outage=outage)
    first = house.proof()
    assert [house.reason_of(p) for p in (first, house.proof())] == ["", ""]
    decision = house.decide(house.asked())
    assert getattr(decision, "status", 0) == status
    assert house.reason_of(first) == "dpop_replayed"
    jwt_issuer.clock.advance(180)
    assert house.reason_of() == ""


def test_one_key_cannot_fill_the_memory() -> None:
    """5,000 in a generation; others go on, and so does it in the next one."""
    now = [0.0]
    memory = ReplayMemory(200_000, PERIOD, lambda: now[0])
    for n in range(PER_KEY):
        assert memory.claim("one", b"1%d" % n)
    with pytest.raises(ReplaysUnavailableError) as caught:
        memory.claim("one", b"more")
    assert caught.value.detail == "too many proofs of one key"
    assert memory.claim("two", b"two")
    assert not memory.claim("one", b"11")
    now[0] += PERIOD
    assert not memory.claim("one", b"11")
    assert memory.claim("one", b"more")


def test_a_million_proofs_need_bounded_memory() -> None:
    """Two generations, and refusals in between: nothing else is kept."""
    now = [0.0]
    memory = ReplayMemory(20_000, PERIOD, lambda: now[0])
    largest = refused = 0
    for n in range(1_000_000):
        now[0] += PERIOD / 11_000
        try:
            memory.claim(str(n % 1000), n.to_bytes(16))
        except ReplaysUnavailableError:
            refused += 1
        largest = max(largest, len(memory))
    assert largest <= 20_000
    assert 0 < refused < 200_000
    now[0] += 2 * PERIOD
    assert memory.claim("x", b"x")
    assert len(memory) == 1


def test_the_effect_is_a_value(jwt_issuer: JWTIssuer) -> None:
    """What the driver is asked for can be looked at."""
    house = sharing(Prover(jwt_issuer), Shared(jwt_issuer.clock))
    flow = house.guard._flow.decide(house.asked())
    ask = next(flow)
    while not isinstance(ask, Claim):
        ask = flow.send(None)
    assert ask.key.startswith("dpop:")


def test_a_websocket_claims_once(jwt_issuer: JWTIssuer) -> None:
    """The handshake is the request; by subprotocol as by header."""
    house = Prover(jwt_issuer, secrets=SECRET)
    proof = house.proof(url="wss://api.example/x")
    offered = ("dpop", house.bound, proof)
    asked = request(websocket=True, subprotocols=offered)
    assert house.passes(asked).carrier == "subprotocol"
    assert house.reason(asked) == (401, "dpop_replayed")
    assert house.reason_of(proof) == "dpop_replayed"


def test_the_memory_of_a_child_process_is_its_own(jwt_issuer: JWTIssuer) -> None:
    """A lock that another thread of the parent held is not inherited."""
    house = Prover(jwt_issuer)
    memory = house.guard._flow.verifier.binding.replays.memory
    assert house.reason_of() == ""
    lock = memory._lock
    house.guard.after_fork()
    assert (len(memory), memory._lock is lock) == (0, False)


def test_a_new_policy_forgets_no_proof(jwt_issuer: JWTIssuer) -> None:
    """What one memory knew, its successor knows, with limits of its own."""
    now = [0.0]
    before = ReplayMemory(10, PERIOD, lambda: now[0])
    assert before.claim("k", b"used")
    after = ReplayMemory(4, 2 * PERIOD, lambda: now[0])
    after.take_over(before)
    assert not after.claim("k", b"used")
    assert after.claim("k", b"new")
    with pytest.raises(ReplaysUnavailableError):
        after.claim("k", b"one more")
    now[0] += 3 * PERIOD
    assert not after.claim("k", b"used")
