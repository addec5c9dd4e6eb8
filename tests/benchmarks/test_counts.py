"""``make count`` notices a request that needs more instructions than before."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from benchmarks import counts, instructions, marks

COUNTS = {
    counts.PLAIN: 100,
    counts.SIGNATURE: 300,
    "bare ASGI": 10,
    "bare WSGI": 20,
    "known token, ASGI": 110,
    "new token, WSGI": 520,
}
SCRIPT = """
from benchmarks.marks import run_marked

def sums(numbers):
    return lambda times: lambda: [sum(range(numbers)) for _ in range(times)]

run_marked({"a thing": sums(1000), "with a slow piece planted": sums(1100)})
"""


def test_the_application_and_the_signature_check_are_not_the_guards() -> None:
    """What is compared is what the guard adds, in verifiers in plain Python."""
    assert counts.ratios(COUNTS) == {"known token, ASGI": 1.0, "new token, WSGI": 2.0}


def test_another_build_of_python_changes_no_ratio() -> None:
    """Counts do not grow if Python needs twice as many instructions for everything."""
    slower = {name: 2 * count for name, count in COUNTS.items()}
    assert not list(counts.grown(slower, COUNTS))


@pytest.mark.parametrize(("count", "fails"), [(114, False), (116, True)])
def test_more_than_five_per_cent_fail(count: int, *, fails: bool) -> None:
    """A known token that needs 4 % more passes, and one that needs 6 % more fails."""
    found = list(counts.grown({**COUNTS, "known token, ASGI": count}, COUNTS))
    assert found == ["known token, ASGI: 6.0% more instructions than recorded"] * fails


def test_a_case_without_a_record_fails() -> None:
    """Whoever adds a case records it."""
    found = counts.grown({**COUNTS, "cookie": 1}, COUNTS)
    assert list(found) == ["cookie: not recorded"]


def test_a_version_is_compared_with_its_own_record(tmp_path: Path) -> None:
    """Recording replaces what was recorded with the same version of Python."""
    path, other = tmp_path / "instructions.json", {**COUNTS, "bare ASGI": 11}
    counts.record(COUNTS, path)
    counts.record(other, path)
    assert counts.recorded(path) == (platform.python_version(), other, counts.MOST)


def test_a_version_without_a_record_may_differ_by_more(tmp_path: Path) -> None:
    """It is compared with the nearest version that has a record."""
    path = tmp_path / "instructions.json"
    none: dict[str, float] = {}
    kept = {version: {"instructions": none} for version in ("2.7.18", "3.2.1", "3.0.4")}
    path.write_text(json.dumps(kept), "utf-8")
    assert counts.recorded(path) == ("3.2.1", {}, counts.MOST_ELSEWHERE)


def test_what_is_recorded_is_what_is_counted_now() -> None:
    """The repository's own record has the ratios that matter."""
    _, kept, _ = counts.recorded()
    now = counts.ratios(kept)
    assert {"known token, ASGI", "new token, ASGI", "forged token"} <= set(now)
    assert all(ratio > 0 for ratio in now.values())


@pytest.mark.slow
@pytest.mark.skipif(instructions.missing() is not None, reason="no valgrind")
def test_a_slow_piece_is_counted() -> None:
    """A tenth of work more is a tenth of instructions more, counted by callgrind."""
    plain, planted = instructions.counted_by("-c", SCRIPT).values()
    assert 1.08 < planted / plain < 1.12


def test_calls_are_what_2n_needs_more_than_n() -> None:
    """What is done once (start-up, the mark itself) is in none of the counts."""
    start, between, once = 1_000_000, 7, 500
    n = marks.CALLS
    slow = [once + 9 * n, between, once + 2 * 9 * n]
    fast = [once + 2 * n, between, once + 2 * 2 * n]
    found = marks.per_call(["slow", "fast"], [start, *slow, between, *fast])
    assert found == {"slow": 9, "fast": 2}
