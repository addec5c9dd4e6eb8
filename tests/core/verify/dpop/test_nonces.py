"""RFC 9449 sections 8 and 9: nonces that carry the server's time, in each mode."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import pytest

from jwtguard.core.model.decision import Proceed, Respond
from jwtguard.core.verify.dpop.nonces import WINDOW, Nonces
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import request
from tests.core.verify.dpop.proof_support import (
    OTHER_SECRET,
    SECRET,
    Prover,
    segment,
)

HOUR = 3600.0


def prover(issuer: JWTIssuer, mode: str | None = None, **settings: Any) -> Prover:
    """Return a house at the beginning of a window."""
    issuer.clock.advance(WINDOW - issuer.clock.time() % WINDOW)
    return Prover(issuer, dpop_nonce=mode, **{"secrets": SECRET, **settings})


def nonce_of(answer: Respond | Proceed) -> str | None:
    """Return the nonce that goes out with an answer."""
    fields = answer.headers if isinstance(answer, Respond) else answer.decoration.fields
    return dict(fields).get("DPoP-Nonce")


def challenged(house: Prover, **proof: Any) -> str:
    """Return the nonce of a challenge, which is the only one of its answer."""
    answer = house.refuses(house.asked(house.proof(**proof)))
    assert (answer.status, answer.reason) == (401, "dpop_nonce")
    names = [name for name, _ in answer.headers]
    assert names.count("WWW-Authenticate") == names.count("DPoP-Nonce") == 1
    found = dict(answer.headers)
    assert found["WWW-Authenticate"].startswith(
        'DPoP realm="api", error="use_dpop_nonce", error_description="'
    )
    assert 'algs="ES256' in found["WWW-Authenticate"]
    assert found["Cache-Control"] == "no-store"
    assert b'"use_dpop_nonce"' in answer.body
    return found["DPoP-Nonce"]


@pytest.mark.parametrize("hours", [-1, 1, -24 * 365, 24 * 365])
def test_a_wrong_client_clock_heals_in_one_retry(
    jwt_issuer: JWTIssuer, hours: int
) -> None:
    """With ``auto``: the nonce then stands for the clock."""
    house = prover(jwt_issuer)
    assert house.guard.policy.dpop_nonce == "auto"
    house.key.skew(hours * HOUR)
    nonce = challenged(house)
    assert house.passes(house.asked(house.proof(nonce=nonce)))


def test_auto_asks_nobody_whose_clock_is_right(jwt_issuer: JWTIssuer) -> None:
    """No retry, and no nonce in the answer."""
    house = prover(jwt_issuer, "auto")
    assert nonce_of(house.passes(house.asked())) is None


def test_require_asks_everybody(jwt_issuer: JWTIssuer) -> None:
    """A proof that was made in advance has no nonce; one with it needs no clock."""
    house = prover(jwt_issuer, "require")
    nonce = challenged(house)
    for _ in range(2):
        assert house.passes(house.asked(house.proof(nonce=nonce)))
    house.key.skew(HOUR)
    assert house.passes(house.asked(house.proof(nonce=nonce)))


@pytest.mark.parametrize("secrets", [(), SECRET])
def test_off_asks_nobody(jwt_issuer: JWTIssuer, secrets: Any) -> None:
    """A wrong clock is refused then, and a nonce is not read."""
    house = prover(jwt_issuer, "off", secrets=secrets)
    assert house.passes(house.asked(house.proof(nonce="anything")))
    house.key.skew(-HOUR)
    answer = house.refuses(house.asked(house.proof(nonce="anything")))
    assert (answer.reason, nonce_of(answer)) == ("dpop_time", None)


def test_without_secrets_there_are_no_nonces(jwt_issuer: JWTIssuer) -> None:
    """The default, so that two processes never lead a client in circles."""
    assert Prover(jwt_issuer).guard.policy.dpop_nonce == "off"


@pytest.mark.parametrize("mode", ["auto", "require"])
@pytest.mark.parametrize(
    "nonce",
    [
        "", "x", "A" * 32, "!", "\u00e9", "a.b", "x" * 5000,
        Nonces([OTHER_SECRET]).make(1_800_000_000),
    ],
)  # fmt: skip
def test_a_foreign_nonce_gets_one_of_ours(
    jwt_issuer: JWTIssuer, mode: str, nonce: str
) -> None:
    """Whatever the clock says: a nonce that is there has to be good."""
    house = prover(jwt_issuer, mode)
    assert house.passes(house.asked(house.proof(nonce=challenged(house, nonce=nonce))))


@pytest.mark.parametrize("change", range(24))
def test_each_byte_of_a_nonce_counts(jwt_issuer: JWTIssuer, change: int) -> None:
    """The number of the window and its HMAC."""
    house = prover(jwt_issuer)
    nonces = house.guard._flow.verifier.binding.proofs.freshness.nonces
    assert nonces is not None
    made = nonces.make(jwt_issuer.clock.time())
    good = bytearray(urlsafe_b64decode(made))
    good[change] ^= 1
    challenged(house, nonce=segment(bytes(good)))
    challenged(house, nonce=made[:-1])
    challenged(house, nonce=made + "A")


def test_a_nonce_lives_for_two_windows(jwt_issuer: JWTIssuer) -> None:
    """In the second one, answers have the next nonce; afterwards it is refused."""
    house = prover(jwt_issuer, "require")
    nonce = challenged(house)
    assert nonce_of(house.passes(house.asked(house.proof(nonce=nonce)))) is None
    jwt_issuer.clock.advance(WINDOW)
    answer = house.passes(house.asked(house.proof(nonce=nonce)))
    newer = nonce_of(answer)
    assert newer not in (None, nonce)
    assert answer.decoration.private  # no cache keeps a nonce
    assert nonce_of(house.passes(house.asked(house.proof(nonce=newer)))) is None
    jwt_issuer.clock.advance(WINDOW - 1)
    assert house.passes(house.asked(house.proof(nonce=nonce)))
    jwt_issuer.clock.advance(1)
    assert challenged(house, nonce=nonce) != newer


def test_two_nodes_know_each_others_nonces(jwt_issuer: JWTIssuer) -> None:
    """Also while secrets are replaced, and if one clock is a window ahead."""
    one = prover(jwt_issuer, "require")
    two = Prover(jwt_issuer, dpop_nonce="require", secrets=(OTHER_SECRET, SECRET))
    nonce = challenged(one)
    two.key, two.bound = one.key, one.bound
    assert two.passes(two.asked(two.proof(nonce=nonce)))
    challenged(one, nonce=challenged(two))  # the other one does not know its secret
    jwt_issuer.clock.advance(WINDOW)
    ahead = challenged(one)
    jwt_issuer.clock.advance(-WINDOW)
    assert two.passes(two.asked(two.proof(nonce=ahead)))
    jwt_issuer.clock.advance(-20)  # the token is from the future by less than leeway
    challenged(two, nonce=ahead)


def test_a_used_nonce_is_no_used_proof(jwt_issuer: JWTIssuer) -> None:
    """A nonce is good for many proofs, and each proof once."""
    house = prover(jwt_issuer, "require")
    proof = house.proof(nonce=challenged(house))
    assert house.reason_of(proof) == ""
    assert house.reason_of(proof) == "dpop_replayed"


def test_an_expired_nonce_leaves_no_second_life_to_its_proof(
    jwt_issuer: JWTIssuer,
) -> None:
    """When ``iat`` of a fast clock is the present at last, the proof is refused."""
    house = prover(jwt_issuer)
    house.bound = house.key.token(expires_in=3 * HOUR)
    house.key.skew(HOUR)
    proof = house.proof(nonce=challenged(house))
    assert house.reason_of(proof) == ""
    jwt_issuer.clock.advance(HOUR)
    assert house.reason_of(proof) == "dpop_nonce"


def test_a_refusal_for_another_reason_asks_for_no_nonce(jwt_issuer: JWTIssuer) -> None:
    """A stranger who sends rubbish learns nothing to go on with."""
    house = prover(jwt_issuer, "require")
    for asked in (
        request(),
        request(token="x"),
        house.asked("x"),
        house.asked(house.proof(method="POST")),
    ):
        assert nonce_of(house.refuses(asked)) is None
