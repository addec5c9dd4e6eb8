"""The certified oidc-provider, through both examples, with the default profile."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jwtguard import Guard, load_policy
from jwtguard.cli import main
from tests.issuers.examples import (
    AUDIENCE,
    DOORS,
    OTHER,
    PASSWORD,
    SCOPE,
    STRANGER,
    WWW,
    Examples,
    examples,
    refusal,
)
from tests.issuers.load import load
from tests.issuers.running import started, stop
from tests.ports import free_port

SERVER = "oidc-provider"

HERE = Path(__file__).parent / "oidc_provider"
NODE = shutil.which("node")
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
CLIENTS: dict[str, dict[str, Any]] = {
    "spa": {"alg": "RS256", "origins": [WWW]},
    "other": {"alg": "RS256", "origins": [OTHER]},
    "www": {"alg": "ES256", "origins": [], "resource": AUDIENCE},
    **{f"spa-{alg}": {"alg": alg, "origins": [WWW]} for alg in ALGORITHMS},
}

missing = [
    name
    for name, there in (
        ("Node", NODE),
        (
            "npm install in tests/issuers/oidc_provider",
            (HERE / "node_modules/oidc-provider").exists(),
        ),
    )
    if not there
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]
both_doors = pytest.mark.parametrize("door", DOORS)


class Provider:
    """One running oidc-provider."""

    def __init__(self, folder: Path, clients: Any = None, *, word: str = "") -> None:
        self.clients = clients or CLIENTS
        self.word = word
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "log"
        self.start()

    def start(self) -> None:
        """Start it, with new keys and an empty memory."""
        command = [str(NODE), str(HERE / "server.mjs"), str(self.port)]
        ready = f"{self.url}/.well-known/openid-configuration"
        self._process = started(
            [*command, json.dumps(self.clients), self.word],
            {},
            ready,
            self._log,
        )

    def stop(self, *, kill: bool = False) -> None:
        """End it; *kill* without a warning."""
        stop(self._process, kill=kill)

    def change(self, what: str) -> None:
        """``rotate`` or ``withdraw`` keys."""
        httpx.post(f"{self.url}/{what}", trust_env=False).raise_for_status()

    def grant(self, **form: str) -> dict[str, str]:
        """Ask for alice's tokens; *form* changes that, and "" leaves a name out."""
        asked = {
            "grant_type": "password",
            "client_id": "spa",
            "username": "alice",
            "password": PASSWORD,
            "scope": SCOPE,
            "resource": AUDIENCE,
            **form,
        }
        form = {name: value for name, value in asked.items() if value}
        answer = httpx.post(f"{self.url}/token", data=form, trust_env=False)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider that runs as long as this module's tests."""
    server = Provider(tmp_path_factory.mktemp("oidc-provider"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def place(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    """Both examples, with issuer, audience and clients named, and nothing else."""
    with examples(
        tmp_path_factory.mktemp("examples"),
        provider.url,
        both={"JWTGUARD_KEYS_COOLDOWN": "0"},  # keys are rotated within seconds here
        api={
            "JWTGUARD_CLIENTS": f"spa={WWW} other={OTHER} www",
            "JWTGUARD_REFRESH_CLIENTS": "spa",
        },
    ) as found:
        yield found


@both_doors
def test_password_grant(provider: Provider, place: Examples, door: str) -> None:
    """Bearer access tokens of the password grant are accepted."""
    answer = place.ask(door, provider.grant()["access_token"], WWW)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == WWW


def test_what_is_read(provider: Provider, place: Examples) -> None:
    """Subject, client and scopes are read."""
    who = place.ask("flask", provider.grant()["access_token"]).json()
    assert (who["subject"], who["client_id"]) == ("alice", "spa")
    assert {"notes:read", "notes:write"} <= set(who["scopes"])


@both_doors
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_algorithms(provider: Provider, place: Examples, door: str, alg: str) -> None:
    """Tokens of RS256, PS256, ES256 and EdDSA keys in one set are accepted."""
    token = provider.grant(client_id=f"spa-{alg}")["access_token"]
    head = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "==="))
    assert head["alg"] == alg
    assert place.ask(door, token).status_code == 200


def test_strict_profile(provider: Provider) -> None:
    """The profile `rfc9068` accepts these tokens too."""
    settings = {
        "JWTGUARD_ISSUER": provider.url,
        "JWTGUARD_AUDIENCE": AUDIENCE,
        "JWTGUARD_PROFILE": "rfc9068",
    }
    guard = Guard(load_policy(settings))
    assert guard.verify(provider.grant()["access_token"]).client_id == "spa"


def test_refresh_grant(provider: Provider, place: Examples) -> None:
    """A page refreshes through the token path, but only from its own origin."""
    form = {"client_id": "spa", "username": "alice", "password": PASSWORD}
    got = place.grant(
        WWW, grant_type="password", scope="notes:read", resource=AUDIENCE, **form
    )
    assert got.status_code == 200, got.text
    asked = {"grant_type": "refresh_token", "client_id": "spa"}
    asked["refresh_token"] = got.json()["refresh_token"]
    for origin in (OTHER, STRANGER, "null", None):
        assert place.grant(origin, **asked).status_code == 403
    again = place.grant(WWW, **asked)
    assert again.status_code == 200, again.text
    assert place.ask("flask", again.json()["access_token"], WWW).status_code == 200


def test_site_signs_in(provider: Provider, place: Examples) -> None:
    """The server-rendered site signs in with a form, keeps the token and signs out."""
    with httpx.Client(base_url=place.starlette, trust_env=False) as browser:
        form = {"username": "alice", "password": PASSWORD}
        same = {"Sec-Fetch-Site": "same-origin"}
        done = browser.post("/login", data=form, headers=same)
        assert (done.status_code, done.headers["Location"]) == (303, "/"), done.text
        assert browser.get("/").status_code == 200
        assert browser.cookies
        assert browser.post("/logout", headers=same).status_code == 303
        assert not browser.cookies
        assert browser.get("/").status_code == 401


@both_doors
@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("id_token", "id_token"),
        ("refresh_token", "malformed"),
        ("logout_token", "logout_token"),
    ],
)
def test_other_tokens(
    provider: Provider, place: Examples, door: str, kind: str, why: str
) -> None:
    """ID, opaque refresh and logout tokens are refused, each with its own reason."""
    answer = place.ask(door, provider.grant()[kind], WWW)
    assert refusal(answer) == (401, why)
    assert answer.headers["Access-Control-Allow-Origin"] == WWW


