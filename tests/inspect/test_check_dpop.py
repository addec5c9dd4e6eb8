"""``jwtguard check`` says whether bound tokens keep their promise."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client, Guard
from jwtguard.inspect.check_dpop import dpop_findings
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer

GOOD: dict[str, Any] = {"dpop": "require", "public_url": "https://api.example"}


def found(
    issuer: JWTIssuer, *, shared: bool = True, **settings: Any
) -> list[tuple[str, str]]:
    class Shared(MemoryState):
        """A store that other processes see."""

    guard = Guard(issuer.policy(**settings), clock=issuer.clock, state=Shared())
    guard.state.shared = shared
    return [(one.level, one.text) for one in dpop_findings(guard)]


def test_by_default_there_is_nothing_to_say(jwt_issuer: JWTIssuer) -> None:
    """Bound tokens are accepted, and nobody relies on them."""
    assert found(jwt_issuer) == []


def test_what_is_required_is_told(jwt_issuer: JWTIssuer) -> None:
    """For every token, or for some clients."""
    (good,) = found(jwt_issuer, **GOOD)
    assert good == ("ok", "every token; a proof is good for 60 s, nonces: off")
    clients = (Client(id="b", dpop=True), Client(id="a", dpop=True), Client(id="c"))
    (some,) = found(jwt_issuer, **{**GOOD, "dpop": "accept", "clients": clients})
    assert some == ("ok", "a b; a proof is good for 60 s, nonces: off")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"public_url": ()}, "Host decides the URL"),
        ({"dpop_replays": 0}, "a proof may be used again"),
        ({"shared": False}, "good once in each process"),
        ({"dpop_replay_outage": "allow"}, "accepted in an outage"),
    ],
)
def test_what_weakens_it_is_told(
    jwt_issuer: JWTIssuer, settings: dict[str, Any], text: str
) -> None:
    """Each by itself."""
    _, (level, said) = found(jwt_issuer, **{**GOOD, **settings})
    assert level == "weak"
    assert text in said


@pytest.mark.parametrize(("dpop", "level"), [(False, "note"), (True, "wrong")])
def test_bound_tokens_that_are_switched_off(
    jwt_issuer: JWTIssuer, dpop: bool, level: str
) -> None:
    """A mistake if a client needs them: all of its tokens would be refused."""
    clients = (Client(id="spa", dpop=dpop),)
    (only,) = found(jwt_issuer, dpop="off", clients=clients)
    assert only == (level, "they are refused (JWTGUARD_DPOP=off)")
