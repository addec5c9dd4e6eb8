"""``jwtguard explain --proof``: every fault of a proof, in one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.core.model.decision import Proceed
from jwtguard.core.model.effects import StateUnavailableError
from jwtguard.core.model.request import Request
from jwtguard.inspect.explain_proof import at_url, proof_checks, proof_in
from jwtguard.inspect.explain_request import request_of
from jwtguard.inspect.explain_token import explain, token_in
from jwtguard.inspect.shown import Check
from jwtguard.state import MemoryState
from jwtguard.testing import DPoPKey, JWTIssuer
from tests.core.verify.dpop.proof_support import SECRET, Prover
from tests.core.verify.dpop.test_mutations import MUTATIONS

URL = "https://api.example/notes"
ROWS = ["proof", "jwk", "jkt", "payload", "htm", "htu", "ath", "iat", "signed", "jti"]


class World:
    """A guard, and a client with a key and a bound token."""

    def __init__(self, issuer: JWTIssuer, **settings: Any) -> None:
        given = {"public_url": "https://api.example", **settings}
        self.guard = issuer.guard(**given)
        self.issuer = issuer
        self.key: DPoPKey = issuer.dpop()
        self.token = self.key.token()

    def request(self, proof: str, path: str = "/notes") -> Request:
        return request_of(
            self.guard, self.token, method="GET", path=path, origin="", cookie=False,
            proof=proof,
        )  # fmt: skip

    def explained(self, proof: str | None = None, **more: Any) -> dict[str, Check]:
        sent = self.key.proof("GET", URL, token=self.token) if proof is None else proof
        found = proof_checks(self.guard, self.token, self.request(sent, **more))
        return {one.name: one for one in found}

    def failures(self, proof: str | None = None, **more: Any) -> dict[str, str]:
        found = self.explained(proof, **more)
        return {name: one.reason for name, one in found.items() if not one.passed}


@pytest.fixture
def world(jwt_issuer: JWTIssuer) -> World:
    return World(jwt_issuer)


def test_a_good_proof_has_a_row_for_each_check(world: World) -> None:
    """In the order in which the guard makes them; the last one is not made here."""
    found = world.explained()
    assert list(found) == ROWS
    assert all(one.passed for one in found.values())
    assert "each process remembers" in found["jti"].found


def test_it_goes_on_after_each_fault(world: World) -> None:
    """One run names all that is wrong; the guard would name the first."""
    thief = world.issuer.dpop()
    thief.skew(-900)
    proof = thief.proof("POST", "https://other.example/x", token="x")
    head, body, _ = proof.split(".")
    forged = f"{head}.{body}.{world.key.proof('GET', URL).rpartition('.')[2]}"
    assert world.failures(forged) == {
        "jkt": "dpop_binding",
        "htm": "dpop_method",
        "htu": "dpop_url",
        "ath": "dpop_token_hash",
        "iat": "dpop_time",
        "signed": "dpop_signature",
    }


def test_both_urls_are_shown(world: World) -> None:
    """That of the proof, and that of this API."""
    proof = world.key.proof("GET", "https://internal:8000/notes", token=world.token)
    row = world.explained(proof)["htu"]
    assert "https://internal:8000/notes" in row.found
    assert "https://api.example/notes" in row.found
    assert "JWTGUARD_PUBLIC_URL" in row.hint


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"headers": {"typ": "JWT"}}, {"jwk": "dpop_type"}),
        ({"headers": {"alg": "HS256"}}, {"jwk": "dpop_algorithm"}),
        ({"headers": {"jwk": None}}, {"jwk": "dpop_key"}),
        ({"claims": {"jti": None}}, {"payload": "dpop_malformed"}),
        ({"claims": {"iat": "x"}}, {"payload": "dpop_malformed"}),
        ({"claims": {"htm": "get"}}, {"htm": "dpop_method"}),
        ({"claims": {"ath": "x"}}, {"ath": "dpop_token_hash"}),
    ],
)
def test_each_fault_has_its_row(
    world: World, change: dict[str, Any], failed: dict[str, str]
) -> None:
    """What cannot be read takes the rows with it that would need it, and no others."""
    proof = world.key.proof("GET", URL, token=world.token, **change)
    assert world.failures(proof) == failed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "dpop_malformed"),
        ("a.b", "dpop_malformed"),
        ("a.b.c,a.b.c", "dpop_repeated"),
    ],
)
def test_what_is_no_proof_has_one_row(world: World, text: str, reason: str) -> None:
    """Nothing of it can be read."""
    assert list(world.explained(text)) == ["proof"]
    assert world.failures(text) == {"proof": reason}


def test_a_token_that_is_not_bound_is_named(world: World) -> None:
    """The proof may be good: it is the wrong token for it."""
    world.token = world.issuer.token()
    proof = world.key.proof("GET", URL, token=world.token)
    assert world.failures(proof) == {"jkt": "unbound_token"}
    assert "as `Authorization: Bearer`" in world.explained(proof)["jkt"].hint
    world.token = "no token"
    assert world.failures(world.key.proof("GET", URL, token=world.token)) == {
        "jkt": "unbound_token"
    }


def test_nothing_proposes_a_bearer_token_where_none_is_accepted(
    jwt_issuer: JWTIssuer,
) -> None:
    """With JWTGUARD_DPOP=require it would be refused too."""
    world = World(jwt_issuer, dpop="require")
    world.token = jwt_issuer.token()
    proof = world.key.proof("GET", URL, token=world.token)
    row = world.explained(proof)["jkt"]
    assert row.hint.startswith("request it with a DPoP proof")
    assert "Bearer" not in row.hint


@pytest.mark.parametrize("nonce", ["auto", "require"])
def test_the_row_of_the_time_speaks_of_nonces(
    jwt_issuer: JWTIssuer, nonce: str
) -> None:
    """With nonces, a wrong clock and a missing nonce have the same remedy."""
    world = World(jwt_issuer, dpop_nonce=nonce, secrets=[SECRET])
    world.key.skew(-900)
    row = world.explained()["iat"]
    assert row.reason == "dpop_nonce"
    assert f"JWTGUARD_DPOP_NONCE={nonce}" in row.expected
    proof = world.key.proof("GET", URL, token=world.token, nonce="x")
    assert ", with a nonce" in world.explained(proof)["iat"].found or not row.passed


def test_nothing_is_used_up(world: World) -> None:
    """The client can still send what was explained."""
    proof = world.key.proof("GET", URL, token=world.token)
    for _ in range(2):
        assert world.failures(proof) == {}
    assert isinstance(world.guard.decide(world.request(proof)), Proceed)


class Shared(MemoryState):
    """A store that other processes use too."""

    shared = True
    problem = ""

    def get(self, key: str) -> bytes | None:
        if self.problem:
            raise StateUnavailableError(self.problem)
        return super().get(key)


def shared(jwt_issuer: JWTIssuer, store: Shared, **settings: Any) -> World:
    world = World(jwt_issuer, **settings)
    world.guard = Guard(
        world.guard.policy,
        clock=jwt_issuer.clock,
        transport=jwt_issuer.transport,
        state=store,
    )
    return world


def test_a_shared_state_knows_whether_it_was_used(jwt_issuer: JWTIssuer) -> None:
    """Looking does not use it up; after the request it is known there."""
    world = shared(jwt_issuer, Shared())
    proof = world.key.proof("GET", URL, token=world.token)
    assert "not in Shared" in world.explained(proof)["jti"].found
    assert isinstance(world.guard.decide(world.request(proof)), Proceed)
    assert world.failures(proof) == {"jti": "dpop_replayed"}


def test_a_shared_state_that_is_away_is_named(jwt_issuer: JWTIssuer) -> None:
    """It is not known then, and no fault of the proof."""
    store = Shared()
    world = shared(jwt_issuer, store)
    store.problem = "timed out"
    row = world.explained()["jti"]
    assert row.passed
    assert "timed out" in row.found


def test_without_a_check_of_replays_the_row_says_so(jwt_issuer: JWTIssuer) -> None:
    """``JWTGUARD_DPOP_REPLAYS=0`` is a weaker promise."""
    row = World(jwt_issuer, dpop_replays=0).explained()["jti"]
    assert "JWTGUARD_DPOP_REPLAYS=0" in row.found


@pytest.mark.parametrize(
    ("public", "url", "path"),
    [
        (("https://api.example/v2",), "https://api.example/v2/notes", "/notes"),
        (("https://api.example",), "https://api.example/v2/notes?x", "/v2/notes"),
        ((), "http://localhost:8000/notes", "/notes"),
        ((), "https://api.example", "/"),
        (("https://api.example/v2",), "https://other.example/v2/notes", "/v2/notes"),
    ],
)
def test_a_url_is_what_the_client_called(
    jwt_issuer: JWTIssuer, public: tuple[str, ...], url: str, path: str
) -> None:
    """A proxy takes the prefix of the public URL off, and nothing else."""
    world = World(jwt_issuer, public_url=public)
    proof = world.key.proof("GET", url, token=world.token)
    sent = at_url(world.guard, world.request(proof), url)
    assert sent.path == path
    found = {one.name: one for one in proof_checks(world.guard, world.token, sent)}
    assert found["htu"].passed is not url.startswith("https://other")


@pytest.mark.parametrize("text", ["a.b.c", " a.b.c\n", "DPoP: a.b.c", "dpop:a.b.c"])
def test_a_proof_may_come_with_the_name_of_its_header(text: str) -> None:
    """As it is copied from a log of the client."""
    assert proof_in(text) == "a.b.c"


def test_a_token_may_come_with_its_scheme() -> None:
    """As it stands in ``Authorization``."""
    assert token_in("Authorization: DPoP a.b.c") == token_in("DPoP a.b.c") == "a.b.c"


def test_a_bound_token_alone_is_no_fault(world: World) -> None:
    """It is accepted with a proof; with the scheme off it is refused."""
    rows = {one.name: one for one in explain(world.guard, world.token)}
    assert rows["guard"].passed
    assert "--proof" in rows["guard"].hint
    off = World(world.issuer, dpop="off")
    rows = {one.name: one for one in explain(off.guard, off.token)}
    assert rows["guard"].reason == "bound_token"


@pytest.mark.parametrize(
    ("name", "make", "reason"), MUTATIONS, ids=[one[0] for one in MUTATIONS]
)
def test_explain_and_the_guard_agree(
    jwt_issuer: JWTIssuer, name: str, make: Callable[[Prover], str], reason: str
) -> None:
    """The first row that fails has the reason with which the guard refuses."""
    del name
    house = Prover(jwt_issuer)
    proof = make(house)
    asked = house.asked(proof)
    rows = proof_checks(house.guard, house.bound, asked)
    failed = [one.reason for one in rows if not one.passed]
    assert (failed or [""])[0] == house.reason_of(proof) == reason
