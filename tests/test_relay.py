"""``TokenRelay`` in front of the development issuer, by sockets and in both worlds."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import anyio
import httpx
import pytest
from werkzeug.test import Client as WSGIClient

from jwtguard import ConfigurationError, Guard, load_policy
from jwtguard.issuer import Client, Config, bind
from jwtguard.relay import TokenRelay
from tests.relay_support import LOGIN, OWN, Send, by_asgi, by_trio, by_wsgi, relay_to


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


@pytest.fixture(params=[by_wsgi, by_asgi, by_trio], ids=["wsgi", "asyncio", "trio"])
def send(request: pytest.FixtureRequest) -> Send:
    """Send one request to a relay, in each of the worlds."""
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
def test_requests_of_other_clients_and_origins_are_not_relayed(
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
    """Cookies, Origin and forwarding fields stay here; the form goes on unchanged.

    What the issuer says of its answer comes back, what it says of its own host not.
    """
    seen: list[httpx.Request] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        headers = {
            "Set-Cookie": "session=1",
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "X-Secret",
            "Cache-Control": "no-store",
            "DPoP-Nonce": "n1",
            "WWW-Authenticate": 'Basic realm="id"',
            "Strict-Transport-Security": "max-age=9",
            "Clear-Site-Data": "*",
            "Connection": "close",
            "Server": "issuer",
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
    for name in ("set-cookie", "strict-transport-security", "clear-site-data"):
        assert name not in answer.headers
    assert not {"connection", "server"} & set(answer.headers)
    assert answer.headers["dpop-nonce"] == "n1"
    assert answer.headers["www-authenticate"] == 'Basic realm="id"'
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert answer.headers["access-control-allow-origin"] == OWN["Origin"]
    assert "X-Secret" not in answer.headers["access-control-expose-headers"]
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


@pytest.mark.parametrize("changes", [{"username": ""}, {"username": None}])
def test_a_password_without_a_user_name_is_refused(
    send: Send, changes: dict[str, str | None]
) -> None:
    """It is what guesses are counted by; the issuer must not read another field."""
    form = {**LOGIN, **changes, "email": "alice@example.com"}
    form = {name: value for name, value in form.items() if value is not None}
    relay = relay_to("https://id.example", RELAY_URL="https://id.example/t")
    answer = send(relay, "POST", "/oauth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


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


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "/nowhere/ca.pem"), ("HTTPS_PROXY", "gopher://127.0.0.1:9")],
)
def test_an_environment_that_breaks_the_http_client_is_not_a_500(
    send: Send, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The page can read that the token server is out of reach."""
    monkeypatch.setenv(name, value)
    relay = relay_to("https://id.example", RELAY_URL="https://127.0.0.1:9/t")
    answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
    assert answer.status_code == 502
    assert answer.headers["access-control-allow-origin"] == OWN["Origin"]


def test_an_issuer_that_cannot_be_discovered(send: Send) -> None:
    """Nothing listens there: 502, and the page can read it."""
    relay = relay_to("http://127.0.0.1:9")
    answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
    assert answer.status_code == 502
    assert answer.headers["access-control-allow-origin"] == OWN["Origin"]


def test_one_callers_cookies_never_go_along_with_anothers_request(send: Send) -> None:
    """The issuer's session of one visitor is not handed to the next."""
    seen: list[httpx.Request] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        cookie = {"Set-Cookie": "session=alice; Path=/"}
        return httpx.Response(200, headers=cookie, json={"access_token": "t"})

    relay = relay_to("https://id.example", upstream, RELAY_URL="https://id.example/t")
    for name in ("alice", "bob"):
        send(relay, "POST", "/oauth/token", data=LOGIN | {"username": name})
    assert [request.headers.get("cookie") for request in seen] == [None, None]


@pytest.mark.parametrize("status", [499, 520, 599])
def test_an_unregistered_status_is_handed_back(send: Send, status: int) -> None:
    """Proxies in front of issuers make them up; that is no error of ours."""

    def upstream(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"error": "odd"})

    relay = relay_to("https://id.example", upstream, RELAY_URL="https://id.example/t")
    answer = send(relay, "POST", "/oauth/token", data=LOGIN, headers=OWN)
    assert (answer.status_code, answer.json()) == (status, {"error": "odd"})


def test_header_bytes_outside_ascii_are_handed_back() -> None:
    """The issuer's bytes go on as they came, in both worlds."""
    challenge = 'error_description="\u65e5\u672c"'.encode()

    def upstream(_: httpx.Request) -> httpx.Response:
        return httpx.Response(400, headers=[(b"WWW-Authenticate", challenge)], json={})

    relay = relay_to("https://id.example", upstream, RELAY_URL="https://id.example/t")
    answer = by_asgi(relay, "POST", "/oauth/token", data=LOGIN)
    assert (b"www-authenticate", challenge) in answer.headers.raw
    by_wsgi = WSGIClient(relay.wsgi).post("/token", base_url="https://a", data=LOGIN)
    assert by_wsgi.headers["WWW-Authenticate"].encode("latin-1") == challenge


def test_a_client_of_two_issuers_is_a_configuration_error(tmp_path: Path) -> None:
    """A password must not reach an issuer that may not be the right one."""
    config = tmp_path / "jwtguard.toml"
    config.write_text("""
        audience = "https://api.example.com"
        [[issuers]]
        url = "https://a.example"
        [[issuers]]
        url = "https://b.example"
        [[clients]]
        id = "spa"
        issuer = "https://a.example"
        [[clients]]
        id = "spa"
        issuer = "https://b.example"
    """)
    guard = Guard(load_policy({"JWTGUARD_CONFIG": str(config)}))
    with pytest.raises(ConfigurationError, match="spa: listed under several issuers"):
        TokenRelay(guard)


def test_it_serves_http_alone() -> None:
    """A WebSocket is closed before it opens, and no error of the server's."""
    relay = relay_to("https://id.example")
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(relay.asgi, {"type": "websocket"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 4403}]
    with pytest.raises(ConfigurationError, match="lifespan"):
        anyio.run(relay.asgi, {"type": "lifespan"}, receive, send)
