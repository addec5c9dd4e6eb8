"""The attack table for tokens: each row through ``Guard.verify`` and ``averify``."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import pytest

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.core.model.effects import Incoming
from jwtguard.errors import AuthError
from tests.attacks.attacker import (
    ACCEPTED,
    AUDIENCE,
    CLOCK,
    GUARD,
    ONE,
    reason,
)
from tests.attacks.tokens_said import BASE64, SAID, WRITTEN
from tests.attacks.tokens_signed import HEADERS, MIXED, SIGNATURES, Row

TABLE: list[Row] = [*HEADERS, *SIGNATURES, *MIXED, *BASE64, *WRITTEN, *SAID]


def by_name(row: Row) -> str:
    return f"{row[0]} ({row[1]})".encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize("row", TABLE, ids=by_name)
def test_the_token_table(row: Row) -> None:
    """Each attack is refused for its own reason, again and again, on every loop."""
    _, _, token, expected = row
    assert reason(GUARD, token) == expected
    assert reason(GUARD, token) == expected
    for backend in ("asyncio", "trio"):
        assert anyio.run(areason, GUARD, token, backend=backend) == expected


async def areason(guard: Guard, token: str) -> str:
    try:
        await guard.averify(token)
    except AuthError as error:
        return error.reason
    return ACCEPTED


def test_no_attack_makes_the_guard_fetch() -> None:
    """No header names a place where keys are looked for, and garbage costs no I/O."""
    asked: list[str] = []

    def transport(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        asked.append(url)
        return Incoming(200, {}, b'{"keys":[]}')

    issuer = TrustedIssuer(url=ONE, jwks_url=f"{ONE}/jwks")
    policy = Policy(audience=[AUDIENCE], issuers=[issuer], keys_cooldown=3600)
    guard = Guard(policy, clock=CLOCK, transport=transport)
    for _, _, token, _ in TABLE:
        assert reason(guard, token) != ACCEPTED
    assert asked == [f"{ONE}/jwks"]


def test_each_row_is_a_different_attack() -> None:
    """A row that stands twice would make the table look longer than it is."""
    names = [by_name(row) for row in TABLE]
    assert sorted(set(names)) == sorted(names)
    assert len(TABLE) > 250
