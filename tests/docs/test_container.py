"""The Dockerfile of the page: built and run by an engine, or its steps without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml  # type: ignore[import-untyped]

from jwtguard.testing import JWTIssuer
from tests.docs.test_deployed import ROOT, ask, shown, started
from tests.ports import free_port
from tests.waiting import HANG, until

pytestmark = pytest.mark.slow
PACKAGE = '"jwtguard-middleware[flask]"'


def _engine() -> bool:
    docker = shutil.which("docker")
    command = [str(docker), "info"]
    return bool(docker) and subprocess.run(command, capture_output=True).returncode == 0


WAYS = ["steps", *(["engine"] if _engine() else [])]
"""Without an engine there is nothing to skip: the same steps run without it."""


class Step(NamedTuple):
    """One line of a Dockerfile."""

    word: str
    rest: str


def dockerfile() -> list[Step]:
    """Return the steps of the page's Dockerfile."""
    lines = shown("containers.md", "dockerfile", "Dockerfile").splitlines()
    return [Step(*line.split(" ", 1)) for line in lines if line]


def settings() -> dict[str, str]:
    """Return the variables of the page's Compose file."""
    compose = yaml.safe_load(shown("containers.md", "yaml"))
    environ: dict[str, str] = compose["services"]["api"]["environment"]
    return environ


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as what ``pip install`` would fetch."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    command = [*build, "--outdir", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl")
    return made


@contextmanager
def by_steps(wheel: Path, folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Do what the Dockerfile says, in a new environment in place of an image."""
    app, python, port = folder / "app", folder / "python", free_port()
    app.mkdir()
    (folder / "api.py").write_text(shown("containers.md", "python", "api.py"))
    bin_ = python / "bin"
    own = {"PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", **environ}
    health: list[str] = []
    command: list[str] = []
    for word, rest in dockerfile():
        if word == "FROM":
            assert re.fullmatch(r"python:3\.\d+-slim", rest)
            venv.create(python, with_pip=True)
        elif word == "ENV":
            own |= dict([rest.split("=", 1)])
        elif word == "RUN":
            assert PACKAGE in rest
            line = rest.replace(PACKAGE, f'"{wheel}[flask]"')
            subprocess.run(["bash", "-ec", line], check=True, env={**os.environ, **own})
        elif word == "COPY":
            source, target = rest.split()
            assert target == "/app/"
            shutil.copy(folder / source, app)
        elif word == "HEALTHCHECK":
            health = json.loads(rest.removeprefix("CMD ").replace("8000", str(port)))
        elif word == "CMD":
            command = json.loads(rest.replace("0.0.0.0:8000", f"127.0.0.1:{port}"))
        else:
            assert (word, rest) in {
                ("WORKDIR", "/app"), ("USER", "nobody"), ("EXPOSE", "8000"),
            }  # fmt: skip
    program = [str(bin_ / command[0]), *command[1:]]
    with started(program, port, app, {**own, "PYTHONPATH": ""}):
        done = subprocess.run([str(bin_ / health[0]), *health[1:]], timeout=HANG)
        assert done.returncode == 0
        yield f"http://127.0.0.1:{port}"


@contextmanager
def by_engine(wheel: Path, folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Build the image with the wheel of this checkout, and run it."""
    shutil.copy(wheel, folder)
    (folder / "api.py").write_text(shown("containers.md", "python", "api.py"))
    text = "\n".join(" ".join(step) for step in dockerfile())
    inside = f"/tmp/{wheel.name}"
    text = text.replace("RUN pip", f"COPY {wheel.name} {inside}\nRUN pip")
    (folder / "Dockerfile").write_text(text.replace(PACKAGE, f'"{inside}[flask]"'))
    name, port = f"jwtguard-recipe-{os.getpid()}", free_port()
    given = [word for pair in environ.items() for word in ("-e", "=".join(pair))]
    run = ["docker", "run", "--rm", "-d", "--network", "host", "--name", name, *given]
    subprocess.run(["docker", "build", "-t", name, str(folder)], check=True)
    bind = ["gunicorn", "--bind", f"127.0.0.1:{port}", "api:app"]
    subprocess.run([*run, name, *bind], check=True)
    try:
        assert until(lambda: _answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True)
        subprocess.run(["docker", "rmi", "-f", name], capture_output=True)


def _answers(port: int) -> bool:
    try:
        return ask(f"http://127.0.0.1:{port}/healthz", {}).startswith("200")
    except OSError:
        return False


@pytest.mark.parametrize("way", WAYS)
def test_the_image_of_the_page_serves_the_api(
    way: str, wheel: Path, tmp_path: Path
) -> None:
    """The recipe leads to an API that is well, takes tokens, and refuses without."""
    issuer = JWTIssuer(audience="https://api.example.com")
    build = by_engine if way == "engine" else by_steps
    with issuer.served() as url:
        own = {**settings(), "JWTGUARD_ISSUER": url}
        del own["JWTGUARD_DISCOVERY_URL"]
        with build(wheel, tmp_path, own) as at:
            local = {"Host": at.removeprefix("http://")}
            assert ask(f"{at}/whoami", local) == "401 missing_token"
            answer = ask(f"{at}/whoami", {**local, **issuer.headers()})
            assert answer == '200 {"subject":"alice"}'
