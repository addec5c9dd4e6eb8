"""Issuers that are reached by settings alone: the TOML of their guides is used."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from jwtguard import Guard, load_policy
from jwtguard.core.model.effects import Incoming
from jwtguard.errors import InvalidTokenError
from tests.issuers.recorded_settings import SHAPES, Shape

GUIDES = Path(__file__).parents[2] / "docs/issuers"
EC, RSA = (
    ec.generate_private_key(ec.SECP256R1()),
    rsa.generate_private_key(public_exponent=65537, key_size=2048),
)
KEYS: dict[str, Any] = {"ES256": EC, "RS256": RSA}
JWKS = {
    "keys": [
        {**ECAlgorithm.to_jwk(EC.public_key(), as_dict=True), "kid": "ES256"},
        {**RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True), "kid": "RS256"},
    ]
}


def signed(shape: Shape, changes: Mapping[str, Any] | None = None) -> str:
    """Sign the shape with fresh times, and with *changes*; None leaves a claim out."""
    now = int(time.time())
    given = {**shape.claims, "iat": now, "nbf": now, "exp": now + 300}
    given.update(changes or {})
    present = {name: value for name, value in given.items() if value is not None}
    head = {"typ": shape.typ, "kid": shape.alg}
    return jwt.encode(present, KEYS[shape.alg], shape.alg, headers=head)


def answers(url: str, _: Mapping[str, str], __: float) -> Incoming:
    """Answer as the issuer would: metadata at its usual place, and keys."""
    issuer, found, _rest = url.partition("/.well-known/openid-configuration")
    document: Mapping[str, Any] = JWKS
    if found:
        document = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
    return Incoming(200, {}, json.dumps(document).encode())


def guard_for(shape: Shape, tmp_path: Path) -> Guard:
    """Return the guard that the guide leads to: its TOML block, byte for byte."""
    text = (GUIDES / f"{shape.guide}.md").read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    config = tmp_path / "jwtguard.toml"
    config.write_text(blocks[shape.settings], "utf-8")
    return Guard(load_policy({"JWTGUARD_CONFIG": str(config)}), transport=answers)


def named(shape: Shape) -> str:
    return f"{shape.server}: {shape.kind}"


@pytest.mark.parametrize("shape", SHAPES, ids=named)
def test_guide_reads_the_token(shape: Shape, tmp_path: Path) -> None:
    """With the settings of the guide, documented tokens are accepted and read."""
    who = guard_for(shape, tmp_path).verify(signed(shape))
    assert who.subject == shape.subject
    assert who.client_id == shape.client
    assert who.roles == shape.roles


@pytest.mark.parametrize("shape", SHAPES, ids=named)
def test_guide_refuses_others(shape: Shape, tmp_path: Path) -> None:
    """With the settings of the guide, tokens for others and other kinds are refused."""
    guard = guard_for(shape, tmp_path)
    for changes, reason in shape.refused.values():
        with pytest.raises(InvalidTokenError) as caught:
            guard.verify(signed(shape, changes))
        assert caught.value.reason == reason, changes


@pytest.mark.parametrize("shape", SHAPES, ids=named)
def test_guide_refuses_siblings(shape: Shape, tmp_path: Path) -> None:
    """With the settings of the guide, ID, refresh and logout tokens are refused."""
    guard = guard_for(shape, tmp_path)
    siblings: list[dict[str, Any]] = [
        {"token_use": "id"}, {"typ": "Refresh"}, {"events": {}}, {"nonce": "n"},
        {"at_hash": "h"},
    ]  # fmt: skip
    for changes in siblings:
        with pytest.raises(InvalidTokenError):
            guard.verify(signed(shape, changes))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"JWTGUARD_JWKS_URL": "https://inside.example/keys"}, None),
        (
            {"JWTGUARD_DISCOVERY_URL": "https://inside.example/about"},
            "https://inside.example/about",
        ),
    ],
)
@pytest.mark.parametrize("name", ["https://outside.example", "kubernetes/accounts"])
def test_issuer_under_another_name(
    given: dict[str, str], url: str | None, name: str
) -> None:
    """Where ``iss`` is not where the issuer is reached, variables alone say both."""
    asked = []

    def inside(at: str, _: Mapping[str, str], __: float) -> Incoming:
        asked.append(at)
        about = {"issuer": name, "jwks_uri": "https://inside.example/keys"}
        document: Mapping[str, Any] = about if at == url else JWKS
        return Incoming(200, {}, json.dumps(document).encode())

    environ = {"JWTGUARD_ISSUER": name, "JWTGUARD_AUDIENCE": "api", **given}
    guard = Guard(load_policy(environ), transport=inside)
    now = int(time.time())
    claims = {"iss": name, "aud": "api", "sub": "a", "scope": "b", "exp": now + 60}
    token = jwt.encode(claims, EC, "ES256", headers={"kid": "ES256"})
    assert guard.verify(token).issuer == name
    assert asked == [*([url] if url else []), "https://inside.example/keys"]
