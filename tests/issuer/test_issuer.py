"""The development issuer over a real socket: its grants, its keys, its refusals."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jwt
import pytest

from jwtguard import AuthError, ConfigurationError, Guard, load_policy
from jwtguard.inspect.explain_token import explain
from jwtguard.issuer import Client, Config, User, bind
from jwtguard.issuer.banner import banner
from tests.waiting import HANG, NO_TLS, until

OWN = {"Origin": "http://localhost:8000"}
FOREIGN = {"Origin": "https://evil.example"}
LOGIN = {
    "grant_type": "password",
    "client_id": "spa",
    "username": "alice",
    "password": "wonderland",
}


@contextmanager
def serving(config: Config, issuer: str | None = None) -> Iterator[httpx.Client]:
    """Serve *config* on a free loopback port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = bind(config, issuer=issuer)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with httpx.Client(base_url=url, verify=NO_TLS, timeout=HANG) as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """A client of an issuer with the sample clients and users."""
    with serving(Config()) as client:
        yield client


def login(http: httpx.Client, **changes: Any) -> dict[str, Any]:
    """Log in and return the token response."""
    answer = http.post("/oauth/token", data=LOGIN | changes, headers=OWN)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refresh(http: httpx.Client, token: str, **headers: str) -> httpx.Response:
    """Refresh as the client spa, from its own page unless told otherwise."""
    form = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": token}
    return http.post("/oauth/token", data=form, headers=headers or OWN)


def guard_of(http: httpx.Client, **settings: str) -> Guard:
    """Return a guard that trusts the issuer behind *http*."""
    issuer = http.get("/.well-known/openid-configuration").json()["issuer"]
    environ = {
        "JWTGUARD_ISSUER": issuer,
        "JWTGUARD_AUDIENCE": "https://api.example.com",
        "JWTGUARD_PROFILE": "rfc9068",
        "JWTGUARD_KEYS_COOLDOWN": "0",
    }
    return Guard(load_policy(environ | settings))


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_access_tokens_are_rfc_9068_and_id_tokens_are_refused(alg: str) -> None:
    """With each algorithm, the guard takes the one token and refuses the other."""
    with serving(Config(alg=alg)) as http:
        token, guard = login(http, scope="openid notes:read"), guard_of(http)
        principal = guard.verify(token["access_token"])
        assert (principal.subject, principal.client_id) == ("alice", "spa")
        assert principal.scopes == {"openid", "notes:read"}
        assert principal.roles == {"admin"}
        head = jwt.get_unverified_header(token["access_token"])
        assert (head["typ"], head["alg"]) == ("at+jwt", alg)
        with pytest.raises(AuthError):
            guard.verify(token["id_token"])


def test_what_it_prints_makes_a_guard_that_reads_its_tokens(
    http: httpx.Client,
) -> None:
    """The variables as they are pasted: the profile too, so that roles count."""
    url = str(http.base_url).rstrip("/")
    printed = (line.strip() for line in banner(Config(), url).splitlines())
    exports = [shlex.split(line)[1] for line in printed if line.startswith("export ")]
    environ = dict(export.split("=", 1) for export in exports)
    assert environ["JWTGUARD_PROFILE"] == "rfc9068"
    principal = Guard(load_policy(environ)).verify(login(http)["access_token"])
    assert principal.roles == {"admin"}


def test_a_user_gets_no_more_than_is_allowed(http: httpx.Client) -> None:
    """Scopes are cut down to what client and user may have."""
    token = login(
        http, username="bob", password="builder", scope="notes:read notes:write x"
    )
    assert token["scope"] == "notes:read"
    assert "id_token" not in token


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"password": "wrong"}, 400, "invalid_grant"),
        ({"username": "nobody"}, 400, "invalid_grant"),
        ({"password": "wönderländ"}, 400, "invalid_grant"),
        ({"client_id": "nobody"}, 400, "invalid_client"),
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_wrong_login_is_refused(
    http: httpx.Client, changes: dict[str, str], status: int, error: str
) -> None:
    """RFC 6749 section 5.2 says what the answer looks like."""
    answer = http.post("/oauth/token", data=LOGIN | changes, headers=OWN)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_explain_calls_a_refresh_token_one(http: httpx.Client) -> None:
    """Both are strings to whoever copies one; only one of them is an access token."""
    tokens = login(http)
    found = list(explain(guard_of(http), tokens["refresh_token"]))[-1]
    assert "refresh token" in found.hint
    assert "from jwtguard issuer" in found.hint
    assert all(one.passed for one in explain(guard_of(http), tokens["access_token"]))


def test_a_refresh_token_works_once(http: httpx.Client) -> None:
    """It is replaced at each use; using it again ends all that came of the login."""
    first = login(http)["refresh_token"]
    second = refresh(http, first).json()["refresh_token"]
    assert second != first
    again = refresh(http, first)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert refresh(http, second).json()["error"] == "invalid_grant"


