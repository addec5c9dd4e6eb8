"""The API with tokens that are really signed, and no token server."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from jwtguard.testing import JWTIssuer

from .api import PATHS, create_app

READ, WRITE = "notes:read", "notes:read notes:write"


@pytest.fixture
def client(jwt_issuer: JWTIssuer, tmp_path: Path) -> FlaskClient:
    """The API, guarded by the fixtures' issuer instead of a real one."""
    guard = jwt_issuer.guard(public_paths=[PATHS["JWTGUARD_PUBLIC_PATHS"]])
    return create_app(guard, tmp_path / "notes.sqlite").test_client()


def test_reading_needs_the_scope(client: FlaskClient, jwt_issuer: JWTIssuer) -> None:
    """A token with notes:read reads; without it the answer names what is missing."""
    good = client.get("/notes", headers=jwt_issuer.headers(scope=READ))
    assert good.json == {"notes": []}

    refused = client.get("/notes", headers=jwt_issuer.headers(scope="openid"))
    assert refused.status_code == 403
    assert 'scope="notes:read"' in refused.headers["WWW-Authenticate"]


def test_a_note_is_kept(client: FlaskClient, jwt_issuer: JWTIssuer) -> None:
    """What is written is read again, and can be deleted once."""
    headers = jwt_issuer.headers(scope=WRITE)
    note = client.post("/notes", json={"text": " milk "}, headers=headers)
    assert note.status_code == 201
    assert note.json is not None

    kept = client.get("/notes", headers=headers).json
    assert kept == {"notes": [note.json]}
    url = f"/notes/{note.json['id']}"
    assert client.delete(url, headers=headers).status_code == 204
    assert client.delete(url, headers=headers).status_code == 404


def test_a_reader_does_not_write(client: FlaskClient, jwt_issuer: JWTIssuer) -> None:
    """With notes:read alone, POST and DELETE are refused and nothing changes."""
    reader = jwt_issuer.headers(scope=READ)
    assert client.post("/notes", json={"text": "x"}, headers=reader).status_code == 403
    assert client.delete("/notes/1", headers=reader).status_code == 403
    assert client.get("/notes", headers=reader).json == {"notes": []}


def test_notes_belong_to_their_owner(
    client: FlaskClient, jwt_issuer: JWTIssuer
) -> None:
    """Bob neither sees nor deletes what alice wrote."""
    alice = jwt_issuer.headers(subject="alice", scope=WRITE)
    bob = jwt_issuer.headers(subject="bob", scope=WRITE)
    note = client.post("/notes", json={"text": "secret"}, headers=alice).json
    assert note is not None

    assert client.get("/notes", headers=bob).json == {"notes": []}
    assert client.delete(f"/notes/{note['id']}", headers=bob).status_code == 404


@pytest.mark.parametrize(
    "body", [[], {}, {"text": ""}, {"text": 1}, {"text": "x" * 501}]
)
def test_a_note_is_some_text(
    client: FlaskClient, jwt_issuer: JWTIssuer, body: object
) -> None:
    """Anything but 1 to 500 characters of text is 422."""
    headers = jwt_issuer.headers(scope=WRITE)
    assert client.post("/notes", json=body, headers=headers).status_code == 422


def test_the_report_is_for_admins(tmp_path: Path) -> None:
    """Scopes do not open the report: the role does, where this issuer keeps roles."""
    issuer = JWTIssuer(profile="keycloak")
    client = create_app(issuer.guard(), tmp_path / "notes.sqlite").test_client()
    reader, admin = issuer.headers(scope=WRITE), issuer.headers(roles=["admin"])
    assert client.get("/admin/report", headers=reader).status_code == 403
    assert client.get("/admin/report", headers=admin).json == {"notes_per_owner": {}}


@pytest.mark.parametrize(
    ("path", "ends"),
    [("/sign-out", {"this"}), ("/sign-out-everywhere", {"this", "that"})],
)
def test_a_token_ends_with_its_session(
    client: FlaskClient, jwt_issuer: JWTIssuer, path: str, ends: set[str]
) -> None:
    """Signing out ends one or all sessions of the caller, but not of other users."""
    headers = {
        sid: jwt_issuer.headers(claims={"sid": sid}, scope=READ)
        for sid in ("this", "that")
    }
    headers["bob"] = jwt_issuer.headers(subject="bob", scope=READ)
    assert client.post(path, headers=headers["this"]).status_code == 204

    answers = {name: client.get("/notes", headers=headers[name]) for name in headers}
    assert {name for name, one in answers.items() if one.status_code == 401} == ends
    assert b"The access token was revoked" in answers["this"].data


def test_who_signs_in_again_is_in(client: FlaskClient, jwt_issuer: JWTIssuer) -> None:
    """Signing out everywhere ends no token that is issued a second later."""
    old = jwt_issuer.headers(scope=READ)
    assert client.post("/sign-out-everywhere", headers=old).status_code == 204
    jwt_issuer.clock.advance(1)
    assert client.get("/notes", headers=old).status_code == 401
    new = jwt_issuer.headers(scope=READ)
    assert client.get("/notes", headers=new).status_code == 200


def test_an_admin_ends_the_sessions_of_another(tmp_path: Path) -> None:
    """It takes the role, and a person's name; the admin's own sessions go on."""
    issuer = JWTIssuer(profile="keycloak")
    client = create_app(issuer.guard(), tmp_path / "notes.sqlite").test_client()
    admin = issuer.headers(roles=["admin"])
    bob = issuer.headers(subject="bob")
    url, body = "/admin/sign-out", {"subject": "bob"}
    assert client.post(url, json=body, headers=bob).status_code == 403
    assert client.get("/whoami", headers=bob).status_code == 200
    bodies: list[object] = [[], {}, {"subject": ""}, {"subject": 1}]
    for wrong in bodies:
        assert client.post(url, json=wrong, headers=admin).status_code == 422
    assert client.post(url, json=body, headers=admin).status_code == 204
    assert client.get("/whoami", headers=bob).status_code == 401
    assert client.get("/whoami", headers=admin).status_code == 200


def test_the_issuer_can_end_a_session(jwt_issuer: JWTIssuer, tmp_path: Path) -> None:
    """Its logout tokens arrive at ``/oidc/logout``, which no view has to handle."""
    guard = jwt_issuer.guard(logout_paths=[PATHS["JWTGUARD_LOGOUT_PATHS"]])
    client = create_app(guard, tmp_path / "notes.sqlite").test_client()
    headers = jwt_issuer.headers()
    assert client.get("/whoami", headers=headers).status_code == 200
    form = {"logout_token": jwt_issuer.logout_token()}
    assert client.post("/oidc/logout", data=form).status_code == 200
    assert client.get("/whoami", headers=headers).status_code == 401


def test_health_is_public(client: FlaskClient, jwt_issuer: JWTIssuer) -> None:
    """The health check answers without a token, and while the issuer is down."""
    jwt_issuer.down()
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/whoami").status_code == 401


def test_who_am_i(client: FlaskClient, jwt_issuer: JWTIssuer) -> None:
    """The API says whom it takes the caller for."""
    who = client.get("/whoami", headers=jwt_issuer.headers(scope=READ)).json
    assert who is not None
    assert (who["subject"], who["client_id"]) == ("alice", "spa")
    assert who["scopes"] == [READ]
