"""Keycloak's lightweight access tokens: what they lack, its endpoint says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from jwtguard import Guard
from jwtguard.errors import IntrospectionUnavailableError
from jwtguard.inspect.check_introspection import introspection_findings
from jwtguard.settings import load_policy
from tests.issuers.asking import reason, verified
from tests.issuers.examples import AUDIENCE
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.test_keycloak import pytestmark

__all__ = ["pytestmark"]

SERVER = "Keycloak"
SECRET = {"secret": "of-the-api", "clientAuthenticatorType": "client-secret"}
LIGHT = {"client.use.lightweight.access.token.enabled": "true"}


MAPPER = {
    "name": "to the API",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {
        "included.client.audience": "notes-api",
        "access.token.claim": "true",
        "introspection.token.claim": "true",
        "lightweight.claim": "true",
    },
}
"""The endpoint answers only to a client that the token is meant for."""


@pytest.fixture(scope="module")
def light(keycloak: Keycloak) -> Iterator[Keycloak]:
    """The server with a client of lightweight tokens, and one for the API."""
    api: dict[str, Any] = {"clientId": "notes-api", "enabled": True, **SECRET}
    keycloak.create("/main/clients", api)
    page: dict[str, Any] = {
        "clientId": "light", "enabled": True, "publicClient": True,
        "directAccessGrantsEnabled": True, "attributes": LIGHT,
        "protocolMappers": [MAPPER],
    }  # fmt: skip
    keycloak.create("/main/clients", page)
    yield keycloak
    for client in ("light", "notes-api"):
        keycloak.ask("DELETE", keycloak.client_path(client))


def guard_for(keycloak: Keycloak, **settings: str) -> Guard:
    environ = {
        "ISSUER": keycloak.issuer(), "AUDIENCE": AUDIENCE, "PROFILE": "keycloak",
        "INTROSPECT": "always", "INTROSPECT_CLIENT_ID": "notes-api",
        "INTROSPECT_CLIENT_SECRET": "of-the-api", **settings,
    }  # fmt: skip
    return Guard(load_policy({f"JWTGUARD_{k}": v for k, v in environ.items()}))


def unavailable(guard: Guard, token: str) -> None:
    with pytest.raises(IntrospectionUnavailableError):
        guard.verify(token)


def test_lightweight_token(light: Keycloak) -> None:
    """Lightweight tokens get subject and roles from the introspection endpoint."""
    token = light.grant(client_id="light")["access_token"]
    inside = jwt.decode(token, options={"verify_signature": False})
    assert "realm_access" not in inside
    who = verified(guard_for(light), token)
    (user,) = light.ask("GET", "/main/users?username=alice").json()
    assert who.subject == user["id"]
    assert who.client_id == "light"
    assert "admin" in who.roles
    assert "notes:read" in who.scopes


def test_ended_session(light: Keycloak) -> None:
    """A token whose session was ended at the issuer is refused."""
    guard = guard_for(light, INTROSPECT_TTL="1")
    got = light.grant(client_id="light")
    token = got["access_token"]
    assert verified(guard, token)
    httpx.post(
        f"{light.issuer()}/protocol/openid-connect/logout",
        data={"client_id": "light", "refresh_token": got["refresh_token"]},
        trust_env=False,
    ).raise_for_status()
    fresh = guard_for(light)
    assert reason(fresh, token) == "inactive"


def test_introspection_credentials(light: Keycloak) -> None:
    """Wrong credentials of the API are reported, and refuse no token as invalid."""
    guard = guard_for(light, INTROSPECT_CLIENT_SECRET="wrong")
    unavailable(guard, light.grant(client_id="light")["access_token"])
    assert list(introspection_findings(guard, probe=True))[-1].level == "wrong"
    good = list(introspection_findings(guard_for(light), probe=True))[-1]
    assert good.level == "ok"
