"""``require_acr`` and ``require_fresh`` in every framework (RFC 9470)."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard.testing import FakeClock, JWTIssuer
from tests.everyday.apps import APPS, Send

CODE = "insufficient_user_authentication"


@pytest.fixture(params=APPS)
def world(request: pytest.FixtureRequest) -> Any:
    return APPS[request.param]


def asked(send: Send, issuer: JWTIssuer, scope: str = "", **claims: Any) -> Any:
    return send("GET", "/x", headers=issuer.headers(scope=scope, claims=claims))


def test_each_of_the_accepted_acr_passes(world: Any, jwt_issuer: JWTIssuer) -> None:
    """Any other, and none, is told what to ask for."""
    send = world(jwt_issuer.guard(), lambda of: of.require_acr("mfa", "otp"), [])
    for acr in ("mfa", "otp"):
        assert asked(send, jwt_issuer, acr=acr).status_code == 200
    for wrong in (None, "pwd", ["mfa"], "mfa otp"):
        refused = asked(send, jwt_issuer, acr=wrong)
        assert refused.status_code == 401
        assert refused.json() == {
            "error": CODE,
            "error_description": "A stronger login is needed",
            "acr_values": "mfa otp",
        }
        assert refused.headers["www-authenticate"] == (
            f'Bearer realm="api", error="{CODE}", '
            'error_description="A stronger login is needed", acr_values="mfa otp"'
        )
        assert refused.headers["cache-control"] == "no-store"


def test_a_login_grows_too_old(
    world: Any, jwt_issuer: JWTIssuer, jwt_clock: FakeClock
) -> None:
    """While the very same token stays good; ``max_age`` is a number in the body."""
    now = jwt_clock.time()
    guard = jwt_issuer.guard(leeway=10)
    send = world(guard, lambda of: of.require_fresh(300), [])
    token = jwt_issuer.headers(expires_in=9999, claims={"auth_time": now})
    assert send("GET", "/x", headers=token).status_code == 200
    jwt_clock.advance(309)
    assert send("GET", "/x", headers=token).status_code == 200
    jwt_clock.advance(2)
    refused = send("GET", "/x", headers=token)
    assert (refused.status_code, refused.json()["max_age"]) == (401, 300)
    assert 'max_age="300"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize("value", [None, "1", True])
def test_without_auth_time_nothing_is_fresh(
    world: Any, jwt_issuer: JWTIssuer, value: object
) -> None:
    """Whatever ``iat`` says: a refreshed token has a young one."""
    send = world(jwt_issuer.guard(), lambda of: of.require_fresh(300), [])
    assert asked(send, jwt_issuer, auth_time=value).json()["error"] == CODE


def test_a_login_in_the_future_is_a_bad_token(
    world: Any, jwt_issuer: JWTIssuer
) -> None:
    """Beyond the leeway, no clock can be that wrong."""
    send = world(jwt_issuer.guard(), lambda of: of.require_fresh(300), [])
    refused = asked(send, jwt_issuer, auth_time=jwt_issuer.clock.time() + 99)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")


def test_scope_is_asked_for_first(world: Any, jwt_issuer: JWTIssuer) -> None:
    """If its decorator is the outer one: 403, and no login in vain."""

    def stacked(of: Any) -> Any:
        return lambda handler: of.require_scope("pay")(
            of.require_acr("mfa")(of.require_fresh(60)(handler))
        )

    send = world(jwt_issuer.guard(), stacked, [])
    now = jwt_issuer.clock.time()
    assert asked(send, jwt_issuer).status_code == 403
    assert "acr_values" in asked(send, jwt_issuer, "pay").json()
    assert "max_age" in asked(send, jwt_issuer, "pay", acr="mfa").json()
    good = asked(send, jwt_issuer, "pay", acr="mfa", auth_time=now)
    assert good.status_code == 200
