"""The stranger's page says only what was answered to it."""

from __future__ import annotations

import httpx
import pytest
from starlette.testclient import TestClient

from .stranger import create_app

PREY = {"NOTES_API_URL": "http://api.example", "NOTES_WWW_URL": "http://www.example"}
READ, WRITE, REFRESH, SIGN_OUT = range(4)


class Prey:
    """Both servers: they refuse, and keep the requests."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(403, json={"error": "invalid_origin"})


@pytest.fixture
def prey() -> Prey:
    """Servers that refuse everything."""
    return Prey()


@pytest.fixture
def stranger(prey: Prey) -> TestClient:
    """A browser at the stranger's page."""
    transport = httpx.MockTransport(prey)
    return TestClient(create_app(PREY, transport), base_url="http://bad.example")


def test_the_page_loads_without_a_token(stranger: TestClient) -> None:
    """Opened alone, the page explains itself and links to the demo's page."""
    text = stranger.get("/").text
    assert 'href="http://www.example/spa"' in text
    assert "Opened alone, it has no token" in text


def test_a_token_is_tried_with_its_preflight(stranger: TestClient, prey: Prey) -> None:
    """Both the preflight and the request carry the stranger's origin."""
    answer = stranger.post(f"/again/{READ}", json={"token": "t"})
    assert answer.json() == {
        "answers": ["preflight 403 invalid_origin", "request 403 invalid_origin"]
    }
    asked = [(one.method, one.headers["Origin"]) for one in prey.asked]
    assert asked == [("OPTIONS", "http://bad.example"), ("GET", "http://bad.example")]
    assert prey.asked[1].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize("number", [WRITE, REFRESH])
def test_a_form_brings_neither_token_nor_cookies(
    stranger: TestClient, prey: Prey, number: int
) -> None:
    """A form of another origin is sent without a preflight."""
    stranger.cookies.set("session", "x")
    stranger.post(f"/again/{number}", json={"token": "t"})
    (asked,) = prey.asked
    assert "Authorization" not in asked.headers
    assert "Cookie" not in asked.headers


def test_signing_out_brings_the_cookies(stranger: TestClient, prey: Prey) -> None:
    """The two origins are one site, so the visitor's cookies come along."""
    stranger.cookies.set("session", "x")
    stranger.post(f"/again/{SIGN_OUT}", json={})
    assert prey.asked[0].headers["Cookie"] == "session=x"
    assert str(prey.asked[0].url) == "http://www.example/logout"


def test_a_server_that_is_down_is_no_refusal() -> None:
    """Without an answer, the page has none to show."""

    def down(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    app = create_app(PREY, httpx.MockTransport(down))
    answer = TestClient(app).post(f"/again/{WRITE}", json={})
    assert answer.json() == {"failure": "ConnectError"}
