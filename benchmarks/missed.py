"""The profiles below the targets: on what instructions, time and bytes are spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from .results import Results, Samples, middle
from .stages import BARE, FLOOR, STAGES, WHOLE
from .steps import APPLICATION, SIGNATURE
from .tables import ALGS, KNOWN, LEAST, NOT_MEASURED, Rows, markdown
from .targets import FLASK, Goal, all_goals

LARGEST = 4
"""So many parts are named beside a target."""
NOT_OURS = (SIGNATURE, APPLICATION)
"""Steps of a request that the guard does not do itself."""


def missed(results: Results) -> str:
    """The targets that were missed, each with its largest parts."""
    if not results.between:
        return NOT_MEASURED
    return table(all_goals(results), results)


def table(goals: Iterable[Goal], results: Results) -> str:
    """Return a line for each goal that was missed."""
    rows: Rows = [line(one, results) for one in goals if not one.met]
    if not rows:
        return "Every target was met."
    names = ("missed", "goal", "measured", "spent on")
    head, ruler, *lines = markdown(names, rows).splitlines()
    return "\n".join([head, ruler.removesuffix("---: |") + "--- |", *lines])


def line(goal: Goal, results: Results) -> tuple[str, ...]:
    """Return one goal with what was measured, and the largest parts of that."""
    spent = _SPENT.get(goal.spent, _instructions(goal.spent))(results)
    name = f"{goal.name} ({goal.condition})" if goal.condition else goal.name
    return name, f"{goal.sign} {goal.goal:g}", f"{middle(goal.found):.2f}", spent


def _largest(parts: Mapping[str, float], write: Callable[[float], str]) -> str:
    named = sorted(parts.items(), key=lambda one: -one[1])[:LARGEST]
    return ", ".join(f"{name} {write(value)}" for name, value in named)


def _instructions(case: str) -> Callable[[Results], str]:
    def largest(results: Results) -> str:
        steps = results.instructions.get(case)
        if steps is None:
            return NOT_MEASURED
        ours = {name: count for name, count in steps.items() if name not in NOT_OURS}
        whole = sum(ours.values())
        parts = _largest(ours, lambda value: f"{value / whole:.0%}")
        others = sum(steps.values()) - whole
        named = next(name for name in NOT_OURS if name in steps)
        left_out = f"(besides {others:,.0f} of the {named.removeprefix('the ')})"
        return f"of {whole:,.0f} instructions: {parts} {left_out}"

    return largest


_PARTS = {WHOLE: "the rest of the guard"}
"""How a stage is called where only what it adds is meant."""


def _uvicorn(results: Results) -> str:
    found = results.stages
    if not found:
        return NOT_MEASURED
    names = list(STAGES)
    parts = {
        _PARTS.get(name, name): difference(found[name], found[before])
        for before, name in pairwise(names)
    }
    whole = difference(found[WHOLE], found[BARE])
    return f"of {whole:.1f} µs: {_largest(parts, '{:.1f}'.format)}"


def _flask(results: Results) -> str:
    between = results.in_between()
    known = between.cases["known token"]
    parts = {
        "Flask": "jwtguard, Flask",
        "a bare WSGI application": "jwtguard, WSGI",
    }
    told = [
        f"{middle(between.added('known token', who)):.1f} µs added to {where}"
        for where, who in parts.items()
    ]
    floor = f"{LEAST}, Flask"
    if floor in known:
        least = middle(between.added("known token", floor))
        told.append(f"{least:.1f} µs by {LEAST}")
    return ", ".join(told)


def _bytes(results: Results) -> str:
    parts = results.memory.get("parts")
    return _largest(parts, "{} bytes".format) if parts else NOT_MEASURED


_SPENT: dict[str, Callable[[Results], str]] = {
    "uvicorn": _uvicorn,
    FLASK: _flask,
    "memory": _bytes,
}


def known(results: Results) -> str:
    """The instructions of a request with a known token, step by step."""
    return _steps(results, {KNOWN: "instructions"})


def new(results: Results) -> str:
    """The instructions of the verification of a new token, step by step."""
    return _steps(results, {alg: alg for alg in ALGS})


def _steps(results: Results, cases: Mapping[str, str]) -> str:
    found = [results.instructions.get(case) for case in cases]
    shown = [steps for steps in found if steps is not None]
    if not shown:
        return NOT_MEASURED
    rows: Rows = [(name, *(_cell(steps, name) for steps in shown)) for name in shown[0]]
    rows.append(("all", *(f"{sum(steps.values()):,.0f}" for steps in shown)))
    return markdown(("step", *cases.values()), rows)


def _cell(steps: Mapping[str, float], name: str) -> str:
    return f"{steps[name]:,.0f} ({steps[name] / sum(steps.values()):.0%})"


def memory(results: Results) -> str:
    """What is kept for a remembered token, by what it is."""
    parts = results.memory.get("parts")
    if not parts:
        return NOT_MEASURED
    whole = middle([[kept] for kept in results.memory["kept"]])
    rest = whole - sum(parts.values())
    rows: Rows = [(_OBJECTS.get(name, name), f"{size}") for name, size in parts.items()]
    rows += [
        ("its place in the cache, and its SHA-256", f"{rest:.0f}"),
        ("all", f"{whole:.0f}"),
    ]
    return markdown(("kept for a token", "bytes"), rows)


_OBJECTS = {
    "claims": "the claims as they were signed",
    "CachedToken": "the entry of the cache",
    "Facts": "fields that are read in the claims",
    "str": "the subject",
    "float": "when it expires",
    "tuple": "tuples",
}


def server(results: Results) -> str:
    """What a server spends on a known token: processor time, stage by stage."""
    found = results.stages
    if not found:
        return NOT_MEASURED
    rows: Rows = []
    before = BARE
    for name in STAGES:
        added = "" if name == BARE else f"{difference(found[name], found[before]):.1f}"
        total = "" if name == BARE else f"{difference(found[name], found[BARE]):.1f}"
        rows.append((name, f"{middle(found[name]):.1f}", added, total))
        before = name
    floor = f"{difference(found[FLOOR], found[BARE]):.1f}"
    rows.append((FLOOR, f"{middle(found[FLOOR]):.1f}", "", floor))
    head = ("uvicorn, known token", "µs a request", "over the line above", "over bare")
    return markdown(head, rows)


def difference(one: Samples, other: Samples) -> float:
    """Return by how much *one* is more than *other*, bout by bout."""
    return middle(
        [
            [mine - its for mine, its in zip(run, beside, strict=True)]
            for run, beside in zip(one, other, strict=True)
        ]
    )
