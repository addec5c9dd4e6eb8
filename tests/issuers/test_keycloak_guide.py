"""The Keycloak page, followed to the letter on the running server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from jwtguard import Guard, load_policy
from tests.issuers.examples import AUDIENCE, PASSWORD
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.running import ROOT

SERVER = "Keycloak"

PAGE = (ROOT / "docs/issuers/keycloak.md").read_text("utf-8")
SHOWN = "http://localhost:8080"

missing = dist.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


def blocks(kind: str, section: str) -> list[str]:
    """Return the blocks of one language under one heading."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PLAYWRIGHT = ROOT / "tests/browser/node_modules/playwright-core"


@pytest.mark.skipif(
    not (NODE and CHROMIUM and PLAYWRIGHT.exists()),
    reason="missing: Node, Chromium, or npm install in tests/browser",
)
def test_the_clicks_lead_to_a_good_token(keycloak: Keycloak, tmp_path: Path) -> None:
    """The clicks on the Keycloak page lead to a token that is accepted."""
    picture = tmp_path / "where-it-stopped.png"
    settings = {
        "url": keycloak.url,
        "password": PASSWORD,
        "chromium": CHROMIUM,
        "picture": str(picture),
    }
    clicks = ROOT / "tests/issuers/keycloak/clicks.mjs"
    done = subprocess.run(
        [str(NODE), str(clicks), json.dumps(settings)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{done.stderr}\n{picture}"
    environ = {
        "JWTGUARD_ISSUER": keycloak.issuer("notes"),
        "JWTGUARD_AUDIENCE": AUDIENCE,
        "JWTGUARD_PROFILE": "keycloak",
    }
    token = keycloak.grant("notes", scope="openid notes:read notes:write")
    who = Guard(load_policy(environ)).verify(token["access_token"])
    assert who.scopes >= {"notes:read", "notes:write"}
    assert who.claims["allowed-origins"] == ["https://www.example.com"]
    assert is_told(keycloak)
    keycloak.ask("DELETE", "/notes")


def is_told(keycloak: Keycloak) -> bool:
    """Whether the client is told of logouts as the page says."""
    client = keycloak.ask("GET", keycloak.client_path("spa", "notes")).json()
    told = {
        "backchannel.logout.url": "https://api.example.com/oidc/logout",
        "backchannel.logout.session.required": "true",
    }
    return client["frontchannelLogout"] is False and told.items() <= (
        client["attributes"].items()
    )


class Reader:
    """Somebody who types what the page shows into one shell."""

    def __init__(self, keycloak: Keycloak, home: Path) -> None:
        self.keycloak = keycloak
        self.outputs: list[str] = []
        path = f"{dist.HOME}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("JWTGUARD_")}
        self._environ = {
            **kept,
            "HOME": str(home),
            "PATH": path,
            "KC_OPTS": dist.ENVIRON["JAVA_OPTS_APPEND"],
            "KC_CLI_PASSWORD": PASSWORD,  # instead of typing it
            "NO_COLOR": "1",
        }

    def types(self, *shown: str, **environ: str) -> str:
        """Run the lines that begin with ``$``; all but the last must succeed."""
        lines = [line[2:] for line in "\n".join(shown).splitlines() if line[:2] == "$ "]
        script = "\n".join(["set -eu", *lines]).replace(SHOWN, self.keycloak.url)
        done = subprocess.run(
            ["bash", "-c", script],
            env={**self._environ, **environ},
            capture_output=True,
            text=True,
            timeout=180,
        )
        self.outputs.append(done.stdout.replace(self.keycloak.url, SHOWN))
        assert done.returncode in (0, 1), done.stderr
        return done.stdout if done.returncode == 0 else f"failed\n{done.stdout}"

    def token(self, **form: str) -> dict[str, str]:
        """Ask for tokens as the page does."""
        scope = "openid notes:read"
        return self.keycloak.grant("notes", **{"scope": scope, **form})

    def explains(self, token: str) -> str:
        """Run ``jwtguard explain`` with the page's variables."""
        settings = blocks("console", "Variables")[0]
        settings = settings.replace("$ jwtguard check\n", "")
        return self.types(settings, '$ echo "$TOKEN" | jwtguard explain', TOKEN=token)


@pytest.fixture(scope="module")
def reader(
    keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    """A reader who has done what the page says under its first heading."""
    reader = Reader(keycloak, tmp_path_factory.mktemp("reader"))
    output = reader.types(*blocks("console", "Setup"))
    assert not output.startswith("failed"), output
    yield reader
    keycloak.ask("DELETE", "/notes")


def test_the_page_leads_to_a_good_call(reader: Reader) -> None:
    """The commands on the Keycloak page lead to a token that is accepted."""
    variables, token = blocks("console", "Variables")[:2]
    output = reader.types(variables, token)
    assert not output.startswith("failed"), output
    assert "ok     keys" in output
    assert re.search(r"^passed  request", output, re.MULTILINE), output
    assert "notes:read" in output


def test_the_page_sets_the_url_for_logout_tokens(reader: Reader) -> None:
    """The commands under Sign-out make Keycloak send logout tokens to the API."""
    client = reader.keycloak.client_path("spa", "notes")
    reader.keycloak.change(client, frontchannelLogout=True)
    assert not is_told(reader.keycloak)
    said = reader.types(*blocks("console", "Sign-out"))
    assert not said.startswith("failed"), said
    assert is_told(reader.keycloak)


def mistakes(reader: Reader) -> None:
    """Make each mistake of the page once; what comes of it is in ``outputs``."""
    keycloak = reader.keycloak
    reader.explains(reader.token()["id_token"])
    reader.explains(reader.token()["refresh_token"])
    reader.explains(keycloak.grant("second", scope="openid")["access_token"])

    client = keycloak.client_path("spa", "notes")
    light = "client.use.lightweight.access.token.enabled"
    keycloak.change(client, attributes={light: "true"})
    reader.explains(reader.token()["access_token"])
    keycloak.change(client, attributes={light: "false"})

    found = keycloak.ask("GET", f"{client}/protocol-mappers/models").json()
    (mapper,) = (one for one in found if one["name"] == "notes-api")
    keycloak.ask("DELETE", f"{client}/protocol-mappers/models/{mapper['id']}")
    reader.explains(reader.token()["access_token"])


def test_errors_look_like_on_the_page(reader: Reader) -> None:
    """Each mistake under Troubleshooting looks as the page shows it."""
    mistakes(reader)
    output = "\n".join(reader.outputs)
    shown = blocks("text", "Troubleshooting")
    assert len(shown) == 5
    for block in shown:
        assert block in output, f"{block}\nis not in\n{output}"


def refused(keycloak: Keycloak, **form: str) -> Mapping[str, str]:
    url = f"{keycloak.url}/realms/notes/protocol/openid-connect/token"
    asked = {"grant_type": "password", "client_id": "spa", "password": PASSWORD}
    answer = httpx.post(url, data={**asked, **form}, trust_env=False)
    assert answer.status_code >= 400
    found: Mapping[str, str] = answer.json()
    return found


def test_refusals_of_keycloak_look_like_on_the_page(reader: Reader) -> None:
    """Keycloak's errors for an unfinished account or client are as the page shows."""
    unfinished, forbidden = blocks("json", "Troubleshooting")
    keycloak = reader.keycloak
    password = {"type": "password", "value": PASSWORD}
    half = {"username": "half", "enabled": True, "credentials": [password]}
    keycloak.create("/notes/users", half)
    assert refused(keycloak, username="half") == json.loads(unfinished)
    client = keycloak.client_path("spa", "notes")
    keycloak.change(client, directAccessGrantsEnabled=False)
    assert refused(keycloak, username="alice") == json.loads(forbidden)
    keycloak.change(client, directAccessGrantsEnabled=True)


def test_labels_are_those_of_the_console() -> None:
    """The page names buttons and fields as Keycloak's console does."""
    (jar,) = (dist.HOME / "lib/lib/main").glob("*keycloak-admin-ui-*.jar")
    name = "theme/keycloak.v2/admin/messages/messages_en.properties"
    with zipfile.ZipFile(jar) as packed:
        text = packed.read(name).decode("utf-8")
    labels = {line.partition("=")[2].strip() for line in text.splitlines()}
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    named = re.findall(r"\*\*([A-Z][^*.`]+)\*\*", prose)
    assert len(named) > 25
    assert [label for label in named if label not in labels] == []
