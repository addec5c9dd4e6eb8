"""The real Keycloak, through both examples: its tokens, roles, origins and realms."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from jwtguard import Guard, load_policy
from jwtguard.cli import main
from jwtguard.errors import InvalidTokenError
from tests.issuers.examples import (
    AUDIENCE,
    DOORS,
    OTHER,
    PASSWORD,
    STRANGER,
    WWW,
    Examples,
    refusal,
)
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak

SERVER = "Keycloak"

missing = dist.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]
both_doors = pytest.mark.parametrize("door", DOORS)


@both_doors
def test_password_grant(keycloak: Keycloak, place: Examples, door: str) -> None:
    """Access tokens of the password grant are accepted."""
    answer = place.ask(door, keycloak.grant()["access_token"], WWW)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == WWW


def test_what_is_read(keycloak: Keycloak, place: Examples) -> None:
    """Subject, client, scopes, realm roles and the API's own client roles are read."""
    who = place.ask("flask", keycloak.grant()["access_token"]).json()
    (user,) = keycloak.ask("GET", "/main/users?username=alice").json()
    assert who["subject"] == user["id"]
    assert who["client_id"] == "spa"
    assert {"openid", "notes:read", "notes:write"} <= set(who["scopes"])
    assert {"admin", "publisher"} <= set(who["roles"])


