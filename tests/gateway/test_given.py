"""The guard that a middleware is given."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from jwtguard import ConfigurationError, Guard
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.gateway.given import guard_or_env
from jwtguard.relay import TokenRelay
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware as WSGIGuard

WRONG = "the guard must be a Guard, not Policy: pass Guard(policy)"


def test_a_guard_is_used_as_it_is(jwt_guard: Guard) -> None:
    """The guard that was given is the one that decides."""
    assert guard_or_env(jwt_guard) is jwt_guard


@pytest.mark.parametrize("take", [TokenRelay, lambda policy: WSGIGuard(_wsgi, policy)])
def test_a_policy_is_no_guard(jwt_issuer: JWTIssuer, take: Any) -> None:
    """A policy in place of a guard is an error at once, with the remedy."""
    with pytest.raises(ConfigurationError) as caught:
        take(jwt_issuer.policy())
    assert WRONG in str(caught.value)


def test_an_asgi_application_does_not_start(jwt_issuer: JWTIssuer) -> None:
    """In ASGI it fails the startup, as any other wrong configuration does."""
    wrong: Any = jwt_issuer.policy()
    app = ASGIGuard(Starlette(), wrong)
    with pytest.raises(ConfigurationError) as caught, TestClient(app):
        pass
    assert WRONG in str(caught.value)


def _wsgi(environ: Any, start_response: Any) -> list[bytes]:
    return []


@pytest.mark.parametrize("wrong", ["https://id.example.com", None, {}])
def test_a_guard_is_made_of_a_policy(wrong: Any) -> None:
    """Anything else is a ``TypeError`` that names the ways to make one."""
    with pytest.raises(TypeError, match=r"Guard needs a Policy.*Guard\.from_env\(\)"):
        Guard(wrong)
