"""What a target that is missed is spent on: the profiles below the targets."""

from __future__ import annotations

from benchmarks import missed, stages
from benchmarks.results import Results
from benchmarks.tables import NOT_MEASURED

STAGES = {name: [[10.0 + 2 * number]] for number, name in enumerate(stages.STAGES)}


def test_a_stage_is_compared_with_the_one_before_and_with_the_bare_server() -> None:
    """Each line says what its stage adds."""
    table = missed.server(Results(stages={**STAGES, stages.FLOOR: [[13.5]]}))
    *_, decides, whole, floor = table.splitlines()
    assert decides.endswith("| 16.0 | 2.0 | 6.0 |")
    assert whole == "| the whole guard | 18.0 | 2.0 | 8.0 |"
    assert floor == f"| {stages.FLOOR} | 13.5 |  | 3.5 |"


def test_stages_are_compared_within_a_bout() -> None:
    """A slow moment of the machine meets both, and is in no difference."""
    assert missed.difference([[3.0, 103.0, 4.0]], [[1.0, 101.0, 1.0]]) == 2.0


def test_without_servers_no_stage_is_shown() -> None:
    """The page says so, and shows no empty table."""
    assert missed.server(Results()) == NOT_MEASURED
