"""The first steps of the README, typed by somebody who has just found it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.follower import Reader

README = Path(__file__).parents[2] / "README.md"


def quickstart() -> str:
    """Return the section up to the first mention of another program."""
    section = README.read_text("utf-8").partition("## Quickstart\n")[2]
    return section.partition("\nThe distribution is called")[0]


@pytest.mark.slow
def test_the_first_steps_end_with_200_401_and_403(tmp_path: Path) -> None:
    """Each command of the quickstart prints what stands below it."""
    section = quickstart()
    assert re.findall(r"^(?!failed).* (\d{3})$", section, re.MULTILINE) == [
        "200",
        "401",
        "403",
    ]
    with Reader(tmp_path) as reader:
        reader.follow(section)


def test_no_drawing_is_made_of_characters() -> None:
    """The picture is a drawing with a text for those who cannot see it."""
    text = README.read_text("utf-8")
    assert re.search(r"!\[[^]]{40,}\]\(docs/_static/picture\.svg\)", text)
    assert not re.search(r"[─-╿]", text)


def test_it_says_how_long_the_tests_take() -> None:
    """It says how many minutes ``make test`` takes."""
    said = README.read_text("utf-8").partition("* `make test` ")[2]
    assert "minutes" in said.partition("\n\n")[0]