def test_scopes_and_roles_decide(keycloak: Keycloak, place: Examples) -> None:
    """Tokens without the required scope or role are refused."""

    def status(path: str, **form: str) -> int:
        token = keycloak.grant(**form)["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(place.flask + path, headers=headers).status_code

    assert status("/notes") == 200
    assert status("/notes", scope="openid") == 403
    assert status("/admin/report") == 200
    assert status("/admin/report", username="bob") == 403


def test_refresh_grant(keycloak: Keycloak, place: Examples) -> None:
    """A page refreshes through the token path, but only from its own origin."""
    form = {"client_id": "spa", "username": "alice", "password": PASSWORD}
    got = place.grant(WWW, grant_type="password", scope="openid notes:read", **form)
    assert got.status_code == 200, got.text
    asked = {"grant_type": "refresh_token", "client_id": "spa"}
    asked["refresh_token"] = got.json()["refresh_token"]

    for origin in (OTHER, STRANGER, "null", None):
        assert place.grant(origin, **asked).status_code == 403
    again = place.grant(WWW, **asked)
    assert again.status_code == 200, again.text
    assert again.headers["Access-Control-Allow-Origin"] == WWW
    new = again.json()["access_token"]
    assert new != got.json()["access_token"]
    assert place.ask("flask", new, WWW).status_code == 200
    assert place.grant(WWW, **{**asked, "client_id": "www"}).status_code == 403


def test_site_signs_in(keycloak: Keycloak, place: Examples) -> None:
    """The server-rendered site signs in with a form, keeps the token and signs out."""
    with httpx.Client(base_url=place.starlette, trust_env=False) as browser:
        form = {"username": "alice", "password": PASSWORD}
        same = {"Sec-Fetch-Site": "same-origin"}
        done = browser.post("/login", data=form, headers=same)
        assert (done.status_code, done.headers["Location"]) == (303, "/"), done.text
        page = browser.get("/")
        assert page.status_code == 200
        assert "publisher" in page.text
        assert browser.cookies
        assert browser.post("/logout", headers=same).status_code == 303
        assert not browser.cookies
        assert browser.get("/").status_code == 401


@both_doors
def test_id_token(keycloak: Keycloak, place: Examples, door: str) -> None:
    """ID tokens are refused: `id_token`."""
    answer = place.ask(door, keycloak.grant()["id_token"], WWW)
    assert refusal(answer) == (401, "id_token")
    assert answer.headers["Access-Control-Allow-Origin"] == WWW


@both_doors
@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
def test_refresh_token(
    keycloak: Keycloak, place: Examples, door: str, scope: str
) -> None:
    """Refresh and offline tokens are refused: they are signed with a shared secret."""
    token = keycloak.grant(scope=scope)["refresh_token"]
    assert refusal(place.ask(door, token)) == (401, "wrong_algorithm")


@contextmanager
def back_channel() -> Iterator[tuple[str, list[str]]]:
    """Listen for logout tokens; yield the URL, and the list that they go to."""
    got: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.extend(parse_qs(form)["logout_token"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep test output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/logout", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_logout_token(keycloak: Keycloak, place: Examples) -> None:
    """Logout tokens are refused as access tokens: `logout_token`."""
    client = keycloak.client_path("spa")
    with back_channel() as (url, got):
        keycloak.change(client, attributes={"backchannel.logout.url": url})
        session = keycloak.grant()
        end = f"{keycloak.issuer()}/protocol/openid-connect/logout"
        form = {"client_id": "spa", "refresh_token": session["refresh_token"]}
        assert httpx.post(end, data=form).is_success
        keycloak.change(client, attributes={"backchannel.logout.url": ""})
    (token,) = got
    for door in DOORS:
        assert refusal(place.ask(door, token)) == (401, "logout_token")


@both_doors
def test_client_bound_cors(keycloak: Keycloak, place: Examples, door: str) -> None:
    """With `allowed-origins`, only pages of the token's own client may use it."""
    tokens = {
        name: keycloak.grant(client_id=name)["access_token"]
        for name in ("spa", "other")
    }
    for client, own, foreign in (("spa", WWW, OTHER), ("other", OTHER, WWW)):
        good = place.ask(door, tokens[client], own)
        assert good.status_code == 200, good.text
        assert good.headers["Access-Control-Allow-Origin"] == own
        for origin in (foreign, STRANGER, "null"):
            bad = place.ask(door, tokens[client], origin)
            assert refusal(bad) == (403, "foreign_origin")
            assert "Access-Control-Allow-Origin" not in bad.headers
            assert "Origin" in bad.headers["Vary"]


def test_client_without_origins(keycloak: Keycloak, place: Examples) -> None:
    """A client without web origins works from servers, but not from pages."""
    token = keycloak.grant(client_id="www")["access_token"]
    assert place.ask("flask", token).status_code == 200
    assert refusal(place.ask("flask", token, WWW)) == (403, "foreign_origin")


def explained(keycloak: Keycloak, token: str, monkeypatch: Any) -> dict[str, Any]:
    """Run ``jwtguard explain --json``; return the checks that failed, by name."""
    monkeypatch.setenv("JWTGUARD_ISSUER", keycloak.issuer())
    monkeypatch.setenv("JWTGUARD_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("JWTGUARD_PROFILE", "keycloak")
    with redirect_stdout(io.StringIO()) as printed:
        code = main(["explain", "--json", token])
    checks = json.loads(printed.getvalue())
    assert code == any(not one["passed"] for one in checks)
    return {one["name"]: one for one in checks if not one["passed"]}


def test_default_token_is_explained(
    keycloak: Keycloak, place: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens without the API's audience are refused, and `explain` names the cause."""

    def without_us(user: str) -> str:
        got = keycloak.grant(client_id="plain", username=user, scope="openid")
        return got["access_token"]

    token = without_us("bob")
    assert refusal(place.ask("flask", token)) == (401, "missing_claim")
    failed = explained(keycloak, token, monkeypatch)
    assert set(failed) == {"required", "audience"}
    assert "audience mapper" in " ".join(one["hint"] for one in failed.values())

    # A user made in the console has roles of the client account, and its audience.
    carol = {
        "username": "carol",
        "enabled": True,
        "email": "carol@example.com",
        "firstName": "Carol",
        "lastName": "Danvers",
        "credentials": [{"type": "password", "value": PASSWORD}],
    }
    keycloak.create("/main/users", carol)
    token = without_us("carol")
    assert refusal(place.ask("flask", token)) == (401, "wrong_audience")
    failed = explained(keycloak, token, monkeypatch)
    assert set(failed) == {"audience"}
    assert failed["audience"]["found"] == "aud account"
    assert "audience mapper" in failed["audience"]["hint"]


def test_refresh_token_is_explained(
    keycloak: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`jwtguard explain` recognizes a refresh token."""
    token = keycloak.grant()["refresh_token"]
    failed = explained(keycloak, token, monkeypatch)
    assert failed["algorithm"]["found"] == "HS512"
    assert failed["kind"]["reason"] == "refresh_token"


def test_default_profile(keycloak: Keycloak) -> None:
    """Without a profile, access tokens are accepted and other tokens are refused."""
    settings = {
        "JWTGUARD_ISSUER": keycloak.issuer(),
        "JWTGUARD_AUDIENCE": f"{AUDIENCE} spa",  # the ID token's, by mistake
    }
    guard = Guard(load_policy(settings))
    got = keycloak.grant()
    assert guard.verify(got["access_token"]).client_id == "spa"
    for kind, why in (("id_token", "id_token"), ("refresh_token", "wrong_algorithm")):
        with pytest.raises(InvalidTokenError, match=why):
            guard.verify(got[kind])


@both_doors
def test_second_realm(keycloak: Keycloak, place: Examples, door: str) -> None:
    """Tokens of another realm of the same server are refused."""
    token = keycloak.grant("second", scope="openid")["access_token"]
    assert refusal(place.ask(door, token)) == (401, "unknown_issuer")


def test_two_realms(keycloak: Keycloak, tmp_path: Path) -> None:
    """With two trusted realms, users, keys and clients are kept apart."""
    config = tmp_path / "jwtguard.toml"
    issuers = "".join(
        f'[[issuers]]\nurl = "{keycloak.issuer(realm)}"\nprofile = "keycloak"\n'
        f'[[clients]]\nid = "spa"\nissuer = "{keycloak.issuer(realm)}"\n'
        f'origins = ["https://{realm}.example.com"]\n'
        for realm in ("main", "second")
    )
    config.write_text(f'audience = "{AUDIENCE}"\n{issuers}')
    guard = Guard(load_policy({"JWTGUARD_CONFIG": str(config)}))
    tokens = {
        realm: keycloak.grant(realm, scope="openid")["access_token"]
        for realm in ("main", "second")
    }
    users = {realm: guard.verify(token) for realm, token in tokens.items()}
    assert users["main"].identity != users["second"].identity
    # The head of one realm's token names a key that the other realm does not have.
    mixed = f"{tokens['second'].partition('.')[0]}.{tokens['main'].partition('.')[2]}"
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        guard.verify(mixed)


def test_lightweight_tokens(
    keycloak: Keycloak, place: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightweight tokens need `sub` to be switched on, and `explain` says so."""
    client = keycloak.client_path("spa")
    light = "client.use.lightweight.access.token.enabled"
    keycloak.change(client, attributes={light: "true"})
    try:
        bare = keycloak.grant()["access_token"]
        assert refusal(place.ask("flask", bare)) == (401, "missing_claim")
        failed = explained(keycloak, bare, monkeypatch)
        hints = " ".join(one["hint"] for one in failed.values())
        assert "Add to lightweight access token" in hints

        for mapper in MAPPERS:
            switch(keycloak, *mapper, "true")
        token = keycloak.grant()["access_token"]
        for door in DOORS:
            assert place.ask(door, token).status_code == 200
        assert "admin" in place.ask("flask", token).json()["roles"]
    finally:
        keycloak.change(client, attributes={light: "false"})
        for mapper in MAPPERS:
            switch(keycloak, *mapper, "false")


MAPPERS = (("basic", "sub"), ("roles", "realm roles"))
"""Client scopes, and the mapper of each that lightweight tokens need."""


def switch(keycloak: Keycloak, scope: str, mapper: str, value: str) -> None:
    """Set `Add to lightweight access token` of a client scope's mapper."""
    scopes = keycloak.ask("GET", "/main/client-scopes").json()
    (found,) = (one for one in scopes if one["name"] == scope)
    base = f"/main/client-scopes/{found['id']}/protocol-mappers/models"
    (one,) = (one for one in keycloak.ask("GET", base).json() if one["name"] == mapper)
    one["config"]["lightweight.claim"] = value
    keycloak.ask("PUT", f"{base}/{one['id']}", one)
