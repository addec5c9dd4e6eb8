"""The page of logout says what was measured, and nothing else."""

from __future__ import annotations

import json

import pytest

from benchmarks import logout, logout_page


def test_the_page_shows_the_figures_that_were_kept() -> None:
    """Its tables are made from the JSON beside it: none was touched by hand."""
    page = logout.PAGE.read_text("utf-8")
    kept = json.loads(logout.KEPT.read_text("utf-8"))
    assert logout_page.filled(page, kept) == page
    for name in logout_page.TABLES:
        assert f"<!-- figures: {name} -->" in page


def test_the_drawing_follows_the_colours_of_the_page() -> None:
    """Text and axes take the theme's colour, so that they show in the dark too."""
    svg = logout.PLOT.read_text("utf-8")
    assert svg.startswith("<svg ")
    assert "currentColor" in svg
    assert "#000000" not in svg


def test_a_promise_that_does_not_hold_is_said() -> None:
    """By the median of the differences, and by p99 of the last worker."""
    times = {"0": [1.0, 1.0, 1.0], "1000": [1.1, 1.5, 1.4]}
    found = {
        "list": {"decision": times, "request": {"0": [5.0], "1000": [5.1]}},
        "quiet": {"all": [5.0] * 99 + [2000.0]},
        "busy": {"all": [5.0] * 98 + [2000.0] * 2},
    }
    held = [holds for *_, holds in logout_page.promises(found)]
    assert held == [False, True, True, False]


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 50), (0.99, 99), (1, 100), (0.991, 100), (0.001, 1)]
)
def test_a_percentile_is_one_of_the_values(share: float, value: int) -> None:
    """Nearest rank: what so many did not exceed."""
    assert logout_page.percentile(list(range(1, 101)), share) == value
