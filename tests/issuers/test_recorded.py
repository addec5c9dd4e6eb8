"""Servers that cannot run here: their documented tokens, signed with a test key."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from jwtguard import Guard, load_policy
from jwtguard.core.model.decision import Proceed
from jwtguard.core.model.effects import Incoming
from jwtguard.core.model.profiles import PROFILES
from jwtguard.core.model.request import Request
from jwtguard.errors import InvalidTokenError, KeysUnavailableError
from tests.issuers import recorded
from tests.issuers.recorded import Shape

KEY = ec.generate_private_key(ec.SECP256R1())
JWK = {**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "k", "use": "sig"}
ONE_OF_EACH = list({shape.server: shape for shape in recorded.ACCESS}.values())
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def signed(shape: Shape, **changes: Any) -> str:
    """Sign the shape with fresh times, and with *changes*; None leaves a claim out."""
    now = int(time.time())
    claims = {**shape.claims, "iat": now, "nbf": now, "exp": now + 300, **changes}
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, KEY, "ES256", headers={"typ": shape.typ, "kid": "k"})


def guard_for(shape: Shape, **changes: str) -> Guard:
    """Return the guard that the shape's guide leads to, with the keys given."""
    settings = {
        "JWTGUARD_ISSUER": shape.issuer,
        "JWTGUARD_AUDIENCE": shape.audience,
        "JWTGUARD_PROFILE": shape.profile,
        "JWTGUARD_CLIENTS": f"{shape.client}=https://www.example.com",
        "JWTGUARD_KEYS": json.dumps({"keys": [JWK]}),
    }
    return Guard(load_policy({**settings, **changes}))


def reason(guard: Guard, token: str) -> str:
    with pytest.raises(InvalidTokenError) as caught:
        guard.verify(token)
    return caught.value.reason


def named(shape: Shape) -> str:
    return f"{shape.server}: {shape.kind}"


@pytest.mark.parametrize("shape", recorded.ACCESS, ids=named)
def test_access_token_is_read(shape: Shape) -> None:
    """Access tokens are accepted, and client, scopes and roles are read."""
    who = guard_for(shape).verify(signed(shape))
    assert who.subject == shape.claims["sub"]
    assert who.issuer == shape.issuer
    assert who.client_id == shape.client
    assert who.scopes == shape.scopes
    assert who.roles == shape.roles


@pytest.mark.parametrize("shape", recorded.REFUSED, ids=named)
def test_sibling_is_refused(shape: Shape) -> None:
    """Documented ID and logout tokens are refused, each with its own reason."""
    assert reason(guard_for(shape), signed(shape)) == shape.reason


@pytest.mark.parametrize("shape", recorded.ACCESS, ids=named)
def test_marked_sibling_is_refused(shape: Shape) -> None:
    """Marked refresh, logout and ID tokens are refused, each with its own reason."""
    guard = guard_for(shape)
    for name in ("typ", "token_use", "type", "token_type"):
        for value in ("Refresh", "refresh", "refresh_token", "Offline"):
            assert reason(guard, signed(shape, **{name: value})) == "refresh_token"
        assert reason(guard, signed(shape, **{name: "Logout"})) == "logout_token"
        assert reason(guard, signed(shape, **{name: "id"})) == "id_token"
    assert reason(guard, signed(shape, events={EVENT: {}})) == "logout_token"


@pytest.mark.parametrize("shape", recorded.ACCESS, ids=named)
def test_token_without_an_end_is_refused(shape: Shape) -> None:
    """Tokens without `exp`, like some refresh tokens, are refused."""
    assert reason(guard_for(shape), signed(shape, exp=None)) == "missing_claim"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("v1.MjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTA", "malformed"),  # Auth0
        ("1.AXoAkoj5", "malformed"),  # Entra: its refresh tokens hold dots too
        ("UbBkzFxu3Yvd5oK6vtcG-4i", "malformed"),  # Okta
        ("eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIn0.x.x.x.x", "encrypted"),  # Cognito
    ],
)
@pytest.mark.parametrize("shape", ONE_OF_EACH, ids=named)
def test_opaque_refresh_token_is_refused(shape: Shape, token: str, why: str) -> None:
    """Opaque and encrypted refresh tokens are refused, and named as such."""
    assert reason(guard_for(shape), token) == why


