"""The development issuer says whether an access token is active (RFC 7662)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from jwtguard import Guard, load_policy
from jwtguard.errors import InvalidTokenError
from jwtguard.inspect.check_introspection import introspection_findings
from jwtguard.issuer import Client, Config
from tests.issuer.test_issuer import login, serving

SPA = Client(id="spa", origins=("http://localhost:8000",), refresh=True)
API = Client(id="notes-api", secret="of-the-api")


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with serving(Config(clients=(SPA, API))) as client:
        yield client


def ask(http: httpx.Client, token: str, **form: str) -> httpx.Response:
    sent = {"client_id": "notes-api", "client_secret": "of-the-api", **form}
    return http.post("/oauth/introspect", data={"token": token, **sent})


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
