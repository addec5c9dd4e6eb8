"""A site with sessions."""

from __future__ import annotations

import pytest

from jwtguard.testing import JWTIssuer
from tests.session_support import Site


@pytest.fixture
def site(jwt_issuer: JWTIssuer) -> Site:
    """A site whose sessions are in the cookie."""
    return Site(jwt_issuer)