@pytest.mark.parametrize("shape", recorded.ACCESS, ids=named)
def test_generic_takes_the_token_too(shape: Shape) -> None:
    """`generic` accepts the token, unless it needs the server's own profile."""
    guard = guard_for(shape, JWTGUARD_PROFILE="generic")
    if shape.needs_profile:
        assert reason(guard, signed(shape)) == "not_access_token"
    else:
        assert guard.verify(signed(shape)).subject == shape.claims["sub"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shape", recorded.REFUSED, ids=named)
def test_no_profile_takes_the_sibling(shape: Shape, profile: str) -> None:
    """ID and logout tokens are refused with any profile, even a wrong one."""
    guard = guard_for(shape, JWTGUARD_PROFILE=profile)
    with pytest.raises(InvalidTokenError):
        guard.verify(signed(shape))


OLD, USER = (
    next(s for s in recorded.ACCESS if s.kind.startswith(f"version {n}, for a user"))
    for n in (1, 2)
)
POOL = next(s for s in recorded.ACCESS if s.server == "Amazon Cognito")


@pytest.mark.parametrize("shape", [USER], ids=named)
def test_entra_tenants_are_issuers(shape: Shape, tmp_path: Path) -> None:
    """Each tenant and each version is a separate issuer; others are unknown."""
    user, old = shape, OLD
    config = tmp_path / "jwtguard.toml"
    keys = json.dumps({"keys": [JWK]})
    config.write_text(
        "".join(
            f'[[issuers]]\nurl = "{shape.issuer}"\nprofile = "entra"\n'
            f"audience = \"{shape.audience}\"\nkeys = '{keys}'\n"
            for shape in (old, user)
        )
    )
    guard = Guard(load_policy({"JWTGUARD_CONFIG": str(config)}))
    assert guard.verify(signed(old)).issuer == recorded.V1
    assert guard.verify(signed(user)).issuer == recorded.V2
    other = user.issuer.replace(recorded.TENANT, "00000000-0000-0000-0000-000000000000")
    assert reason(guard, signed(user, iss=other)) == "unknown_issuer"
    # The audience of one version is not that of the other.
    assert reason(guard, signed(user, aud=old.audience)) == "wrong_audience"


@pytest.mark.parametrize("shape", [USER], ids=named)
def test_entra_common_is_refused_as_an_issuer(shape: Shape) -> None:
    """Metadata for all tenants, with a template as issuer, is refused."""
    template = "https://login.microsoftonline.com/{tenantid}/v2.0"
    metadata = {
        "issuer": template,
        "jwks_uri": "https://login.microsoftonline.com/keys",
    }
    policy = load_policy(
        {
            "JWTGUARD_ISSUER": recorded.V2,
            "JWTGUARD_AUDIENCE": "x",
            "JWTGUARD_DISCOVERY_URL": "https://login.microsoftonline.com/common/v2.0"
            "/.well-known/openid-configuration",
        }
    )
    guard = Guard(
        policy, transport=lambda *_: Incoming(200, {}, json.dumps(metadata).encode())
    )
    with pytest.raises(KeysUnavailableError):
        guard.verify(signed(shape))
    assert "{tenantid}" in guard.health()[recorded.V2]["failure"]


@pytest.mark.parametrize("shape", [POOL], ids=named)
def test_cognito_client_is_the_fence(shape: Shape) -> None:
    """Without `aud`, tokens of the pool's other clients are refused by client id."""
    guard = guard_for(shape, JWTGUARD_CLIENTS_ONLY="true")

    def answer(token: str) -> str:
        headers = {"authorization": (f"Bearer {token}",), "host": ("api.example.com",)}
        request = Request(method="GET", path="/", headers=headers, scheme="https")
        decision = guard.decide(request, lambda _: b"")
        return "" if isinstance(decision, Proceed) else decision.reason

    assert answer(signed(shape)) == ""
    assert answer(signed(shape, client_id="another")) == "client_not_listed"
