"""The Compose page with the real Keycloak: its realm, its settings, its commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from jwtguard import load_policy
from tests.docs.follower import Reader
from tests.docs.test_deployed import shown
from tests.issuers.keycloak import dist
from tests.issuers.running import running
from tests.ports import free_port

PAGE = "keycloak-compose.md"
missing = dist.missing()
pytestmark = pytest.mark.slow


def services() -> Any:
    """Return the services of the page's Compose file."""
    return yaml.safe_load(shown(PAGE, "yaml"))["services"]


def test_the_image_is_the_version_that_was_tested() -> None:
    """Image and tests have the same major and minor version."""
    image = services()["keycloak"]["image"]
    assert image.rpartition(":")[2] == dist.VERSION.rpartition(".")[0]


def test_the_settings_are_good() -> None:
    """The guard starts with the variables of the page."""
    assert load_policy(services()["api"]["environment"]).http_hosts == {"keycloak"}


def options(folder: Path) -> list[str]:
    """Where this Keycloak keeps its realm."""
    database = f"jdbc:h2:file:{folder / 'database'};NON_KEYWORDS=VALUE"
    return ["--optimized", f"--db-url={database};DB_CLOSE_ON_EXIT=FALSE"]


@pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}")
def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    """Keycloak imports the realm, and the commands print what the page shows."""
    realm = tmp_path / "realm.json"
    realm.write_text(shown(PAGE, "json", "realm.json"))
    (tmp_path / "api.py").write_text(shown("containers.md", "python", "api.py"))
    script = str(dist.HOME / "bin/kc.sh")
    import_it = [script, "import", *options(tmp_path), f"--file={realm}"]
    subprocess.run(import_it, env=environ(), check=True, capture_output=True)

    keycloak, api = free_port(), free_port()
    told = services()["keycloak"]["environment"]
    hostname = str(told["KC_HOSTNAME"]).replace("8080", str(keycloak))
    serve = [
        script, "start", *options(tmp_path), "--http-enabled=true",
        "--http-host=127.0.0.1", f"--http-port={keycloak}", "--cache=local",
        f"--hostname={hostname}",
        f"--hostname-backchannel-dynamic={told['KC_HOSTNAME_BACKCHANNEL_DYNAMIC']}",
    ]  # fmt: skip
    own = {
        name: value.replace("keycloak:8080", f"127.0.0.1:{keycloak}")
        .replace("localhost:8080", f"localhost:{keycloak}")
        for name, value in services()["api"]["environment"].items()
    }  # fmt: skip
    gunicorn = [sys.executable, "-m", "gunicorn", "--chdir", str(tmp_path)]
    gunicorn += ["--bind", f"127.0.0.1:{api}", "api:app"]
    ready = f"http://127.0.0.1:{keycloak}/realms/notes"
    health = f"http://127.0.0.1:{api}/healthz"
    with (
        running(serve, environ(), ready, tmp_path / "keycloak.log"),
        running(gunicorn, own, health, tmp_path / "api.log"),
        Reader(tmp_path) as reader,
    ):
        text = (Path(__file__).parents[2] / "docs/how-to" / PAGE).read_text("utf-8")
        blocks = re.findall(r"(?ms)^```console\n(.*?)^```", text)
        (asked,) = [block for block in blocks if "/whoami" in block]
        asked = asked.replace(":8080/", f":{keycloak}/").replace(":8000/", f":{api}/")
        reader.run(asked)


def environ() -> dict[str, str]:
    """Return the environment of Keycloak's own script."""
    return {**os.environ, **dist.ENVIRON}
