"""DPoP at the real Keycloak: what its tokens look like, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from jwtguard.testing import DPoPKey
from tests.issuers.examples import PASSWORD, SCOPE, WWW, Examples, examples
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.proving import new_key

SERVER = "Keycloak"
missing = dist.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


@pytest.fixture
def key() -> DPoPKey:
    return new_key()


def endpoint(keycloak: Keycloak) -> str:
    return f"{keycloak.issuer()}/protocol/openid-connect/token"


def ask(keycloak: Keycloak, proof: str | None, **form: str) -> httpx.Response:
    """Send a token request; without *form* it is alice's sign-in."""
    login = {"grant_type": "password", "username": "alice", "password": PASSWORD}
    data = {"client_id": "spa", "scope": SCOPE, **(form or login)}
    headers = {} if proof is None else {"DPoP": proof}
    url = endpoint(keycloak)
    return httpx.post(url, data=data, headers=headers, trust_env=False, timeout=30)


def bound(keycloak: Keycloak, key: DPoPKey) -> dict[str, Any]:
    answer = ask(keycloak, key.proof("POST", endpoint(keycloak)))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["token_type"] == "DPoP"
    return found


def test_a_proof_binds_the_tokens_of_the_password_grant(
    keycloak: Keycloak, key: DPoPKey
) -> None:
    """A DPoP proof binds the tokens of the password grant, with `typ` `DPoP`."""
    token = bound(keycloak, key)["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["typ"] == "DPoP"
    assert claims["cnf"] == {"jkt": key.thumbprint, "kc-jkt-type": "DPoP"}


def test_the_refresh_token_is_bound_too(keycloak: Keycloak, key: DPoPKey) -> None:
    """A bound refresh token is refused without its key, and not spent."""
    token = bound(keycloak, key)["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    thief = new_key()
    for proof in (None, thief.proof("POST", endpoint(keycloak))):
        answer = ask(keycloak, proof, **form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    again = ask(keycloak, key.proof("POST", endpoint(keycloak)), **form)
    assert again.json()["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "wrong",
    [{"htu": "https://api.example.com/oauth/token"}, {"htm": "GET"}, {"iat": 1}],
)
def test_a_bad_proof_is_an_invalid_request(
    keycloak: Keycloak, key: DPoPKey, wrong: dict[str, Any]
) -> None:
    """A bad DPoP proof is an `invalid_request`, and Keycloak sends no nonce."""
    proof = key.proof("POST", endpoint(keycloak), claims=wrong)
    answer = ask(keycloak, proof)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "DPoP-Nonce" not in answer.headers


def test_a_client_can_be_made_to_send_proofs(keycloak: Keycloak, key: DPoPKey) -> None:
    """The client attribute `dpop.bound.access.tokens` makes DPoP proofs mandatory."""
    client = {
        "clientId": "proving",
        "publicClient": True,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": True,
        "attributes": {"dpop.bound.access.tokens": "true"},
    }
    keycloak.create("/main/clients", client)
    login = {"grant_type": "password", "username": "alice", "password": PASSWORD}
    form = {"client_id": "proving", **login}
    assert ask(keycloak, None, **form).status_code == 400
    proof = key.proof("POST", endpoint(keycloak))
    assert ask(keycloak, proof, **form).json()["token_type"] == "DPoP"


@pytest.fixture(scope="module")
def place(
    keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    """The examples, by the Keycloak page."""
    folder: Path = tmp_path_factory.mktemp("examples")
    both = {"JWTGUARD_PROFILE": "keycloak"}
    api = {"JWTGUARD_CLIENTS": f"spa={WWW}"}
    with examples(folder, keycloak.issuer(), both=both, api=api) as found:
        yield found


def test_bound_tokens_are_accepted_with_a_proof_alone(
    keycloak: Keycloak, place: Examples, key: DPoPKey
) -> None:
    """Bound tokens are accepted with a proof, and refused as bearer tokens."""
    token, url = bound(keycloak, key)["access_token"], place.url("flask")
    sent = key.headers("GET", url, token)
    assert httpx.get(url, headers=sent, trust_env=False).status_code == 200
    assert httpx.get(url, headers=sent, trust_env=False).status_code == 401
    assert place.ask("flask", token).status_code == 401
    thief = new_key().headers("GET", url, token)
    assert httpx.get(url, headers=thief, trust_env=False).status_code == 401
