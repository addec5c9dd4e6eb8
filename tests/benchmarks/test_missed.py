"""What a target that is missed is spent on: the profiles below the targets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import memory, missed, stages, steps, targets
from benchmarks.results import Results
from benchmarks.site import Site, token
from benchmarks.steps import REST, SIGNATURE
from benchmarks.tables import ALGS, KNOWN, NOT_MEASURED
from jwtguard.testing import JWTIssuer

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


def test_each_missed_target_is_shown_with_its_largest_parts() -> None:
    """And one that is met is not, whatever was measured."""
    kept = Results.read()
    counts = {"digest": 30.0, "JSON": 50.0, SIGNATURE: 900.0, REST: 20.0}
    results = replace(kept, instructions=dict.fromkeys(ALGS, counts))
    table = missed.missed(results)
    goals = targets.all_goals(results)
    for goal in goals:
        assert (f"| {goal.name}" in table) is not all(
            one.met for one in goals if one.name == goal.name
        )
    expected = "of 100 instructions: JSON 50%, digest 30%, everything else 20%"
    assert all(one.met or expected in table for one in goals if one.spent == "RS256")


def test_targets_that_are_all_met_need_no_profile() -> None:
    """The page says that every target was met."""
    goal = targets.Goal("a figure", "hot", "≤", 2, [[1.0]])
    assert missed.table([goal], Results()) == "Every target was met."


def test_a_stage_of_a_server_is_named_with_its_time() -> None:
    """The largest first, of the time that the whole guard adds."""
    found = {**STAGES, stages.WHOLE: [[20.0]], stages.FLOOR: [[13.5]]}
    goal = targets.Goal("served", "server", "≥", 1, [[0.5]], spent="uvicorn")
    line = missed.line(goal, Results(stages=found))
    assert line[:3] == ("served (server)", "≥ 1", "0.50")
    assert line[3].startswith("of 10.0 µs: the rest of the guard 4.0, ")


def test_steps_leave_out_the_steps_within_them() -> None:
    """No instruction is counted twice, and together they are the whole."""
    nothing = steps.Step(lambda _: None)
    found = {
        "inner": nothing,
        "outer": nothing._replace(within=("inner",)),
        "alone": nothing,
        steps.REST: nothing,
    }
    counts = {steps.NOTHING: 5, "inner": 15, "outer": 45, "alone": 25, steps.REST: 105}
    split = steps.split(found, counts)
    assert split == {"inner": 10, "outer": 30, "alone": 20, steps.REST: 40}
    assert sum(split.values()) == 100


@pytest.mark.parametrize("case", [KNOWN, *ALGS])
def test_each_step_is_a_call_of_the_guard(case: str) -> None:
    """All steps run without an error, with a token for each call."""
    issuer = JWTIssuer() if case == KNOWN else JWTIssuer(alg=case)
    tokens = [token(issuer, f"user-{number}") for number in range(3)]
    made = steps.steps_of(case, Site.of(issuer), tokens)
    assert list(made)[-1] == steps.REST
    for step in made.values():
        for number in range(2):
            step.call(number)


def test_steps_are_shown_with_their_share() -> None:
    """Of all instructions of the case."""
    results = Results(instructions={KNOWN: {"digest": 250.0, REST: 750.0}})
    assert missed.known(results).splitlines()[2:] == [
        "| digest | 250 (25%) |",
        "| everything else | 750 (75%) |",
        "| all | 1,000 |",
    ]
    assert missed.new(results) == NOT_MEASURED


def test_the_parts_of_a_remembered_token_sum_up_to_what_was_measured() -> None:
    """What is in no object of the token is its place in the cache."""
    found = {"kept": [1000.0], "parts": {"claims": 600, "Facts": 300}}
    lines = missed.memory(Results(memory=found)).splitlines()
    assert lines[2] == "| the claims as they were signed | 600 |"
    assert lines[-2:] == [
        "| its place in the cache, and its SHA-256 | 100 |",
        "| all | 1000 |",
    ]


def test_parts_shared_by_tokens_are_not_counted_for_one() -> None:
    """The claims are its own; together they are less than what it keeps."""
    parts = memory.parts()
    assert parts["claims"] > 300
    assert sum(parts.values()) < memory.per_token()[1]
