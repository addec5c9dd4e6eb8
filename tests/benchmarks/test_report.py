"""The results page says what was measured, and nothing else."""

from __future__ import annotations

import pytest

from benchmarks import loopback, report
from benchmarks.results import PAGE, PLOT, Results, middle, spread

WRK = """Running 2s test @ http://127.0.0.1:41343/notes/7
  Latency Distribution
     50%  850.00us
     75%    1.02ms
     99%    2.50ms
  41234 requests in 2.00s, 5.00MB read
Requests/sec:  20617.33
"""


def test_the_page_shows_the_figures_that_were_kept() -> None:
    """Its tables are made from the JSON beside it: none was touched by hand."""
    page = PAGE.read_text("utf-8")
    assert report.filled(page, Results.read()) == page
    for name in report.TABLES:
        assert f"<!-- figures: {name} -->" in page


def test_the_drawing_follows_the_colours_of_the_page() -> None:
    """Text and axes take the theme's colour, so that they show in the dark too."""
    svg = PLOT.read_text("utf-8")
    assert svg.startswith("<svg ")
    assert "currentColor" in svg
    assert "#000000" not in svg


def test_what_is_quoted_is_what_is_added_to_the_base() -> None:
    """Round by round, so that a slow moment of the machine meets both."""
    results = Results(
        cases={
            "bare": {"ASGI": [[1.0, 2.0, 1.0], [1.0, 1.0, 1.0]]},
            "known token": {"ours": [[6.0, 7.0, 8.0], [5.0, 5.0, 5.0]]},
        },
        bases={"ours": "ASGI"},
    )
    added = results.added("known token", "ours")
    assert added == [[5.0, 5.0, 7.0], [4.0, 4.0, 4.0]]
    assert middle(added) == 4.5
    assert spread(added) == (4.0, 5.0)


def test_a_share_is_of_the_bare_application_of_the_same_bout() -> None:
    """Requests per second of ours over those of its base."""
    rates = {"ASGI": [[100.0, 200.0]], "ours": [[90.0, 190.0]]}
    results = Results(loopback={"per_second": rates}, bases={"ours": "ASGI"})
    assert results.share("ours") == [[0.9, 0.95]]


def test_what_wrk_prints_is_read() -> None:
    """Rate and percentiles, in microseconds."""
    assert loopback.read(WRK) == loopback.Answered(41234, 20617.33, 850.0, 2500.0)


def test_a_refused_request_is_not_measured() -> None:
    """A server that answers 401 fast is not fast."""
    with pytest.raises(RuntimeError, match="Non-2xx"):
        loopback.read(WRK + "  Non-2xx or 3xx responses: 12\n")
