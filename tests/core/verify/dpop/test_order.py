"""RFC 9449 section 4.3: of two faults, the one that is looked for first is named."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from jwtguard.testing import JWTIssuer
from tests.core.verify.dpop.proof_support import Prover

Fault = Callable[[Prover, dict[str, Any]], None]


def _header(**changed: Any) -> Fault:
    return lambda _, ask: ask["headers"].update(changed)


def _claims(**changed: Any) -> Fault:
    return lambda _, ask: ask["claims"].update(changed)


def _twice(_: Prover, ask: dict[str, Any]) -> None:
    ask["fields"] = 2


def _long(_: Prover, ask: dict[str, Any]) -> None:
    ask["claims"]["more"] = "x" * 8192


def _expired(house: Prover, ask: dict[str, Any]) -> None:
    ask["token"] = house.key.token(expires_in=-100)


def _foreign(house: Prover, ask: dict[str, Any]) -> None:
    ask["key"] = house.issuer.dpop()


def _old(house: Prover, ask: dict[str, Any]) -> None:
    ask["claims"]["iat"] = house.issuer.clock.time() - 100


def _unsigned(_: Prover, ask: dict[str, Any]) -> None:
    ask["signature"] = "A" * 86


def _replayed(_: Prover, ask: dict[str, Any]) -> None:
    ask["claims"]["jti"] = "used"


IN_ORDER: list[tuple[str, Fault]] = [
    ("dpop_repeated", _twice),
    ("dpop_malformed", _long),
    ("expired", _expired),
    ("dpop_type", _header(typ="JWT")),
    ("dpop_algorithm", _header(alg="none")),
    ("dpop_key", _header(jwk={})),
    ("dpop_malformed", _header(crit=["x"])),
    ("dpop_binding", _foreign),
    ("dpop_malformed", _claims(nonce=1)),
    ("dpop_method", _claims(htm="POST")),
    ("dpop_url", _claims(htu="https://evil.example/x")),
    ("dpop_token_hash", _claims(ath="x")),
    ("dpop_time", _old),
    ("dpop_signature", _unsigned),
    ("dpop_replayed", _replayed),
]
"""Every check with the fault that it finds, cheapest first."""


@pytest.fixture(scope="module")
def house() -> Prover:
    made = Prover(JWTIssuer(alg="ES256"))
    made.passes(made.asked(made.proof(claims={"jti": "used"})))
    return made


def _reason(house: Prover, *faults: Fault) -> str:
    ask: dict[str, Any] = {
        "headers": {}, "claims": {}, "fields": 1,
        "token": house.bound, "key": house.key,
    }  # fmt: skip
    for fault in faults:
        fault(house, ask)
    proof = ask["key"].proof(
        "GET", "https://api.example/x",
        token=ask["token"], headers=ask["headers"], claims=ask["claims"],
    )  # fmt: skip
    if "signature" in ask:
        proof = f"{proof.rpartition('.')[0]}.{ask['signature']}"
    fields = (proof,) * ask["fields"]
    return house.reason_of(dpop=fields, authorization=f"DPoP {ask['token']}")


@pytest.mark.parametrize(("reason", "fault"), IN_ORDER)
def test_each_fault_is_found(house: Prover, reason: str, fault: Fault) -> None:
    """Alone, so that the pairs below show an order."""
    assert _reason(house, fault) == reason


@pytest.mark.parametrize(("first", "second"), list(combinations(IN_ORDER, 2)))
def test_of_two_faults_the_earlier_one_is_named(
    house: Prover, first: tuple[str, Fault], second: tuple[str, Fault]
) -> None:
    """In whatever order they were made."""
    assert _reason(house, first[1], second[1]) == first[0]


def test_with_every_fault_the_first_check_decides(house: Prover) -> None:
    """And nothing of the proof is remembered."""
    for n, (reason, _) in enumerate(IN_ORDER):
        left = [fault for _, fault in IN_ORDER[n:] if fault is not _foreign or n < 8]
        assert _reason(house, *left) == reason
