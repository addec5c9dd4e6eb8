"""``jwtguard issuer --opaque``: tokens that an API has to introspect (RFC 7662)."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from jwtguard import Guard, Policy, load_policy
from jwtguard.errors import InvalidTokenError
from jwtguard.issuer import Client, Config, _config, add_arguments
from jwtguard.issuer.banner import banner
from jwtguard.testing import FakeClock, JWTIssuer
from tests.issuer.test_issuer import LOGIN, OWN, login, refresh, serving
from tests.waiting import until


def config_of(*words: str) -> Config:
    """Return what the command line *words* configure."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return _config(parser.parse_args(words))


def printed_by(config: Config, url: str) -> dict[str, str]:
    """Return the variables of the banner, as a shell would set them."""
    lines = (line.strip() for line in banner(config, url).splitlines())
    exports = [shlex.split(line)[1] for line in lines if line.startswith("export ")]
    return dict(export.split("=", 1) for export in exports)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client of an issuer with opaque tokens."""
    with serving(config_of("--opaque")) as client:
        yield client


@pytest.fixture
def policy(http: httpx.Client) -> Policy:
    """The policy of an API whose variables are those of the banner."""
    url = str(http.base_url).rstrip("/")
    environ = printed_by(config_of("--opaque"), url)
    assert environ["JWTGUARD_INTROSPECT"] == "opaque"
    return load_policy(environ)


def test_an_api_that_pastes_the_banner_accepts_the_tokens(
    http: httpx.Client, policy: Policy
) -> None:
    """With their scopes and roles; they are not JWTs."""
    got = login(http)
    assert "." not in got["access_token"]
    principal = Guard(policy).verify(got["access_token"])
    assert principal.subject == "alice"
    assert principal.roles == {"admin"}
    assert "notes:read" in principal.scopes
    again = refresh(http, got["refresh_token"]).json()["access_token"]
    assert Guard(policy).verify(again).subject == "alice"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revocation_ends_the_token(
    http: httpx.Client, policy: Policy, which: str
) -> None:
    """The token itself, or all tokens of its session: for APIs and for userinfo."""
    got = login(http)
    headers = {"Authorization": f"Bearer {got['access_token']}"}
    assert http.get("/userinfo", headers=headers).json()["sub"] == "alice"
    form = {"token": got[which], "client_id": "spa"}
    assert http.post("/oauth/revoke", data=form).is_success
    with pytest.raises(InvalidTokenError, match="inactive"):
        Guard(policy).verify(got["access_token"])
    assert http.get("/userinfo", headers=headers).status_code == 401


def test_a_page_of_the_client_can_revoke_and_read_who_it_is(http: httpx.Client) -> None:
    """The issuer's own guard takes the tokens, too."""
    token = login(http)["access_token"]
    headers = {"Authorization": f"Bearer {token}", **OWN}
    answer = http.get("/userinfo", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == OWN["Origin"]
    form = {"token": token, "client_id": "spa"}
    assert http.post("/oauth/revoke", data=form, headers=OWN).is_success
    assert http.get("/userinfo", headers=headers).status_code == 401
    bad = {"Authorization": "Bearer made-up"}
    assert http.get("/userinfo", headers=bad).status_code == 401


def test_a_bound_opaque_token_needs_its_proof(http: httpx.Client) -> None:
    """At the issuer itself as well (RFC 9449 section 7)."""
    key = JWTIssuer(clock=FakeClock(time.time())).dpop()
    url = str(http.base_url).rstrip("/")
    sent = {"DPoP": key.proof("POST", f"{url}/oauth/token")}
    token = http.post("/oauth/token", data=LOGIN, headers=sent).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert http.get("/userinfo", headers=bearer).status_code == 401
    proof = key.proof("GET", f"{url}/userinfo", token=token)
    proven = {"Authorization": f"DPoP {token}", "DPoP": proof}
    assert http.get("/userinfo", headers=proven).status_code == 200


def test_tokens_end_with_their_lifetime() -> None:
    """As JWTs do."""
    config = config_of("--opaque", "--access-token-lifetime", "1")
    with serving(config) as http:
        token = login(http)["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        until(lambda: http.get("/userinfo", headers=headers).status_code == 401)


def test_a_configured_client_asks_in_place_of_the_sample(tmp_path: Path) -> None:
    """``opaque`` may be in the file; a client that is there needs no other."""
    file = tmp_path / "issuer.toml"
    file.write_text('opaque = true\n[[clients]]\nid = "mine"\nsecret = "a b$"\n')
    config = config_of("--config", str(file))
    assert [one.id for one in config.clients] == ["mine"]
    environ = printed_by(config, "http://x")
    assert environ["JWTGUARD_INTROSPECT_CLIENT_ID"] == "mine"
    assert environ["JWTGUARD_INTROSPECT_CLIENT_SECRET"] == "a b$"
    assert environ["JWTGUARD_CLIENTS"] == ""
    assert config_of().opaque is False


def test_the_banner_proposes_introspection_if_a_client_can_ask() -> None:
    """An API is preferred to a site, and is not listed where clients sign in."""
    spa = Client(id="spa", origins=("http://localhost:8000",), refresh=True)
    site = Client(id="site", refresh=True, secret="of-the-site")
    api = Client(id="api", secret="of-the-api")
    environ = printed_by(Config(clients=(spa, site, api)), "http://x")
    assert environ["JWTGUARD_CLIENTS"] == "spa=http://localhost:8000 site"
    assert environ["JWTGUARD_INTROSPECT"] == "always"
    assert environ["JWTGUARD_INTROSPECT_CLIENT_ID"] == "api"
    environ = printed_by(Config(clients=(spa, site)), "http://x")
    assert environ["JWTGUARD_INTROSPECT_CLIENT_ID"] == "site"
    assert "JWTGUARD_INTROSPECT" not in printed_by(Config(clients=(spa,)), "http://x")


@pytest.mark.parametrize("words", [(), ("--opaque",)])
def test_the_command_of_the_banner_revokes(words: tuple[str, ...]) -> None:
    """A developer who copies it sees the token end."""
    config = config_of(*words)
    with serving(config) as http:
        url = str(http.base_url).rstrip("/")
        token = login(http)["access_token"]
        lines = banner(config, url).splitlines()
        (line,) = [one for one in lines if one.startswith("Revoke a token:")]
        _, _, command = line.partition("curl ")
        *options, target = shlex.split(command.replace("TOKEN", token))
        form = dict(one.split("=", 1) for one in options if one != "-d")
        assert http.post(target, data=form).is_success
        headers = {"Authorization": f"Bearer {token}"}
        assert http.get("/userinfo", headers=headers).status_code == 401