@both_doors
def test_client_bound_cors(provider: Provider, place: Examples, door: str) -> None:
    """A token of one client is refused from another client's pages."""
    token = provider.grant()["access_token"]
    for origin in (OTHER, STRANGER, "null"):
        answer = place.ask(door, token, origin)
        assert refusal(answer) == (403, "foreign_origin")
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_opaque_token_is_explained(
    provider: Provider,
    place: Examples,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a resource indicator the token is opaque, and `explain` says so."""
    token = provider.grant(resource="")["access_token"]
    assert refusal(place.ask("flask", token)) == (401, "malformed")
    monkeypatch.setenv("JWTGUARD_ISSUER", provider.url)
    monkeypatch.setenv("JWTGUARD_AUDIENCE", AUDIENCE)
    assert main(["explain", token]) == 1
    printed = capsys.readouterr().out
    assert "an opaque token" in printed
    assert "resource" in printed


def test_another_resource(provider: Provider, place: Examples) -> None:
    """A token for another API of the same server is refused."""
    other = provider.grant(resource="https://billing.example.com")["access_token"]
    assert refusal(place.ask("flask", other)) == (401, "wrong_audience")


def test_rotation_under_load(provider: Provider, place: Examples) -> None:
    """No request fails when keys are rotated; tokens of a withdrawn key are refused."""
    old = provider.grant()["access_token"]
    with load([place.url(door) for door in DOORS], old) as under:
        under.wait_for(40)
        provider.change("rotate")
        under.token = new = provider.grant()["access_token"]
        under.wait_for(40)
        under.token = old
        under.wait_for(40)
    assert set(under.statuses) == {200}, under.statuses

    provider.change("withdraw")
    provider.change("rotate")
    newest = provider.grant()["access_token"]
    for door in DOORS:
        assert place.ask(door, newest).status_code == 200
        assert refusal(place.ask(door, old)) == (401, "unknown_key")
        assert place.ask(door, new).status_code == 200


def test_outage_under_load(provider: Provider, place: Examples) -> None:
    """No request fails when the server is killed and restarted with other keys."""
    before = provider.grant()["access_token"]
    with load([place.url(door) for door in DOORS], before) as under:
        under.wait_for(40)
        provider.stop(kill=True)
        under.wait_for(40)
        provider.start()
        under.token = provider.grant()["access_token"]
        under.wait_for(40)
    assert set(under.statuses) == {200}, under.statuses