def test_another_client_cannot_end_a_login(http: httpx.Client) -> None:
    """Presenting somebody else's refresh token neither works nor spends it."""
    token = login(http)["refresh_token"]
    form = {"grant_type": "refresh_token", "client_id": "www", "refresh_token": token}
    assert http.post("/oauth/token", data=form).json()["error"] == "invalid_grant"
    assert refresh(http, token).status_code == 200


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_a_foreign_page_is_refused(http: httpx.Client, path: str) -> None:
    """The guard in front checks Origin, and grants no page but the client's."""
    answer = http.post(path, data={**LOGIN, "token": "x"}, headers=FOREIGN)
    assert (answer.status_code, answer.json()["error"]) == (403, "unauthorized_client")
    assert "access-control-allow-origin" not in answer.headers
    own = http.post(path, data={**LOGIN, "token": "x"}, headers=OWN)
    assert own.headers["access-control-allow-origin"] == OWN["Origin"]


def test_a_refresh_keeps_the_time_of_the_login(http: httpx.Client) -> None:
    """``auth_time`` is new with the password alone (RFC 9068 section 2.2.1)."""

    def times(got: dict[str, Any]) -> tuple[int, int]:
        claims = jwt.decode(got["access_token"], options={"verify_signature": False})
        return claims["auth_time"], claims["iat"]

    tokens = login(http)
    first, _ = times(tokens)
    seen: list[tuple[int, int]] = []

    def later() -> bool:
        tokens.update(refresh(http, tokens["refresh_token"]).json())
        seen.append(times(tokens))
        return seen[-1][1] > first

    assert until(later)
    assert {at for at, _ in seen} == {first}
    assert times(login(http))[0] > first


def test_a_login_can_ask_for_an_acr(tmp_path: Path) -> None:
    """A user has the first value of the file, or one asked for; refreshes keep it."""
    path = tmp_path / "issuer.toml"
    path.write_text(
        '[[users]]\nname = "alice"\npassword = "wonderland"\n'
        'scopes = ["openid"]\nacr = ["pwd", "urn:example:mfa"]\n'
    )
    with serving(Config.load(path)) as http:
        guard = guard_of(http)
        for asked, expected in (
            ({}, "pwd"),
            ({"acr_values": "gold urn:example:mfa pwd"}, "urn:example:mfa"),
            ({"acr_values": "gold"}, "pwd"),
        ):
            tokens = login(http, **asked)
            again = refresh(http, tokens["refresh_token"]).json()
            for got in (tokens, again):
                assert guard.verify(got["access_token"]).acr == expected
            claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
            assert claims["acr"] == expected


def test_it_prints_what_each_user_may_do() -> None:
    """Whoever gets a 403 sees the scopes and roles of the login that was tried."""
    users = (
        User(name="alice", password="a", scopes=("read", "write"), roles=("admin",)),
        User(name="al", password="b", acr=("pwd", "mfa")),
    )
    lines = banner(Config(users=users), "http://x").splitlines()
    assert "  alice / a   read write, role admin" in lines
    assert "  al / b      no scopes, acr pwd mfa" in lines


def test_a_client_without_refresh_gets_none() -> None:
    """Refresh is a setting of each client, and off by default."""
    with serving(Config(clients=(Client(id="spa"),))) as http:
        answer = http.post("/oauth/token", data=LOGIN)
        assert "refresh_token" not in answer.json()


def test_a_confidential_client_has_to_authenticate() -> None:
    """RFC 6749 section 2.3: by Basic or in the form, never by its name alone."""
    config = Config(clients=(Client(id="spa", secret="hush"),))
    with serving(config) as http:
        assert http.post("/oauth/token", data=LOGIN).status_code == 401
        assert http.post("/oauth/token", data=LOGIN, auth=("spa", "hu")).is_error
        form = {**LOGIN, "client_secret": "hush"}
        assert http.post("/oauth/token", data=form).status_code == 200
        answer = http.post("/oauth/token", data=LOGIN, auth=("spa", "hush"))
        assert answer.status_code == 200


def test_revocation_ends_the_login(http: httpx.Client) -> None:
    """RFC 7009: the refresh token is gone; an unknown one is no error."""
    token = login(http)["refresh_token"]
    form = {"client_id": "spa", "token": token}
    assert http.post("/oauth/revoke", data=form, headers=OWN).status_code == 200
    assert refresh(http, token).json()["error"] == "invalid_grant"
    assert http.post("/oauth/revoke", data=form, headers=OWN).status_code == 200


def test_userinfo_needs_an_access_token(http: httpx.Client) -> None:
    """OpenID Connect Core section 5.3, behind the guard like any API."""
    token = login(http, scope="openid profile")["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert http.get("/userinfo", headers=bearer).json() == {
        "sub": "alice",
        "name": "Alice Liddell",
    }
    assert http.get("/userinfo").status_code == 401


