"""Our own targets, and whether they were met."""

from __future__ import annotations

from typing import NamedTuple

from .results import Results, Samples, middle
from .tables import KNOWN, NOT_MEASURED, PLAIN, Rows, faster, markdown, spread_of

CHECKS = {"RS256": 2.0, "ES256": 1.45, "EdDSA": 1.25}
HOT, BETWEEN, SERVER = "hot", "between", "server"
FLASK = "gunicorn + Flask"
SERVERS = (
    ("uvicorn", "jwtguard", PLAIN, 0.78, 0.37),
    (FLASK, "jwtguard, Flask", f"{PLAIN}, Flask", 0.91, 0.73),
)
"""Who is served, the floor beside it, and the goals for known and new tokens."""


class Goal(NamedTuple):
    """One line of the table."""

    name: str
    condition: str
    sign: str
    goal: float
    found: Samples
    floor: Samples | None = None
    spent: str = ""
    """The profile that shows what the figure is spent on: see ``missed``."""

    @property
    def met(self) -> bool:
        """Whether the median of the runs is on the right side."""
        found = middle(self.found)
        return found <= self.goal if self.sign == "≤" else found >= self.goal


def targets(results: Results) -> str:
    """The targets, and whether they were met."""
    if not results.between:
        return NOT_MEASURED
    rows: Rows = [
        (
            one.name, one.condition, f"{one.sign} {one.goal:g}",
            f"{middle(one.found):.2f}", spread_of(one.found, 2),
            "" if one.floor is None else f"{middle(one.floor):.2f}",
            "yes" if one.met else "**no**",
        )
        for one in all_goals(results)
    ]  # fmt: skip
    head = ("figure", "condition", "goal", "measured", "runs", PLAIN, "met")
    return markdown(head, rows)


def all_goals(results: Results) -> list[Goal]:
    """Return every target with what was measured."""
    return [*_in_process(results), *_servers(results), *_memory(results)]


def _in_process(results: Results) -> list[Goal]:
    between = results.in_between()
    goals = [
        Goal(
            f"verification of a new {alg} token, in signature checks", BETWEEN, "≤",
            most, between.ratio(f"verify {alg}", "jwtguard"),
            between.ratio(f"verify {alg}", PLAIN), alg,
        )
        for alg, most in CHECKS.items()
    ]  # fmt: skip
    for what, name, condition, least, who in (
        ("new RS256", "new token, ASGI", BETWEEN, 1.7, "jwtguard"),
        ("known token", "known token, ASGI", HOT, 12, "jwtguard"),
        ("known token", "known token, ASGI", BETWEEN, 8, "jwtguard"),
        ("known token", "known token, WSGI", BETWEEN, 8, "jwtguard, WSGI"),
    ):
        shown = results if condition == HOT else between
        text = f"{name}: times cheaper than the fastest peer"
        spent = "RS256" if what == "new RS256" else KNOWN
        found = faster(shown, what, who)
        goals.append(Goal(text, condition, "≥", least, found, spent=spent))
    text = "known token refused for its origin, times a known token accepted"
    return [*goals, Goal(text, BETWEEN, "≤", 2, _refused(between), spent=KNOWN)]


def _refused(results: Results) -> Samples:
    refused = results.added("origin refused", "jwtguard")
    accepted = results.added("known token", "jwtguard")
    return [
        [middle([one]) / middle([other])]
        for one, other in zip(refused, accepted, strict=True)
    ]


def _servers(results: Results) -> list[Goal]:
    goals = []
    for server, who, floor, known, new in SERVERS:
        for what, rates, least in (
            ("known token", results.loopback.get("per_second", {}), known),
            ("every token new", results.loopback_new, new),
        ):
            if who in rates:
                is_new = rates is results.loopback_new
                name = f"{server}, {what}: requests per second, share of bare"
                beside = (
                    results.share(floor, new=True)
                    if floor in rates and is_new
                    else None
                )
                found = results.share(who, new=is_new)
                spent = "RS256" if is_new else server
                goals.append(Goal(name, SERVER, "≥", least, found, beside, spent))
    return goals


def _memory(results: Results) -> list[Goal]:
    kept = [[value / 1024] for value in results.memory["kept"]]
    return [Goal("KB kept for a remembered token", "", "≤", 0.8, kept, spent="memory")]
