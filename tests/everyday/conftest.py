"""The guard of these tests, inside an application or around it."""

from __future__ import annotations

import pytest

from jwtguard import Guard
from jwtguard.testing import JWTIssuer
from tests.everyday.opening_support import Around, inside, outside


@pytest.fixture
def guard(jwt_issuer: JWTIssuer) -> Guard:
    return jwt_issuer.guard()


@pytest.fixture(params=[inside, outside])
def around(request: pytest.FixtureRequest) -> Around:
    found: Around = request.param
    return found
