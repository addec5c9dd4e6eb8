"""The profiles below the targets: where the time, instructions and bytes go."""

from __future__ import annotations

from .results import Results, Samples, middle
from .stages import BARE, FLOOR, STAGES
from .tables import NOT_MEASURED, Rows, markdown, title


def difference(one: Samples, other: Samples) -> float:
    """Return by how much *one* is more than *other*, bout by bout."""
    return middle(
        [
            [mine - its for mine, its in zip(run, beside, strict=True)]
            for run, beside in zip(one, other, strict=True)
        ]
    )


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
    rows.append((title(FLOOR), f"{middle(found[FLOOR]):.1f}", "", floor))
    head = ("uvicorn, known token", "µs a request", "over the line above", "over bare")
    return markdown(head, rows)
