"""The real Keycloak ends sessions; two processes with one Redis refuse their tokens."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import jwt
import pytest

from tests.issuers.examples import (
    AUDIENCE,
    DOORS,
    PASSWORD,
    SCOPE,
    WWW,
    Examples,
    examples,
)
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.test_keycloak import back_channel
from tests.redis_server import Redis, needs_redis
from tests.waiting import until

SERVER = "Keycloak"

missing = dist.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
    needs_redis,
]
REVOKED = "The access token was revoked"


@pytest.fixture(scope="module")
def place(
    keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    """Both examples, each in a process of its own, by the page on back-channel logout.

    Keycloak posts to the API alone; the site hears of it through Redis.
    """
    client = keycloak.client_path("spa")
    folder = tmp_path_factory.mktemp("logout")
    with (
        Redis(folder) as redis,
        examples(
            folder,
            keycloak.issuer(),
            both={"JWTGUARD_PROFILE": "keycloak", "JWTGUARD_STATE": redis.url},
            api={"JWTGUARD_CLIENTS": f"spa={WWW} www"},
        ) as found,
    ):
        url = f"{found.flask}/oidc/logout"
        keycloak.change(client, attributes=told(url))
        yield found
        keycloak.change(client, attributes=told(""))


def told(url: str) -> dict[str, str]:
    """Return the attributes of a client that is told of logouts at *url*."""
    return {
        "backchannel.logout.url": url,
        "backchannel.logout.session.required": "true",
    }


def sid_of(token: str) -> str:
    """Return the session that a token belongs to."""
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == AUDIENCE or AUDIENCE in claims["aud"]
    return str(claims["sid"])


def is_revoked(place: Examples, door: str, token: str) -> bool:
    """Whether *door* refuses the token because it was revoked."""
    answer = place.ask(door, token, WWW)
    if answer.status_code == 200:
        return False
    assert (answer.status_code, answer.json()["error_description"]) == (401, REVOKED)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    return True


def accepted(place: Examples, *tokens: str) -> bool:
    """Whether both processes take all of the tokens."""
    statuses = {place.ask(door, one).status_code for one in tokens for door in DOORS}
    assert statuses <= {200, 401}
    return statuses == {200}


def in_both(place: Examples, *tokens: str) -> bool:
    """Whether the API refuses the tokens now, and the site within a moment."""
    assert all(is_revoked(place, "flask", token) for token in tokens)

    def at_the_site() -> bool:
        return all(is_revoked(place, "starlette", token) for token in tokens)

    return until(at_the_site, 10)


def test_an_administrator_ends_a_session(keycloak: Keycloak, place: Examples) -> None:
    """If an administrator ends a session, the next call gets 401 in every process."""
    ended, kept = (keycloak.grant()["access_token"] for _ in range(2))
    assert accepted(place, ended, kept)
    keycloak.ask("DELETE", f"/main/sessions/{sid_of(ended)}")
    assert in_both(place, ended)
    assert accepted(place, kept)


def test_an_administrator_signs_a_user_out(keycloak: Keycloak, place: Examples) -> None:
    """If all sessions of a user end, old tokens get 401 and new ones are accepted."""
    tokens = [keycloak.grant()["access_token"] for _ in range(3)]
    bob = keycloak.grant(username="bob")["access_token"]
    assert accepted(place, *tokens, bob)
    (alice,) = keycloak.ask("GET", "/main/users?username=alice").json()
    keycloak.ask("POST", f"/main/users/{alice['id']}/logout")
    assert in_both(place, *tokens)
    assert accepted(place, keycloak.grant()["access_token"], bob)


def test_a_user_signs_out(keycloak: Keycloak, place: Examples) -> None:
    """If a page ends its session at Keycloak, its access token gets 401."""
    session = keycloak.grant()
    assert accepted(place, session["access_token"])
    end = f"{keycloak.issuer()}/protocol/openid-connect/logout"
    form = {"client_id": "spa", "refresh_token": session["refresh_token"]}
    assert httpx.post(end, data=form, trust_env=False).is_success
    assert in_both(place, session["access_token"])


def test_a_refreshed_token_passes(keycloak: Keycloak, place: Examples) -> None:
    """After signing out everywhere in the application, refreshed tokens pass."""
    sessions = [keycloak.grant() for _ in range(2)]
    tokens = [one["access_token"] for one in sessions]
    assert accepted(place, *tokens)
    bearer = {"Authorization": f"Bearer {tokens[0]}"}
    url = f"{place.flask}/sign-out-everywhere"
    assert httpx.post(url, headers=bearer, trust_env=False).status_code == 204
    assert in_both(place, *tokens)

    def refreshed() -> str:
        form = {"grant_type": "refresh_token", "username": "", "password": ""}
        token = sessions[1]["refresh_token"]
        return keycloak.grant(**form, refresh_token=token)["access_token"]

    second = int(time.time())
    assert until(lambda: int(time.time()) > second)
    assert accepted(place, refreshed())
    assert in_both(place, *tokens)


def test_a_client_without_a_url(keycloak: Keycloak, place: Examples) -> None:
    """Keycloak informs only clients that have a logout URL; other tokens pass."""
    www = keycloak.grant(client_id="www")["access_token"]
    spa = keycloak.grant()["access_token"]
    for token in (www, spa):
        keycloak.ask("DELETE", f"/main/sessions/{sid_of(token)}")
    assert in_both(place, spa)
    assert accepted(place, www)


def test_a_logout_token_without_sid(keycloak: Keycloak, place: Examples) -> None:
    """A logout token without `sid` revokes all tokens of the user."""
    client = keycloak.client_path("spa")
    required = "backchannel.logout.session.required"
    keycloak.change(client, attributes={required: "false"})
    one, other = (keycloak.grant(username="bob")["access_token"] for _ in range(2))
    alice = keycloak.grant()["access_token"]
    keycloak.ask("DELETE", f"/main/sessions/{sid_of(one)}")
    keycloak.change(client, attributes={required: "true"})
    assert in_both(place, one, other)
    assert accepted(place, alice)


def test_an_offline_session(keycloak: Keycloak, place: Examples) -> None:
    """Keycloak informs no client about offline sessions, and their tokens pass."""
    offline = keycloak.grant(scope=f"{SCOPE} offline_access")["access_token"]
    online = keycloak.grant()["access_token"]
    (alice,) = keycloak.ask("GET", "/main/users?username=alice").json()
    keycloak.ask("POST", f"/main/users/{alice['id']}/logout")
    assert in_both(place, online)
    assert accepted(place, offline)


def test_all_sessions_of_a_realm(keycloak: Keycloak, place: Examples) -> None:
    """If all sessions of a realm end at once, Keycloak informs no client."""
    before = keycloak.grant()["access_token"]
    keycloak.ask("POST", "/main/logout-all")
    after = keycloak.grant()["access_token"]
    keycloak.ask("DELETE", f"/main/sessions/{sid_of(after)}")
    assert in_both(place, after)
    assert accepted(place, before)


def test_who_is_told_of_nothing(keycloak: Keycloak) -> None:
    """If a user is disabled, deleted or gets a new password, no client is informed."""
    client, path = keycloak.client_path("spa"), "/main/users"
    dave = {
        "username": "dave",
        "enabled": True,
        "email": "dave@example.com",
        "firstName": "Dave",
        "lastName": "Lister",
        "credentials": [{"type": "password", "value": PASSWORD}],
    }
    user = f"{path}/{keycloak.create(path, dave)}"
    new = {"type": "password", "value": PASSWORD, "temporary": False}
    revoke = f"{keycloak.issuer()}/protocol/openid-connect/revoke"
    with back_channel() as (url, got):
        keycloak.change(client, attributes=told(url))
        session = keycloak.grant(username="dave")
        for kind in ("access_token", "refresh_token"):
            form = {"client_id": "spa", "token": session[kind]}
            assert httpx.post(revoke, data=form, trust_env=False).is_success
        keycloak.grant(username="dave")
        keycloak.ask("PUT", f"{user}/reset-password", new)
        for enabled in (False, True):
            keycloak.ask("PUT", user, {**dave, "enabled": enabled})
        last = sid_of(keycloak.grant(username="dave")["access_token"])
        keycloak.ask("DELETE", user)
        assert not got
        control = sid_of(keycloak.grant()["access_token"])
        keycloak.ask("DELETE", f"/main/sessions/{control}")
        assert until(lambda: bool(got), 10)
        keycloak.change(client, attributes=told(""))
    assert last != control
    (token,) = got
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sid"] == control
