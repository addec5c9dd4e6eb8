"""The guards that tests of the flow share."""

from __future__ import annotations

import pytest

from jwtguard.testing import JWTIssuer
from tests.core.flow_support import API, House


@pytest.fixture
def house(jwt_issuer: JWTIssuer) -> House:
    return House(jwt_issuer)


@pytest.fixture
def cookies(jwt_issuer: JWTIssuer) -> House:
    return House(
        jwt_issuer,
        cookie="token",
        public_paths=("/login",),
        optional_paths=("/home",),
        public_url=(f"https://{API}",),
    )
