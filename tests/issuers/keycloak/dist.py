"""The Keycloak that the tests run: fetched once, built once, kept in the user's cache.

``python3 -m tests.issuers.keycloak.dist`` does both; standard library only, so that it
runs before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

VERSION = "26.7.3"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jwtguard"
HOME = CACHE / f"keycloak-{VERSION}"

ENVIRON = {
    "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m",
    # Short-lived, so the second compiler does not pay: a third of the start-up time.
    "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
}


def missing() -> list[str]:
    """Return what the suites need and this machine lacks."""
    found = {
        "Java": shutil.which("java"),
        "Keycloak (.ci/install fetches it)": HOME.exists(),
    }
    return [name for name, there in found.items() if not there]


def install() -> None:
    """Fetch and build; leaves an existing one alone, and nothing half done."""
    if HOME.exists():
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        maven = (
            "mvn",
            "-q",
            "-B",
            "org.apache.maven.plugins:maven-dependency-plugin:copy",
        )
        subprocess.run(
            [*maven, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"],
            check=True,
        )
        (archive,) = folder.glob("*.zip")
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
        home = folder / f"keycloak-{VERSION}"
        for script in (home / "bin").glob("*.sh"):
            script.chmod(0o755)
        subprocess.run(
            [home / "bin/kc.sh", "build", "--db=dev-file"],
            env={**os.environ, **ENVIRON},
            check=True,
        )
        home.rename(HOME)


if __name__ == "__main__":
    print(f"== keycloak {VERSION}: {HOME} ==", flush=True)
    install()
