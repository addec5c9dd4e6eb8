"""An issuer for the guards in front of applications whose routes are listed."""

from __future__ import annotations

import pytest

from jwtguard.testing import JWTIssuer


@pytest.fixture
def issuer() -> JWTIssuer:
    """An issuer whose keys are quick to make."""
    return JWTIssuer(alg="ES256")
