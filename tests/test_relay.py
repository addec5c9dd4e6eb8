"""``TokenRelay`` in front of the development issuer, by sockets and in both worlds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import anyio
import httpx
import pytest

from jwtguard import ConfigurationError, Guard, load_policy
from jwtguard.issuer import Client, Config, bind
from jwtguard.relay import TokenRelay

OWN = {"Origin": "http://localhost:8000"}
LOGIN = {
    "grant_type": "password",
    "client_id": "spa",
    "username": "alice",
    "password": "wonderland",
}
Send = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The URL of a development issuer with a public and a confidential client."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    clients = (
        Client(id="spa", origins=("http://localhost:8000",), refresh=True),
        Client(id="web", secret="hush"),
    )
    server = bind(Config(clients=clients))
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def relay_to(issuer: str, upstream: Any = None, **settings: str) -> TokenRelay:
    """Return a relay in front of *issuer*, or of the mock transport *upstream*."""
    environ = {
        "JWTGUARD_ISSUER": issuer,
        "JWTGUARD_AUDIENCE": "https://api.example.com",
        "JWTGUARD_CLIENTS": "spa=http://localhost:8000 web",
        "JWTGUARD_REFRESH_CLIENTS": "spa",
        "JWTGUARD_RELAY_LIMIT": "1000/minute",
        **{f"JWTGUARD_{name}": value for name, value in settings.items()},
    }
    transport = httpx.MockTransport(upstream) if upstream else None
    return TokenRelay(Guard(load_policy(environ)), transport=transport)


def _by_wsgi(relay: TokenRelay, method: str, url: str, **kwargs: Any) -> httpx.Response:
    transport = httpx.WSGITransport(app=relay.wsgi, remote_addr="127.0.0.1")
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        return client.request(method, url, **kwargs)


def _by_asgi(relay: TokenRelay, method: str, url: str, **kwargs: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=relay.asgi)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost"
        ) as client:
            return await client.request(method, url, **kwargs)

    return anyio.run(send)


@pytest.fixture(params=[_by_wsgi, _by_asgi], ids=["wsgi", "asgi"])
def send(request: pytest.FixtureRequest) -> Send:
    """Send one request to a relay, in one of the two worlds."""
    found: Send = request.param
    return found


def test_password_and_refresh_pass_from_the_clients_page(
    issuer: str, send: Send
) -> None:
    """The page logs in and refreshes at the API's own origin, and can read both."""
    relay = relay_to(issuer)
    login = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
    assert login.status_code == 200
    assert login.headers["access-control-allow-origin"] == OWN["Origin"]
    assert login.headers.get_list("access-control-allow-origin") == [OWN["Origin"]]
    form = {
        "grant_type": "refresh_token",
        "client_id": "spa",
        "refresh_token": login.json()["refresh_token"],
    }
    renewed = send(relay, "POST", "/oauth/token", data=form, headers=OWN)
    assert renewed.status_code == 200
    form = {"client_id": "spa", "token": renewed.json()["refresh_token"]}
    assert send(relay, "POST", "/oauth/revoke", data=form, headers=OWN).is_success


def test_the_issuers_refusal_is_handed_back(issuer: str, send: Send) -> None:
    """A wrong password is the issuer's to tell, in its own words."""
    form = LOGIN | {"password": "wrong"}
    answer = send(relay_to(issuer), "POST", "/oauth/token", data=form, headers=OWN)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "headers", "status", "error"),
    [
        (LOGIN, {"Origin": "https://evil.example"}, 403, "unauthorized_client"),
        (LOGIN | {"client_id": "nobody"}, {}, 403, "unauthorized_client"),
        (
            {**LOGIN, "grant_type": "client_credentials"},
            {},
            400,
            "unsupported_grant_type",
        ),
        (
            {**LOGIN, "grant_type": "authorization_code"},
            {},
            400,
            "unsupported_grant_type",
        ),
        (
            {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": "x"},
            {},
            403,
            "unauthorized_client",
        ),
        ({"grant_type": "password"}, {}, 403, "unauthorized_client"),
        ({}, {}, 400, "invalid_request"),
    ],
)
def test_it_is_nobodys_deputy(
    send: Send,
    form: dict[str, str],
    headers: dict[str, str],
    status: int,
    error: str,
) -> None:
    """Two grants, listed clients, their own pages: the issuer hears of nothing else."""

    def upstream(_: httpx.Request) -> httpx.Response:
        raise AssertionError("the issuer was asked")

    relay = relay_to("https://id.example", upstream, RELAY_URL="https://id.example/t")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = {**kind, **headers}
    answer = send(relay, "POST", "/oauth/token", data=form, headers=sent)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    if headers:
        assert "access-control-allow-origin" not in answer.headers


