"""The same promises of sessions in the cookie and in the shared state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jwtguard.testing import JWTIssuer
from tests.session_support import Shared, Site
from tests.waiting import HANG


@pytest.fixture(params=["cookie", "state"])
def site(request: pytest.FixtureRequest, jwt_issuer: JWTIssuer) -> Iterator[Site]:
    """A site that several workers serve, by either store."""
    state = Shared()
    made = Site(
        jwt_issuer, state=state, session_store=request.param, state_timeout=HANG
    )
    yield made
    made.server.open.set()
