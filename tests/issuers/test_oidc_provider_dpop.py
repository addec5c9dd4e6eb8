"""DPoP at the real oidc-provider: issuer and API both ask for nonces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from jwtguard.testing import DPoPKey
from tests.issuers.examples import AUDIENCE, PASSWORD, SCOPE, WWW, Examples, examples
from tests.issuers.proving import new_key
from tests.issuers.test_oidc_provider import CLIENTS, Provider, missing

SERVER = "oidc-provider"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]
LOGIN = {
    "grant_type": "password",
    "client_id": "spa",
    "username": "alice",
    "password": PASSWORD,
    "scope": SCOPE,
    "resource": AUDIENCE,
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider whose proofs need a nonce."""
    server = Provider(tmp_path_factory.mktemp("oidc-provider"), CLIENTS, word="nonce")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def place(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    """Both examples; the API asks for nonces of its own."""
    api = {
        "JWTGUARD_CLIENTS": f"spa={WWW}",
        "JWTGUARD_DPOP_NONCE": "require",
        "JWTGUARD_SECRETS": "dGhpcyBpcyBhIHNlY3JldCBmb3IgdGVzdHMgb25seSwgcmFuZG9t",
    }
    folder = tmp_path_factory.mktemp("examples")
    with examples(folder, provider.url, api=api) as found:
        yield found


@pytest.fixture
def key() -> DPoPKey:
    return new_key()


def ask(
    provider: Provider, key: DPoPKey, nonce: str | None = None, **form: str
) -> httpx.Response:
    """Send a token request with a proof; without *form* it is alice's sign-in."""
    url = f"{provider.url}/token"
    headers = {"DPoP": key.proof("POST", url, nonce=nonce)}
    form = form or LOGIN
    return httpx.post(url, data=form, headers=headers, trust_env=False, timeout=30)


def bound(provider: Provider, key: DPoPKey, **form: str) -> dict[str, Any]:
    """Ask as a client does: the nonce is in the first answer."""
    nonce = ask(provider, key, **form).headers["DPoP-Nonce"]
    answer = ask(provider, key, nonce, **form)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["token_type"] == "DPoP"
    return found


def call(place: Examples, key: DPoPKey, token: str, nonce: str | None) -> Any:
    """Call the API with *token* and a new proof."""
    url = place.url("flask")
    sent = key.headers("GET", url, token, nonce=nonce)
    return httpx.get(url, headers=sent, trust_env=False, timeout=30)


def test_the_issuer_asks_for_a_nonce(provider: Provider, key: DPoPKey) -> None:
    """A proof at the token endpoint binds access token and refresh token to its key."""
    first = ask(provider, key)
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    tokens = bound(provider, key)
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": key.thumbprint}
    form = {
        "grant_type": "refresh_token",
        "client_id": "spa",
        "refresh_token": tokens["refresh_token"],
    }
    thief = new_key()
    nonce = ask(provider, thief, **form).headers["DPoP-Nonce"]
    refused = ask(provider, thief, nonce, **form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert bound(provider, key, **form)["access_token"] != tokens["access_token"]


def test_a_bound_token_with_a_nonce(
    provider: Provider, place: Examples, key: DPoPKey
) -> None:
    """Bound tokens are accepted after one retry with the API's nonce."""
    token = bound(provider, key)["access_token"]
    first = call(place, key, token, None)
    assert first.status_code == 401
    (challenge,) = first.headers.get_list("WWW-Authenticate")
    assert challenge.startswith("DPoP ")
    assert 'error="use_dpop_nonce"' in challenge
    nonce = first.headers["DPoP-Nonce"]
    for _ in range(2):
        assert call(place, key, token, nonce).status_code == 200


def test_a_stolen_bound_token(
    provider: Provider, place: Examples, key: DPoPKey
) -> None:
    """Bound tokens are refused as bearer tokens, with another key or an old proof."""
    token, url = bound(provider, key)["access_token"], place.url("flask")
    nonce = call(place, key, token, None).headers["DPoP-Nonce"]
    assert place.ask("flask", token).status_code == 401
    stolen = call(place, new_key(), token, nonce)
    assert (stolen.status_code, stolen.json()["error"]) == (401, "invalid_token")
    sent = key.headers("GET", url, token, nonce=nonce)
    assert httpx.get(url, headers=sent, trust_env=False).status_code == 200
    again = httpx.get(url, headers=sent, trust_env=False)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_dpop_proof")


def test_a_wrong_clock(provider: Provider, place: Examples, key: DPoPKey) -> None:
    """A client whose clock is wrong by an hour is accepted after one retry."""
    token = bound(provider, key)["access_token"]
    key.skew(-3600)
    nonce = call(place, key, token, None).headers["DPoP-Nonce"]
    assert call(place, key, token, nonce).status_code == 200
