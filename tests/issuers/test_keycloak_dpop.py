"""DPoP at the real Keycloak: what its tokens look like, and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from jwtguard.testing import DPoPKey, FakeClock, JWTIssuer
from tests.issuers.examples import PASSWORD, SCOPE, WWW, Examples, examples
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak

missing = dist.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


class RealClock(FakeClock):
    """Keycloak's is real: it takes proofs for some seconds only."""

    def time(self) -> float:
        return time.time()


@pytest.fixture
def key() -> DPoPKey:
    return JWTIssuer(clock=RealClock()).dpop()


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
    """They are marked as DPoP tokens, and ``cnf`` has a member of Keycloak's own."""
    token = bound(keycloak, key)["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["typ"] == "DPoP"
    assert claims["cnf"] == {"jkt": key.thumbprint, "kc-jkt-type": "DPoP"}


def test_the_refresh_token_is_bound_too(keycloak: Keycloak, key: DPoPKey) -> None:
    """Without the key it is refused, and not spent."""
    token = bound(keycloak, key)["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    thief = JWTIssuer(clock=RealClock()).dpop()
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
    """It has no error code of its own for them, and no nonce."""
    proof = key.proof("POST", endpoint(keycloak), claims=wrong)
    answer = ask(keycloak, proof)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "DPoP-Nonce" not in answer.headers


def test_a_client_can_be_made_to_send_proofs(keycloak: Keycloak, key: DPoPKey) -> None:
    """By the client attribute ``dpop.bound.access.tokens``."""
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
    """By the API; as bearer tokens, and with another key, they are refused."""
    token, url = bound(keycloak, key)["access_token"], place.url("flask")
    sent = key.headers("GET", url, token)
    assert httpx.get(url, headers=sent, trust_env=False).status_code == 200
    assert httpx.get(url, headers=sent, trust_env=False).status_code == 401
    assert place.ask("flask", token).status_code == 401
    thief = JWTIssuer(clock=RealClock()).dpop().headers("GET", url, token)
    assert httpx.get(url, headers=thief, trust_env=False).status_code == 401
