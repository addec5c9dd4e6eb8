"""RFC 9449 section 4.2: headers of proofs, and what is remembered of good ones."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from jwtguard.core.verify.dpop.headers import REMEMBERED, ProofHeader, ProofHeaders
from jwtguard.errors import InvalidProofError
from jwtguard.testing import JWTIssuer
from tests.core.verify.dpop.proof_support import Prover


def of(house: Prover) -> ProofHeaders:
    """Return what the guard of *house* remembers."""
    found: ProofHeaders = house.guard._flow.verifier.binding.proofs.headers
    return found


def test_the_header_of_a_good_proof_is_remembered(jwt_issuer: JWTIssuer) -> None:
    """So the key is imported once, and the next proof costs one signature check."""
    house = Prover(jwt_issuer)
    first, second = house.proof(), house.proof()
    head = first.partition(".")[0]
    assert second.startswith(f"{head}.")
    assert house.reason_of(first) == ""
    known = of(house).read(head)
    assert house.reason_of(second) == ""
    assert of(house).read(head) is known
    assert known.jkt == house.key.thumbprint


def test_that_of_a_bad_proof_is_not(jwt_issuer: JWTIssuer) -> None:
    """Whoever holds no token and no key takes no room."""
    house = Prover(jwt_issuer)
    head, body, _ = house.proof().split(".")
    for proof in (f"{head}.{body}.AAAA", house.proof(method="POST")):
        assert house.reason_of(proof)
    assert of(house).read(head) is not of(house).read(head)


def test_a_remembered_header_proves_nothing(jwt_issuer: JWTIssuer) -> None:
    """Each proof is signed anew, and its key is compared with that of each token."""
    house = Prover(jwt_issuer)
    assert house.reason_of() == ""
    head, body, _ = house.proof().split(".")
    assert house.reason_of(f"{head}.{body}.{'A' * 86}") == "dpop_signature"
    other = house.issuer.dpop().token()
    stolen = house.asked(house.proof(token=other), authorization=f"DPoP {other}")
    assert house.reason(stolen) == (401, "dpop_binding")


def test_a_remembered_token_never_skips_the_proof(jwt_issuer: JWTIssuer) -> None:
    """Token and header are known: each request is still proved by itself."""
    house = Prover(jwt_issuer)
    assert house.reason_of() == ""
    assert house.reason(house.asked(dpop=None)) == (401, "dpop_missing")
    assert house.reason_of(house.proof(method="POST")) == "dpop_method"
    bearer = house.asked(authorization=f"Bearer {house.bound}")
    assert house.reason(bearer) == (401, "bound_token_as_bearer")


def test_what_is_remembered_is_bounded(jwt_issuer: JWTIssuer) -> None:
    """Two generations; one that is used goes on, the others are dropped."""
    house = Prover(jwt_issuer)
    head = house.proof().partition(".")[0]
    headers = ProofHeaders(["ES256"])
    known = headers.read(head)
    names = map(str, count())
    headers.remember(head, known)
    for _ in range(4 * REMEMBERED):
        headers.remember(next(names), known)
    assert len(headers._recent) + len(headers._older) <= 2 * REMEMBERED
    assert headers.read(head) is not known
    headers.remember("x" * 2049, known)
    with pytest.raises(InvalidProofError):
        headers.read("x" * 2049)


def test_what_is_in_use_is_kept(jwt_issuer: JWTIssuer) -> None:
    """A busy client is not forgotten because many others come."""
    house = Prover(jwt_issuer)
    head = house.proof().partition(".")[0]
    headers = ProofHeaders(["ES256"])
    known: Any = headers.read(head)
    headers.remember(head, known)
    for n in range(4 * REMEMBERED):
        headers.remember(head, headers.read(head))
        headers.remember(str(n), known)
    assert isinstance(headers.read(head), ProofHeader)
    assert headers.read(head) is known
