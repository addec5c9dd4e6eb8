"""Each mistake of docs/mistakes.md is made, and answered as the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jwtguard.testing import JWTIssuer

from .calls import CALLS
from .code import CODE
from .settings import SETTINGS

PAGE = Path(__file__).parents[2] / "docs" / "mistakes.md"
MISTAKES = {**SETTINGS, **CODE, **CALLS}
PLACES = {"import", "start", "first request", "log", "check", "explain"}


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield mistake, place and answer of each row of the three tables."""
    text = PAGE.read_text("utf-8").partition("\n## Settings\n")[2]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(" | ")]
        if line.startswith("| ") and cells[0] != "| mistake":
            mistake, place, answer = cells[0][2:], cells[1], cells[2].rstrip("| ")
            yield mistake, place, re.sub(r"^(`+) ?(.*?) ?\1$", r"\2", answer)


def test_the_page_lists_what_is_made() -> None:
    """No mistake is missing on either side, and there are more than thirty-five."""
    listed = [mistake for mistake, _, _ in rows()]
    assert listed == list(MISTAKES)
    assert len(listed) > 35
    assert {place for _, place, _ in rows()} == PLACES


@pytest.mark.filterwarnings("ignore:The .root_path. parameter is deprecated")
@pytest.mark.parametrize(("mistake", "place", "answer"), list(rows()))
def test_a_mistake_is_answered(
    jwt_issuer: JWTIssuer, mistake: str, place: str, answer: str
) -> None:
    """The program says, at that place, what is wrong and what to write."""
    where, make = MISTAKES[mistake]
    assert where == place
    assert len(answer) > 15
    assert answer in make(jwt_issuer)
