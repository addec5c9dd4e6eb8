"""``jwtguard learn`` reads standard input, and the settings of its environment."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

import pytest

from jwtguard.cli import main

Run = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command with these settings alone."""

    def run(log: str, **settings: str) -> tuple[int, list[str], str]:
        for name in [name for name in os.environ if name.startswith("JWTGUARD_")]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(f"JWTGUARD_{name}", value)
        monkeypatch.setattr(sys, "stdin", io.StringIO(log))
        status = main(["learn"])
        out, err = capsys.readouterr()
        return status, out.splitlines(), err

    return run


SETTINGS = {"ISSUER": "https://id.example.com", "AUDIENCE": "api"}


def test_what_is_proposed_replaces_the_present_settings(run: Run) -> None:
    """Their clients come first in the line."""
    line = "would_refuse reason='foreign_origin' origin='https://m.example' "
    log = "".join(f"{line}client_id='spa' subject='{mark}'\n" for mark in ("a1", "b2"))
    present = {**SETTINGS, "CLIENTS": "spa=https://www.example batch"}
    status, (first, second), _ = run(log, **present)
    expected = "spa=https://www.example,https://m.example batch"
    assert (status, first) == (0, f'export JWTGUARD_CLIENTS="{expected}"')
    assert second.startswith("#   foreign_origin spa https://m.example  2 requests")


def test_without_settings_it_says_so(run: Run) -> None:
    """A log may be read on another machine than the one that wrote it."""
    assert run("") == (
        0,
        [
            "# the present settings are not known: add these lines to them",
            "# nothing to propose",
        ],
        "",
    )


def test_wrong_settings_are_an_error(run: Run) -> None:
    """As for every command."""
    status, out, err = run("", **SETTINGS, LEWAY="1")
    assert (status, out) == (1, [])
    assert "JWTGUARD_LEWAY" in err


def test_a_log_is_not_read_as_a_strict_encoding(run: Run) -> None:
    """Half a character in a log ends nothing."""
    status, out, _ = run("\udce9 would_refuse\n")
    assert (status, out[-1]) == (0, "# 1 line holds no known event")