def test_other_paths_and_methods(issuer: str, send: Send) -> None:
    """It serves token and revoke by POST, preflights, and nothing else."""
    relay = relay_to(issuer)
    assert send(relay, "POST", "/oauth/authorize", data=LOGIN).status_code == 404
    answer = send(relay, "GET", "/oauth/token")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    preflight = {**OWN, "Access-Control-Request-Method": "POST"}
    assert send(relay, "OPTIONS", "/oauth/token", headers=preflight).status_code == 204
    preflight["Origin"] = "https://evil.example"
    assert send(relay, "OPTIONS", "/oauth/token", headers=preflight).status_code == 403


def test_what_goes_up_and_what_comes_back(send: Send) -> None:
    """Cookies, Origin and forwarding fields stay here; the form goes on unchanged."""
    seen: list[httpx.Request] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        headers = {
            "Set-Cookie": "session=1",
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": "no-store",
            "X-Internal": "1",
        }
        return httpx.Response(200, headers=headers, json={"access_token": "t"})

    relay = relay_to("https://id.example", upstream, RELAY_URL="https://id.example/t")
    headers = {**OWN, "Cookie": "a=b", "Authorization": "Bearer x", "X-Test": "1"}
    answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=headers)
    (request,) = seen
    assert request.content == httpx.Request("POST", "https://x", data=LOGIN).content
    for name in ("cookie", "origin", "authorization", "x-test"):
        assert name not in request.headers
    assert request.headers["x-forwarded-for"] == "127.0.0.1"
    assert "set-cookie" not in answer.headers
    assert "x-internal" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == OWN["Origin"]
    assert answer.json() == {"access_token": "t"}


def test_the_secret_is_added_unless_the_request_brought_its_own(
    issuer: str, send: Send
) -> None:
    """A confidential client's page has no secret; a client that has one uses it."""
    relay = relay_to(issuer, RELAY_CLIENT_SECRET="hush")
    form = LOGIN | {"client_id": "web"}
    assert send(relay, "POST", "/oauth/token", data=form).status_code == 200
    wrong = form | {"client_secret": "hu"}
    assert send(relay, "POST", "/oauth/token", data=wrong).is_client_error
    answer = send(relay, "POST", "/oauth/token", data=form, auth=("web", "hu"))
    assert answer.is_client_error
    answer = send(relay, "POST", "/oauth/token", data=form, auth=("web", "hush"))
    assert answer.status_code == 200


def test_guessing_is_slowed_down(send: Send) -> None:
    """After so many tries of one name from one address: 429, and when to come back."""
    tried: list[bytes] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        tried.append(request.content)
        return httpx.Response(400, json={"error": "invalid_grant"})

    relay = relay_to(
        "https://id.example",
        upstream,
        RELAY_URL="https://id.example/t",
        RELAY_LIMIT="3/minute",
    )
    for number in range(5):
        answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
        assert answer.status_code == (400 if number < 3 else 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert answer.headers["access-control-allow-origin"] == OWN["Origin"]
    assert len(tried) == 3
    other = LOGIN | {"username": "bob"}
    assert send(relay, "POST", "/oauth/token", data=other).status_code == 400


def test_one_address_cannot_try_many_names(send: Send) -> None:
    """Guessing one password for many names is counted by address."""

    def upstream(_: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"error": "invalid_grant"})

    relay = relay_to(
        "https://id.example",
        upstream,
        RELAY_URL="https://id.example/t",
        RELAY_LIMIT="1/minute",
    )
    codes = [
        send(
            relay, "POST", "/oauth/token", data=LOGIN | {"username": str(n)}
        ).status_code
        for n in range(12)
    ]
    assert codes == [400] * 10 + [429] * 2


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (httpx.ReadTimeout("slow"), 504),
        (httpx.ConnectError("gone"), 502),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), 502),
    ],
)
def test_an_issuer_in_trouble(send: Send, failure: Any, status: int) -> None:
    """Timeouts, refused connections and redirects are told as what they are."""
    asked = []

    def upstream(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if isinstance(failure, httpx.Response):
            return failure
        raise failure

    relay = relay_to("https://id.example", upstream, RELAY_URL="https://id.example/t")
    answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
    assert (answer.status_code, len(asked)) == (status, 1)
    assert answer.json()["error"] == "temporarily_unavailable"


def test_an_issuer_that_cannot_be_discovered(send: Send) -> None:
    """Nothing listens there: 502, and the page can read it."""
    relay = relay_to("http://127.0.0.1:9")
    answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
    assert answer.status_code == 502
    assert answer.headers["access-control-allow-origin"] == OWN["Origin"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("RELAY_LIMIT", "often"), ("RELAY_LIMIT_STORAGE", "floppy://a")],
)
def test_a_limit_that_cannot_be_read_is_refused_at_start(name: str, value: str) -> None:
    """A limiter that does not limit would be worse than none."""
    with pytest.raises(ConfigurationError, match="relay_limit"):
        relay_to("https://id.example", **{name: value})


def test_it_serves_http_alone() -> None:
    """A WebSocket has no business at a token endpoint."""
    relay = relay_to("https://id.example")

    async def nothing(*_: Any) -> Any:
        return {}

    with pytest.raises(ConfigurationError, match="websocket"):
        anyio.run(relay.asgi, {"type": "websocket"}, nothing, nothing)
