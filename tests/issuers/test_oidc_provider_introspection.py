"""Opaque tokens of the certified oidc-provider, which is asked about them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from jwt.algorithms import ECAlgorithm

from jwtguard import Guard
from jwtguard.core.introspect.answers import media_type
from jwtguard.core.introspect.client import SIGNED_TYPE, IntrospectionClient
from jwtguard.errors import IntrospectionUnavailableError
from jwtguard.inspect.check_introspection import introspection_findings
from jwtguard.outside.http import HTTPClient
from jwtguard.settings import load_policy
from tests.issuers.asking import reason, verified
from tests.issuers.examples import AUDIENCE, SCOPE
from tests.issuers.test_oidc_provider import Provider, pytestmark

__all__ = ["pytestmark"]

SERVER = "oidc-provider"
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
JWK = {**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "alg": "ES256"}
API = {"grant_types": [], "response_types": [], "client_secret": "of-the-api"}
CLIENTS: dict[str, dict[str, Any]] = {
    "spa": {"alg": "RS256", "origins": [], "format": "opaque"},
    "basic": {"metadata": {**API, "token_endpoint_auth_method": "client_secret_basic"}},
    "post": {"metadata": {**API, "token_endpoint_auth_method": "client_secret_post"}},
    "signs": {
        "metadata": {
            "grant_types": [], "response_types": [], "jwks": {"keys": [JWK]},
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
        }
    },
    "signed": {
        "metadata": {
            **API, "token_endpoint_auth_method": "client_secret_basic",
            "introspection_signed_response_alg": "RS256",
        }
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    found = Provider(tmp_path_factory.mktemp("oidc-provider"), CLIENTS)
    try:
        yield found
    finally:
        found.stop()


def guard_for(provider: Provider, client: str = "basic", **settings: str) -> Guard:
    environ = {
        "ISSUER": provider.url, "AUDIENCE": AUDIENCE, "INTROSPECT": "opaque",
        "INTROSPECT_CLIENT_ID": client,
        "INTROSPECT_AUTH": "post" if client == "post" else "",
        "INTROSPECT_KEY" if client == "signs" else "INTROSPECT_CLIENT_SECRET": (
            PEM if client == "signs" else "of-the-api"
        ),
        **settings,
    }  # fmt: skip
    return Guard(load_policy({f"JWTGUARD_{k}": v for k, v in environ.items() if v}))


def tokens(provider: Provider, **form: str) -> dict[str, str]:
    asked = {
        "grant_type": "password", "client_id": "spa", "username": "alice",
        "password": "wonderland", "scope": SCOPE, "resource": AUDIENCE, **form,
    }  # fmt: skip
    answer = httpx.post(
        f"{provider.url}/token",
        data={name: value for name, value in asked.items() if value},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def unavailable(guard: Guard, token: str) -> None:
    with pytest.raises(IntrospectionUnavailableError):
        guard.verify(token)


@pytest.mark.parametrize("client", ["basic", "post", "signs", "signed"])
def test_opaque_token(provider: Provider, client: str) -> None:
    """Opaque tokens are introspected, with each way of client authentication."""
    token = tokens(provider)["access_token"]
    assert "." not in token
    who = verified(guard_for(provider, client), token)
    assert (who.subject, who.client_id) == ("alice", "spa")
    assert "notes:read" in who.scopes
    assert who.claims["aud"] == AUDIENCE


def test_signed_answer(provider: Provider) -> None:
    """Signed answers (RFC 9701) are asked for and verified."""
    guard, token = guard_for(provider, "signed"), tokens(provider)["access_token"]
    (issuer,) = guard.policy.issuers
    client = IntrospectionClient(issuer, time.time, secrets.token_bytes)
    asked = client.outgoing(f"{provider.url}/token/introspection", token)
    assert media_type(HTTPClient()(asked)) == SIGNED_TYPE
    assert verified(guard, token).subject == "alice"
    other = guard_for(provider, "signed", AUDIENCE="https://other.example.com")
    assert reason(other, token) == "wrong_audience"


def test_ended_token(provider: Provider) -> None:
    """Tokens that were revoked, made up or changed are refused."""
    guard = guard_for(provider, INTROSPECT_TTL="1")
    token = tokens(provider)["access_token"]
    httpx.post(
        f"{provider.url}/token/revocation",
        data={"token": token, "client_id": "spa"},
        trust_env=False,
    ).raise_for_status()
    assert reason(guard, token) == "inactive"
    assert reason(guard, "made-up") == "inactive"


def test_other_audience(provider: Provider) -> None:
    """Opaque tokens for another API, or for none, are refused."""
    other = tokens(provider, resource="https://other.example.com")["access_token"]
    assert reason(guard_for(provider), other) == "wrong_audience"
    bare = tokens(provider, resource="")["access_token"]
    assert reason(guard_for(provider), bare) == "missing_claim"
    assert verified(guard_for(provider, AUDIENCE="unchecked"), bare).subject == "alice"


def test_opaque_refresh_token(provider: Provider, tmp_path: Any) -> None:
    """Refresh tokens, which the endpoint calls active, are refused."""
    token = tokens(provider)["refresh_token"]
    config = tmp_path / "jwtguard.toml"
    config.write_text(
        f'audience = "unchecked"\n[[issuers]]\nurl = "{provider.url}"\n'
        'introspect = "opaque"\nintrospect_client_id = "basic"\n'
        'introspect_client_secret = "of-the-api"\nrequire = ["iss", "token_type"]\n'
    )
    guard = Guard(load_policy({"JWTGUARD_CONFIG": str(config)}))
    assert reason(guard, token) == "missing_claim"
    assert verified(guard, tokens(provider)["access_token"]).subject == "alice"


def test_wrong_credentials(provider: Provider) -> None:
    """Wrong credentials of the API are reported, and refuse no token as invalid."""
    guard = guard_for(provider, INTROSPECT_CLIENT_SECRET="wrong")
    token = tokens(provider)["access_token"]
    unavailable(guard, token)
    last = list(introspection_findings(guard, probe=True))[-1]
    assert last.level == "wrong"
    assert "invalid_client" in last.text
    good = list(introspection_findings(guard_for(provider), probe=True))[-1]
    assert good.level == "ok"
