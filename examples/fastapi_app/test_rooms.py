"""The rooms with tokens that are really signed, and no token server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from jwtguard import Guard
from jwtguard.testing import JWTIssuer

from .factory import PATHS, create_app
from .rooms import rooms

BOTH = "rooms:read rooms:write"


@pytest.fixture
def guard(jwt_issuer: JWTIssuer) -> Guard:
    """A guard with the public paths of the application."""
    return jwt_issuer.guard(public_paths=PATHS["JWTGUARD_PUBLIC_PATHS"].split())


@pytest.fixture
def client(guard: Guard) -> Iterator[TestClient]:
    """The application, started, in front of empty rooms."""
    rooms.said.clear()
    with TestClient(create_app(guard), base_url="https://testserver") as client:
        yield client


def test_reading_and_writing_need_their_scopes(
    client: TestClient, jwt_issuer: JWTIssuer
) -> None:
    """A reader reads, and only a writer writes, in the name of the token."""
    reader = jwt_issuer.headers(scope="rooms:read")
    writer = jwt_issuer.headers(scope=BOTH)
    hello = {"text": "hello"}
    assert client.post("/rooms/den", json=hello).status_code == 401
    assert client.post("/rooms/den", json=hello, headers=reader).status_code == 403
    assert client.post("/rooms/den", json=hello, headers=writer).status_code == 201
    said = client.get("/rooms/den", headers=reader).json()
    assert said == {"said": ["alice: hello"]}


def test_swagger_knows_the_scopes(client: TestClient) -> None:
    """The document is public, and each operation has its scopes; the page loads."""
    document = client.get("/openapi.json").json()
    flow = document["components"]["securitySchemes"]["JWTGuard"]["flows"]["password"]
    assert flow["tokenUrl"] == "/oauth/token"
    write = document["paths"]["/rooms/{room}"]["post"]["security"]
    assert write == [{"JWTGuard": ["rooms:read", "rooms:write"]}]
    refused = document["paths"]["/rooms/{room}"]["post"]["responses"]["403"]
    assert refused["description"] == "The caller lacks scope rooms:read and rooms:write"
    assert client.get("/docs").status_code == 200


def test_the_token_path_takes_no_unlisted_client(client: TestClient) -> None:
    """Swagger UI signs in at the relay, which knows whose client it is."""
    form = {"grant_type": "password", "username": "alice", "password": "x"}
    answer = client.post("/oauth/token", data={**form, "client_id": "stranger"})
    assert (answer.status_code, answer.json()["error"]) == (403, "unauthorized_client")


def test_events_end_with_the_token(
    client: TestClient, guard: Guard, jwt_issuer: JWTIssuer
) -> None:
    """A stream shows what was said, and ends when its token is revoked."""
    headers = jwt_issuer.headers(scope="rooms:read")
    assert client.get("/live/den/events").status_code == 401
    rooms.say("den", "bob: hi")
    answers = []

    def follow() -> None:
        answers.append(client.get("/live/den/events", headers=headers))

    reader = threading.Thread(target=follow)
    reader.start()
    while not rooms.queues["den"]:
        reader.join(0.01)
    guard.revoke_tokens(issuer=jwt_issuer.url, subject="alice")
    reader.join(60)
    assert answers[0].text == "data: bob: hi\n\n"
    assert client.get("/live/den/events", headers=headers).status_code == 401


def test_a_page_writes_by_websocket(client: TestClient, jwt_issuer: JWTIssuer) -> None:
    """The token is a subprotocol, as a page cannot set a header."""
    url = "wss://testserver/live/den/socket"
    offered = ["bearer", jwt_issuer.token(scope=BOTH)]
    page = {"Origin": "https://www.example"}
    with client.websocket_connect(url, subprotocols=offered, headers=page) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "1"
    assert rooms.said["den"] == ["alice: hello"]
    for refused, status in (
        ({"subprotocols": []}, 401),
        ({"subprotocols": ["bearer", jwt_issuer.token(scope="rooms:read")]}, 403),
        ({"subprotocols": offered, "headers": {"Origin": "https://evil.example"}}, 403),
    ):
        with (
            pytest.raises(WebSocketDenialResponse) as denied,
            client.websocket_connect(url, **refused),
        ):
            pass
        assert denied.value.status_code == status
