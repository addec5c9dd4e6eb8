"""An issuer and a key cache on a clock that tests set."""

from __future__ import annotations

import pytest

from jwtguard.core.model.issuers import TrustedIssuer
from jwtguard.core.verify.keys import KeyCache
from jwtguard.testing import FakeClock, JWTIssuer
from tests.core.verify.keys_support import ISSUER, JWKS_URL, MakeCache, Network, Told


@pytest.fixture
def clock() -> FakeClock:
    """Time, in our hands."""
    return FakeClock()


@pytest.fixture
def issuer(clock: FakeClock) -> JWTIssuer:
    """An issuer with one EC key."""
    return JWTIssuer(alg="ES256", clock=clock)


@pytest.fixture
def network(issuer: JWTIssuer) -> Network:
    """The way to it."""
    return Network(issuer)


@pytest.fixture
def told() -> Told:
    """What was emitted."""
    return Told()


@pytest.fixture
def make(clock: FakeClock, told: Told) -> MakeCache:
    """Make a cache without jitter: refresh at 90 % of the age, back-off in full."""

    def made(trusted: TrustedIssuer | None = None, **ages: float) -> KeyCache:
        return KeyCache(
            trusted or TrustedIssuer(url=ISSUER, jwks_url=JWKS_URL),
            clock.monotonic,
            emit=told,
            jitter=lambda: 0.0,
            **ages,  # type: ignore[arg-type]
        )

    return made
