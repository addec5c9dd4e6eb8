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
