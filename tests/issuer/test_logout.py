"""The development issuer ends sessions, and tells the clients (OpenID logout)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from werkzeug.serving import make_server

from jwtguard import Client as GuardClient
from jwtguard import ConfigurationError, Guard, Policy, TrustedIssuer
from jwtguard.issuer import Client, Config
from jwtguard.wsgi import GuardMiddleware
from tests.issuer.test_issuer import OWN, login, refresh, serving
from tests.waiting import ask

CLIENTS = (
    Client(id="spa", origins=("http://localhost:8000",), refresh=True),
    Client(id="www", refresh=True),
    Client(id="silent"),
)
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def served() -> Iterator[Callable[[Any], str]]:
    """Serve WSGI applications, each at a URL of its own."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = []

    def serve(app: Any) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def got() -> list[dict[str, Any]]:
    """The claims of the logout tokens that arrived, each with its header."""
    return []


@pytest.fixture
def http(
    served: Callable[[Any], str], got: list[dict[str, Any]]
) -> Iterator[httpx.Client]:
    """An issuer that tells spa and www, but not the client silent."""

    def listener(environ: Any, start: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        (token,) = parse_qs(body, strict_parsing=True)["logout_token"]
        head = jwt.get_unverified_header(token)
        got.append({**jwt.decode(token, options={"verify_signature": False}), **head})
        start("200 OK", [])
        return []

    uri = f"{served(listener)}/oidc/logout"
    config = Config(clients=CLIENTS).with_logout_uris({"spa": uri, "www": uri})
    with serving(config) as client:
        yield client


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token, unverified."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_all_tokens_of_a_login_hold_its_sid(http: httpx.Client) -> None:
    """Access and ID tokens, and what a refresh brings; another login has another."""
    first, other = login(http), login(http)
    sid = claims_of(first["access_token"])["sid"]
    assert claims_of(first["id_token"])["sid"] == sid
    again = refresh(http, first["refresh_token"]).json()
    assert claims_of(again["access_token"])["sid"] == sid
    assert claims_of(other["access_token"])["sid"] != sid


def test_a_session_that_ends_is_told_to_its_client(
    http: httpx.Client, got: list[dict[str, Any]]
) -> None:
    """One logout token, with sub and sid; the refresh token and userinfo end too."""
    tokens, other = login(http), login(http)
    sid = claims_of(tokens["access_token"])["sid"]
    (sent,) = http.post("/dev/logout", data={"sid": sid}).json()["sent"]
    assert (sent["client_id"], sent["status"]) == ("spa", 200)
    (token,) = got
    assert (token["typ"], token["aud"]) == ("logout+jwt", "spa")
    assert (token["sub"], token["sid"]) == ("alice", sid)
    assert token["events"] == {EVENT: {}}
    assert token["jti"]
    assert 0 < token["exp"] - token["iat"] <= 120
    assert refresh(http, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    for one, status in ((tokens, 401), (other, 200)):
        bearer = {"Authorization": f"Bearer {one['access_token']}"}
        assert http.get("/userinfo", headers=bearer).status_code == status
    assert http.post("/dev/logout", data={"sid": sid}).status_code == 400


def test_sign_out_everywhere_is_told_to_every_client(
    http: httpx.Client, got: list[dict[str, Any]]
) -> None:
    """Each client with a URI gets a token that names the user alone."""
    tokens = login(http)
    bob = login(http, username="bob", password="builder")
    sent = http.post("/dev/logout", data={"user": "alice"}).json()["sent"]
    assert [one["client_id"] for one in sent] == ["spa", "www"]
    assert [(t["aud"], t["sub"], "sid" in t) for t in got] == [
        ("spa", "alice", False),
        ("www", "alice", False),
    ]
    assert refresh(http, tokens["refresh_token"]).is_error
    assert refresh(http, bob["refresh_token"]).is_success


@pytest.mark.parametrize(
    "form", [{}, {"sid": "x"}, {"user": "nobody"}, {"user": "alice", "sid": "x"}]
)
def test_who_is_meant_must_be_said(
    http: httpx.Client, got: list[dict[str, Any]], form: dict[str, str]
) -> None:
    """A request without a user, or with an unknown one, is refused."""
    assert http.post("/dev/logout", data=form).status_code == 400
    assert not got


def test_pages_cannot_use_the_control(
    http: httpx.Client, got: list[dict[str, Any]]
) -> None:
    """A page in a browser cannot use it to sign a user out."""
    answer = http.post("/dev/logout", data={"user": "alice"}, headers=OWN)
    assert answer.status_code == 404
    assert not got


def test_a_client_that_does_not_answer_is_named() -> None:
    """The session ends, and the response says why the client was not informed."""
    config = Config().with_logout_uris({"spa": "http://127.0.0.1:9/oidc/logout"})
    with serving(config) as http:
        tokens = login(http)
        (sent,) = http.post("/dev/logout", data={"user": "alice"}).json()["sent"]
        assert sent["failure"]
        assert "status" not in sent
        assert refresh(http, tokens["refresh_token"]).is_error


def test_metadata_says_so(http: httpx.Client) -> None:
    """Back-Channel Logout section 2.1, RP-Initiated Logout section 2.1."""
    found = http.get("/.well-known/openid-configuration").json()
    assert found["backchannel_logout_supported"] is True
    assert found["backchannel_logout_session_supported"] is True
    assert found["end_session_endpoint"] == f"{found['issuer']}/oauth/logout"


def test_a_page_ends_its_session_by_redirect(
    http: httpx.Client, got: list[dict[str, Any]]
) -> None:
    """RP-Initiated Logout: back to a page of the client, with state, and once."""
    tokens = login(http)
    back = "http://localhost:8000/bye?a=b"
    asked = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": back,
        "state": "x y",
        "client_id": "spa",
    }
    for _ in range(2):
        answer = http.get("/oauth/logout", params=asked)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"{back}&state=x+y"
    assert [t["sid"] for t in got] == [claims_of(tokens["id_token"])["sid"]]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token", "forged", ""])
def test_only_an_id_token_ends_a_session(
    http: httpx.Client, got: list[dict[str, Any]], kind: str
) -> None:
    """Other values of the hint are refused, and the session continues."""
    tokens = login(http)
    head, body, signature = tokens["id_token"].split(".")
    tokens["forged"] = f"{head}.{body}.{signature[::-1]}"
    hint = {"id_token_hint": tokens.get(kind, "")}
    assert http.post("/oauth/logout", data=hint).status_code == 400
    assert not got
    assert refresh(http, tokens["refresh_token"]).is_success


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "http://localhost:8000.evil.example/",
        "http://localhost:8000@evil.example/",
        "http://localhost:8000\\@evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
    ],
)
def test_a_redirect_to_a_foreign_page_is_refused(
    http: httpx.Client, got: list[dict[str, Any]], back: str
) -> None:
    """A redirect goes to an origin of the client, or nowhere; then nothing ends."""
    hint = {"id_token_hint": login(http)["id_token"], "post_logout_redirect_uri": back}
    assert http.get("/oauth/logout", params=hint).status_code == 400
    assert not got


