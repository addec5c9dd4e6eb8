"""The applications of these tests."""

from __future__ import annotations

import pytest

from jwtguard.testing import JWTIssuer
from tests.dialect.apps import WORLDS, World


@pytest.fixture(params=WORLDS.values(), ids=list(WORLDS))
def world(request: pytest.FixtureRequest, jwt_issuer: JWTIssuer) -> World:
    """Each framework and each position of the guard."""
    return World(request.param, jwt_issuer)
