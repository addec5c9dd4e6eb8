"""The development issuer says whether an access token is active (RFC 7662)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from jwtguard import Guard, load_policy
from jwtguard.errors import InvalidTokenError
from jwtguard.inspect.check_introspection import introspection_findings
from jwtguard.issuer import Client, Config
from jwtguard.testing import FakeClock, JWTIssuer
from tests.issuer.test_issuer import LOGIN, login, refresh, serving

SPA = Client(id="spa", origins=("http://localhost:8000",), refresh=True)
API = Client(id="notes-api", secret="of-the-api")


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with serving(Config(clients=(SPA, API))) as client:
        yield client


def ask(http: httpx.Client, token: str, **form: str) -> httpx.Response:
    sent = {"client_id": "notes-api", "client_secret": "of-the-api", **form}
    return http.post("/oauth/introspect", data={"token": token, **sent})


def userinfo(http: httpx.Client, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return http.get("/userinfo", headers=headers).status_code


def test_an_access_token_is_active_until_its_session_ends(http: httpx.Client) -> None:
    """The answer has the claims of the token; a refresh token is not active."""
    got = login(http)
    found = ask(http, got["access_token"]).json()
    assert found["active"] is True
    assert (found["sub"], found["client_id"]) == ("alice", "spa")
    for other in (got["refresh_token"], got.get("id_token", "x"), "made-up", ""):
        assert ask(http, other).json() == {"active": False}
    form = {"token": got["refresh_token"], "client_id": "spa"}
    assert http.post("/oauth/revoke", data=form).is_success
    assert ask(http, got["access_token"]).json() == {"active": False}


def test_a_revoked_access_token_ends_alone(http: httpx.Client) -> None:
    """RFC 7009 section 2.1: the session goes on, and its next token is good."""
    got = login(http)
    other = login(http)["access_token"]
    form = {"token": got["access_token"], "client_id": "spa"}
    for hint in ({}, {"token_type_hint": "refresh_token"}):
        assert http.post("/oauth/revoke", data={**form, **hint}).is_success
        assert ask(http, got["access_token"]).json() == {"active": False}
    assert ask(http, other).json()["active"] is True
    assert userinfo(http, got["access_token"]) == 401
    assert userinfo(http, other) == 200
    renewed = refresh(http, got["refresh_token"]).json()["access_token"]
    assert ask(http, renewed).json()["active"] is True


def test_a_client_cannot_end_the_token_of_another(http: httpx.Client) -> None:
    """It is told, and the token stays good."""
    token = login(http)["access_token"]
    sent = {"client_id": "notes-api", "client_secret": "of-the-api"}
    answer = http.post("/oauth/revoke", data={"token": token, **sent})
    assert answer.json()["error"] == "invalid_grant"
    assert ask(http, token).json()["active"] is True


@pytest.mark.parametrize("made", ["made-up", "a.b.c", "W" * 9000 + ".e30.x", "é"])
def test_what_was_not_issued_here_is_no_error(http: httpx.Client, made: str) -> None:
    """RFC 7009 section 2.2: the answer is 200, and nothing ends."""
    form = {"token": made, "client_id": "spa"}
    assert http.post("/oauth/revoke", data=form).status_code == 200
    assert ask(http, made).json() == {"active": False}


def test_a_bound_token_is_active(http: httpx.Client) -> None:
    """RFC 9449 section 6.2: the answer says so, and has the thumbprint of the key."""
    issuer = JWTIssuer(clock=FakeClock(time.time()))
    key = issuer.dpop()
    proof = key.proof("POST", str(http.base_url.join("/oauth/token")))
    token = http.post("/oauth/token", data=LOGIN, headers={"DPoP": proof}).json()
    found = ask(http, token["access_token"]).json()
    assert (found["active"], found["token_type"]) == (True, "DPoP")
    assert found["cnf"] == {"jkt": key.thumbprint}


def test_only_a_client_with_a_secret_is_answered(http: httpx.Client) -> None:
    """By Basic or in the form; a public client has none."""
    token = login(http)["access_token"]
    form = {"token": token}
    good = http.post("/oauth/introspect", data=form, auth=("notes-api", "of-the-api"))
    assert good.json()["active"] is True
    for answer in (
        http.post("/oauth/introspect", data=form),
        http.post("/oauth/introspect", data=form, auth=("notes-api", "wrong")),
        ask(http, token, client_id="spa", client_secret=""),
        ask(http, token, client_secret="wrong"),
        ask(http, token, client_id="nobody"),
    ):
        assert answer.status_code == 401
        assert answer.json() == {"error": "invalid_client"}
        assert "Basic" in answer.headers["WWW-Authenticate"]


def test_a_guard_asks_it(http: httpx.Client) -> None:
    """The endpoint is in the metadata, and an ended session is refused."""
    got = login(http)
    claims = ask(http, got["access_token"]).json()
    environ = {
        "ISSUER": claims["iss"], "AUDIENCE": claims["aud"], "PROFILE": "rfc9068",
        "INTROSPECT": "always", "INTROSPECT_CLIENT_ID": "notes-api",
        "INTROSPECT_CLIENT_SECRET": "of-the-api",
    }  # fmt: skip
    policy = load_policy({f"JWTGUARD_{k}": v for k, v in environ.items()})
    assert [*introspection_findings(Guard(policy), probe=True)][-1].level == "ok"
    assert Guard(policy).verify(got["access_token"]).subject == "alice"
    form = {"token": got["refresh_token"], "client_id": "spa"}
    http.post("/oauth/revoke", data=form)
    with pytest.raises(InvalidTokenError, match="inactive"):
        Guard(policy).verify(got["access_token"])
