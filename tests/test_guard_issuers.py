"""One guard with several issuers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from jwtguard.core.model.effects import (
    Incoming,
)
from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.errors import InvalidTokenError, KeysUnavailableError
from jwtguard.guard import Guard
from jwtguard.testing import FakeClock, JWTIssuer


def two_issuers(clock: FakeClock) -> tuple[JWTIssuer, JWTIssuer, Guard]:
    one = JWTIssuer("https://one.example", alg="ES256", clock=clock)
    two = JWTIssuer("https://two.example", alg="ES256", clock=clock)
    for issuer in (one, two):
        issuer._kid = issuer.published[-1]["kid"] = "same"

    def transport(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        issuer = one if url.startswith(one.url) else two
        return issuer.transport(url, headers, timeout)

    trusted = [TrustedIssuer(url=i.url, audience=i.audience) for i in (one, two)]
    policy = one.policy(issuers=trusted, clients=())
    return one, two, Guard(policy, clock=clock, transport=transport)


def test_one_kid_of_two_issuers_is_two_keys(jwt_clock: FakeClock) -> None:
    """A token of one that claims to be of the other is forged."""
    one, two, guard = two_issuers(jwt_clock)
    assert guard.verify(one.token()).issuer == one.url
    assert guard.verify(two.token()).issuer == two.url
    with pytest.raises(InvalidTokenError, match="bad_signature"):
        guard.verify(one.token(claims={"iss": two.url}))
    assert (one.fetches, two.fetches) == (1, 1)


def test_one_dead_issuer_does_not_stop_another(jwt_clock: FakeClock) -> None:
    """Keys, cooldown and back-off are each issuer's own."""
    one, two, guard = two_issuers(jwt_clock)
    one.down()
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            guard.verify(one.token())
        assert guard.verify(two.token())
    health = guard.health()
    assert (health[one.url]["ready"], health[two.url]["ready"]) == (False, True)
