"""The command lines that the pages show are ones that the program takes."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from jwtguard.cli import _parser

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *ROOT.glob("examples/*/*.md"),
]
CLI_PAGE = ROOT / "docs" / "cli.md"

SHELL = re.compile("  #| > | < ")
"""Where a shell's own words begin: a comment, or where output goes."""
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Return every shown call of ``jwtguard``, without what is piped into it."""
    lines = [
        SHELL.split(line.removeprefix("$ ").rpartition("| ")[2])[0]
        for page in PAGES
        for block in _CONSOLE.findall(page.read_text("utf-8"))
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("$ ")
    ]
    return sorted({line for line in lines if shlex.split(line)[0] == "jwtguard"})


@pytest.mark.parametrize("line", commands())
def test_command_parses(line: str) -> None:
    """A shown call is not a usage error."""
    words = shlex.split(line)[1:]
    assert callable(_parser(words).parse_args(words).run)


@pytest.mark.parametrize(
    "line", ["make demo", "make test", "make test-quick", "make check", "make docs"]
)
def test_make_target_exists(line: str) -> None:
    """A make target that the pages speak of is in the Makefile."""
    target = line.partition(" ")[2]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert any(line in page.read_text("utf-8") for page in PAGES)


def options(command: str) -> Iterator[str]:
    """Yield the long options of one command."""
    parser = _parser([command])
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found: argparse.ArgumentParser = action.choices[command]
            for own in found._actions:
                yield from (o for o in own.option_strings if o.startswith("--"))


@pytest.mark.parametrize("command", ["check", "explain", "issuer", "demo"])
def test_options_are_on_the_page(command: str) -> None:
    """The command line page names each option of each command."""
    text = CLI_PAGE.read_text("utf-8")
    section = text.partition(f"## jwtguard {command}\n")[2].partition("\n## ")[0]
    for option in set(options(command)) - {"--help"}:
        assert f"`{option}" in section, option