@pytest.mark.parametrize("path", ["", "/tenant"])
def test_metadata_is_where_the_standards_say(path: str) -> None:
    """OpenID Discovery appends, RFC 8414 inserts; both name exactly the issuer."""
    issuer = f"https://id.example.com{path}"
    with serving(Config(), issuer=issuer) as http:
        for url in (
            f"{path}/.well-known/openid-configuration",
            f"/.well-known/oauth-authorization-server{path}",
        ):
            answer = http.get(url)
            assert answer.json()["issuer"] == issuer
            assert answer.headers["access-control-allow-origin"] == "*"
        assert http.post(f"{path}/oauth/token", data=LOGIN).status_code == 200


def test_keys_rotate_on_request() -> None:
    """The old key stays published until it is withdrawn."""
    with serving(Config()) as http:
        old, guard = login(http)["access_token"], guard_of(http)
        guard.verify(old)
        http.post("/dev/rotate").raise_for_status()
        new = login(http)["access_token"]
        guard.verify(new)
        assert len(http.get("/jwks").json()["keys"]) == 2
        bearer = {"Authorization": f"Bearer {old}"}
        assert http.get("/userinfo", headers=bearer).status_code == 200
        assert http.post("/dev/withdraw").json() == {"withdrawn": 1}
        assert http.get("/userinfo", headers=bearer).status_code == 401
        with pytest.raises(AuthError, match="unknown_key"):
            guard_of(http).verify(old)


def test_an_outage_can_be_had_and_ended(http: httpx.Client) -> None:
    """Keys, metadata and tokens answer 503 meanwhile."""
    http.post("/dev/outage").raise_for_status()
    assert http.get("/jwks").status_code == 503
    answer = http.post("/oauth/token", data=LOGIN, headers=OWN)
    assert (answer.status_code, answer.json()["error"]) == (
        503,
        "temporarily_unavailable",
    )
    assert answer.headers["access-control-allow-origin"] == OWN["Origin"]
    http.delete("/dev/outage").raise_for_status()
    assert http.get("/jwks").status_code == 200


def test_controls_are_for_this_machine_and_for_no_page(http: httpx.Client) -> None:
    """A page in a browser cannot rotate keys, nor can a rebound host name."""
    assert http.post("/dev/rotate", headers=OWN).status_code == 404
    fetch = {"Sec-Fetch-Site": "same-origin"}
    assert http.post("/dev/rotate", headers=fetch).status_code == 404
    rebound = {"Host": "evil.example"}
    assert http.post("/dev/rotate", headers=rebound).status_code == 404


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    """Plain passwords do not belong on a network."""
    with pytest.raises(ConfigurationError, match="--public"):
        bind(Config(), "0.0.0.0")


TOML = """
audience = "https://notes.example.com"
alg = "ES256"
access_token_lifetime = 60

[[clients]]
id = "web"
origins = ["https://www.example.com"]
scopes = ["a", "b"]
refresh = true
access_token_lifetime = 5

[[users]]
name = "carol"
password = "rabbit"
scopes = ["a"]
roles = ["editor"]
profile = { name = "Carol" }
"""


def test_clients_and_users_come_from_a_file(tmp_path: Path) -> None:
    """A TOML file takes the place of the samples; options win over it."""
    path = tmp_path / "issuer.toml"
    path.write_text(TOML)
    config = Config.load(path, alg="RS256")
    assert (config.alg, config.audience) == ("RS256", "https://notes.example.com")
    assert config.clients[0].origins == ("https://www.example.com",)
    assert config.users == (
        User(
            name="carol",
            password="rabbit",
            scopes=("a",),
            roles=("editor",),
            profile={"name": "Carol"},
        ),
    )
    with serving(config) as http:
        form = {**LOGIN, "client_id": "web", "username": "carol", "password": "rabbit"}
        token = http.post("/oauth/token", data=form).json()
        assert (token["expires_in"], token["scope"]) == (5, "a")


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    """A person mends the file in one go."""
    path = tmp_path / "issuer.toml"
    path.write_text(
        'alg = "HS256"\ncolour = 1\naudience = 5\n'
        '[[clients]]\nid = "x"\norigins = "https://a"\n'
        '[[users]]\nname = "y"\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        Config.load(path)
    text = str(caught.value)
    for word in ("HS256", "colour", "audience", "origins", "password"):
        assert word in text
    assert "at least one" not in text  # there is one; what it lacks is told
    path.write_text("users = []")
    with pytest.raises(ConfigurationError, match="users: at least one is needed"):
        Config.load(path)
    with pytest.raises(ConfigurationError, match="is not a valid origin"):
        Config(clients=(Client(id="x", origins=("https://a/",)),))
    with pytest.raises(ConfigurationError, match="absent"):
        Config.load(tmp_path / "absent.toml")


def test_origins_can_be_given_by_name() -> None:
    """``--origin spa=URL`` moves a sample client to where the page really is."""
    config = Config().with_origins({"spa": "http://localhost:5173"})
    assert config.clients[0].origins == ("http://localhost:5173",)
    with pytest.raises(ConfigurationError, match="nobody"):
        Config().with_origins({"nobody": "http://localhost:5173"})
