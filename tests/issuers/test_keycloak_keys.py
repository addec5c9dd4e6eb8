"""What happens to Keycloak's keys and to Keycloak itself, while requests go on."""

from __future__ import annotations

import base64
import json

import pytest

from tests.issuers.examples import DOORS, PASSWORD, WWW, Examples, refusal
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.load import load

SERVER = "Keycloak"

missing = dist.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


def header(token: str) -> dict[str, str]:
    """Return the JOSE header."""
    head = token.partition(".")[0]
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(head + "==="))
    return found


@pytest.mark.parametrize("alg", ["PS256", "ES256", "ES384", "EdDSA"])
def test_realm_keys(keycloak: Keycloak, place: Examples, alg: str) -> None:
    """Realm keys of each type verify: RS256, PS256, ES256, ES384, EdDSA."""
    key = keycloak.add_key(alg, 200)
    keycloak.change("/main", defaultSignatureAlgorithm=alg)
    try:
        token = keycloak.grant()["access_token"]
        assert header(token)["alg"] == alg
        for door in DOORS:
            assert place.ask(door, token, WWW).status_code == 200
    finally:
        keycloak.change("/main", defaultSignatureAlgorithm="RS256")
        keycloak.ask("DELETE", f"/main/components/{key}")


def test_rotation_under_load(keycloak: Keycloak, place: Examples) -> None:
    """No request fails when the realm's key is rotated through the admin API."""
    first = keycloak.add_key("RS256", 300)
    old = keycloak.grant()["access_token"]
    with load([place.url(door) for door in DOORS], old) as under:
        under.wait_for(40)
        second = keycloak.add_key("RS256", 400)
        new = keycloak.grant()["access_token"]
        assert header(new)["kid"] != header(old)["kid"]
        under.token = new
        under.wait_for(40)
        keycloak.change_key(first, active="false")  # published still
        under.token = old
        under.wait_for(40)
        under.token = new
        under.wait_for(40)
    assert set(under.statuses) == {200}, under.statuses

    # A key that is no longer published ends the tokens that it signed.
    keycloak.change_key(first, active="false", enabled="false")
    third = keycloak.add_key("RS256", 500)
    newest = keycloak.grant()["access_token"]
    for door in DOORS:
        assert place.ask(door, newest).status_code == 200
        assert refusal(place.ask(door, old)) == (401, "unknown_key")
        assert place.ask(door, new).status_code == 200
    for key in (first, second, third):
        keycloak.ask("DELETE", f"/main/components/{key}")


def test_outage_under_load(keycloak: Keycloak, place: Examples) -> None:
    """When Keycloak is killed and restarted, only new sign-ins have to wait."""
    before = keycloak.grant()["access_token"]
    form = {"grant_type": "password", "client_id": "spa", "username": "alice"}
    form["password"] = PASSWORD
    with load([place.url(door) for door in DOORS], before) as under:
        under.wait_for(40)
        keycloak.kill()
        under.wait_for(40)
        down = place.grant(WWW, **form)
        assert (down.status_code, down.json()["error"]) == (
            502,
            "temporarily_unavailable",
        )
        keycloak.start()
        under.wait_for(40)
        under.token = place.grant(WWW, **form, scope="openid notes:read").json()[
            "access_token"
        ]
        under.wait_for(40)
    assert set(under.statuses) == {200}, under.statuses