@pytest.mark.parametrize(
    ("mode", "ends"), [("session", {"s1"}), ("subject", {"s1", "s2"})]
)
def test_a_guard_takes_its_logout_tokens(
    served: Callable[[Any], str], mode: Any, ends: set[str]
) -> None:
    """A token of the session that ended is 401 at an API, over real HTTP."""
    api: list[Any] = []

    def app(environ: Any, start: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = api[0](environ, start)
        return answer

    url = served(app)
    config = Config().with_logout_uris({"spa": f"{url}/oidc/logout"})
    with serving(config) as http:
        api.append(guarded(str(http.base_url).rstrip("/"), mode))
        tokens = {"s1": login(http), "s2": login(http)}

        def status(session: str) -> int:
            bearer = f"Bearer {tokens[session]['access_token']}"
            return ask("GET", url, headers={"Authorization": bearer}).status_code

        assert (status("s1"), status("s2")) == (204, 204)
        sid = claims_of(tokens["s1"]["access_token"])["sid"]
        (sent,) = http.post("/dev/logout", data={"sid": sid}).json()["sent"]
        assert sent["status"] == 200
        assert {one for one in tokens if status(one) == 401} == ends


def guarded(issuer: str, mode: Any) -> GuardMiddleware:
    """Return an API that trusts *issuer* and takes its logout tokens."""

    def app(_: Any, start: Any) -> Iterable[bytes]:
        start("204 No Content", [])
        return []

    trusted = TrustedIssuer(
        url=issuer, audience=Config().audience, profile="rfc9068", logout=mode
    )
    policy = Policy(
        issuers=[trusted],
        clients=[GuardClient(id="spa")],
        logout_paths=["/oidc/logout"],
    )
    return GuardMiddleware(app, Guard(policy))


@pytest.mark.parametrize(
    "uri", ["", "/oidc/logout", "ftp://a.example/", "https://a.example/#b", "https://"]
)
def test_a_logout_uri_is_absolute(uri: str) -> None:
    """Back-Channel Logout section 2.2; the file and the option say what is wrong."""
    with pytest.raises(ConfigurationError, match="backchannel_logout_uri"):
        Config(clients=(Client(id="spa", backchannel_logout_uri=uri),))


def test_the_option_names_a_client() -> None:
    """``--logout-uri`` for a client that is not there says how to add it."""
    with pytest.raises(ConfigurationError, match="--logout-uri: unknown client 'x'"):
        Config().with_logout_uris({"x": "https://api.example.com/oidc/logout"})
