"""What all tests share: how hard hypothesis tries, and tokens with any content."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode

from jwtguard.testing import FakeClock, JWTIssuer

settings.register_profile(
    "quick",
    max_examples=200,
    deadline=None,
    # Fixtures here hold keys and clocks that no example changes.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("quick"), derandomize=True)
# For mutation testing, where the same tests run thousands of times.
settings.register_profile(
    "swift", settings.get_profile("quick"), max_examples=20, derandomize=True
)
settings.load_profile("ci" if os.environ.get("CI") else "quick")

Sign = Callable[..., str]
LOGGERS = [logging.getLogger(), logging.getLogger("jwtguard")]
LEVELS = [logger.level for logger in LOGGERS]


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Undo what frameworks and pages do to loggers: what is logged costs memory."""
    handlers = [list(logger.handlers) for logger in LOGGERS]
    yield
    for logger, level, before in zip(LOGGERS, LEVELS, handlers, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = before


@pytest.fixture
def jwt_issuer(jwt_clock: FakeClock) -> JWTIssuer:
    """An issuer whose keys are quick to make."""
    return JWTIssuer(alg="ES256", clock=jwt_clock)


@pytest.fixture
def sign(jwt_issuer: JWTIssuer) -> Sign:
    """Sign any header and payload, bytes or JSON, with the issuer's published key."""

    def signed(payload: Any = None, header: Any = None, **changes: Any) -> str:
        now = jwt_issuer.clock.time()
        claims = {
            "iss": jwt_issuer.url,
            "sub": "alice",
            "aud": jwt_issuer.audience,
            "client_id": "spa",
            "scope": "notes:read",
            "exp": int(now) + 300,
            **changes,
        }
        head = {"alg": "ES256", "kid": jwt_issuer.published[-1]["kid"]}
        first = _bytes(head if header is None else header)
        second = _bytes(claims if payload is None else payload)
        body = base64url_encode(first) + b"." + base64url_encode(second)
        private = jwt_issuer._private
        signature = ECAlgorithm(ECAlgorithm.SHA256).sign(body, private)  # type: ignore[arg-type]
        return (body + b"." + base64url_encode(signature)).decode()

    return signed


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()
