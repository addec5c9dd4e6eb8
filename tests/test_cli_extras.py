"""The command line where packages of an extra are not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.session_support import SECRET
from tests.waiting import HANG

CODE = """
import sys
for name in sys.argv[1].split():
    sys.modules[name] = None
from jwtguard.cli import main
sys.exit(main(sys.argv[2:]))
"""


def run(missing: str, *argv: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that cannot import the packages *missing*."""
    trusted = {"ISSUER": "http://127.0.0.1:9", "AUDIENCE": "https://api.example"}
    environ = {f"JWTGUARD_{k}": v for k, v in {**trusted, **settings}.items()}
    return subprocess.run(
        [sys.executable, "-c", CODE, missing, *argv],
        env={**environ, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=HANG,
    )


@pytest.mark.parametrize(
    ("extra", "package", "words"),
    [
        ("issuer", "authlib", ()),
        ("issuer", "werkzeug", ("--port", "9000")),
        ("issuer", "werkzeug", ("--host", "--alg=x", "more")),
        ("demo", "rich", ("--no-wait",)),
        ("demo", "rich", ("--stay", "x")),
    ],
)
def test_a_command_names_the_extra_that_it_needs(
    extra: str, package: str, words: tuple[str, ...]
) -> None:
    """Its options are unknown then, and the message does not complain about them."""
    done = run(package, extra, *words)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"jwtguard {extra} needs {package}")
    assert line.endswith(f"pip install 'jwtguard-middleware[{extra}]'")


def test_the_help_of_a_command_names_the_extra() -> None:
    """It cannot list the options."""
    done = run("authlib", "issuer", "--help")
    assert done.returncode == 0
    assert "jwtguard-middleware[issuer]" in done.stdout


def test_unknown_options_of_other_commands_are_refused() -> None:
    """Also while the packages of an extra are missing."""
    done = run("authlib", "check", "a:b", "--port", "9000")
    assert done.returncode == 2
    assert "unrecognized arguments: --port 9000" in done.stderr


@pytest.mark.parametrize("words", [("check",), ("explain", "no.token")])
@pytest.mark.parametrize(
    ("package", "extra", "settings"),
    [
        ("limits", "relay", {"SESSION_CLIENT": "www", "SECRETS": SECRET}),
        ("redis", "redis", {"STATE": "redis://:hunter2@cache"}),
    ],
)
def test_a_setting_names_the_extra_that_it_needs(
    package: str, extra: str, settings: dict[str, str], words: tuple[str, ...]
) -> None:
    """One line says what to install, without a traceback."""
    done = run(package, *words, **settings)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("wrong  ")
    assert line.endswith(f"install jwtguard-middleware[{extra}]")
    assert "hunter2" not in line
