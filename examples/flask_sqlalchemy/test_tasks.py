"""The tasks with tokens that are really signed, and a database in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from jwtguard.testing import JWTIssuer

from .factory import create_app
from .models import db

WRITE = "tasks:read tasks:write"


@pytest.fixture
def client(jwt_issuer: JWTIssuer) -> Iterator[FlaskClient]:
    """The application, guarded by the fixtures' issuer."""
    app = create_app(jwt_issuer.guard(), "sqlite://")
    yield app.test_client()
    with app.app_context():
        db.engine.dispose()


def test_the_blueprint_needs_its_scope(
    client: FlaskClient, jwt_issuer: JWTIssuer
) -> None:
    """Every task route needs tasks:read, and writing needs tasks:write too."""
    assert client.get("/tasks").status_code == 401
    assert client.get("/tasks", headers=jwt_issuer.headers()).status_code == 403
    reader = jwt_issuer.headers(scope="tasks:read")
    assert client.get("/tasks", headers=reader).json == {"tasks": []}
    assert client.post("/tasks", json={"text": "x"}, headers=reader).status_code == 403
    writer = jwt_issuer.headers(scope="tasks:write")
    assert client.post("/tasks", json={"text": "x"}, headers=writer).status_code == 403


def test_tasks_belong_to_their_owner(
    client: FlaskClient, jwt_issuer: JWTIssuer
) -> None:
    """Bob neither sees nor finishes what alice wrote."""
    alice = jwt_issuer.headers(scope=WRITE)
    bob = jwt_issuer.headers(scope=WRITE, subject="bob")
    made = client.post("/tasks", json={"text": "milk"}, headers=alice)
    assert made.status_code == 201
    assert made.json is not None
    done = f"/tasks/{made.json['id']}/done"
    assert client.post(done, headers=bob).status_code == 404
    assert client.get("/tasks", headers=bob).json == {"tasks": []}
    finished = client.post(done, headers=alice)
    assert finished.json == {**made.json, "done": True}
    assert client.get("/tasks", headers=alice).json == {"tasks": [finished.json]}


def test_counts_are_for_administrators(
    client: FlaskClient, jwt_issuer: JWTIssuer
) -> None:
    """The rule of the blueprint stands in front of each of its views."""
    alice = jwt_issuer.headers(scope=WRITE)
    client.post("/tasks", json={"text": "milk"}, headers=alice)
    assert client.get("/admin/counts", headers=alice).status_code == 403
    boss = jwt_issuer.headers(subject="boss", roles=["admin"])
    counted = client.get("/admin/counts", headers=boss).json
    assert counted is not None
    assert list(counted["tasks_per_owner"].values()) == [1]


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 201}, []])
def test_a_task_without_text_is_not_kept(
    client: FlaskClient, jwt_issuer: JWTIssuer, body: object
) -> None:
    """What is no task is 422, and leaves nothing behind."""
    headers = jwt_issuer.headers(scope=WRITE)
    assert client.post("/tasks", json=body, headers=headers).status_code == 422
    assert client.get("/tasks", headers=headers).json == {"tasks": []}
