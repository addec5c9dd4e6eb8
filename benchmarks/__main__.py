"""``make bench``: what the guard adds to a request, beside the bare application.

Everything runs in one process, in turn and several times, so that the ratios hold even
where the machine is noisy. Medians are printed with their spread; ``--json FILE`` keeps
the figures.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from . import requests
from .timing import Figure, measure


def main() -> int:
    """Measure, print, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=9, help="times each is measured")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    console = Console()
    cases = requests.cases()
    figures = _rounds(cases, arguments.rounds, console)
    for title, rows in requests.tables(figures):
        console.print(_table(title, rows))
    console.print(f"{platform.machine()}, Python {platform.python_version()}")
    if arguments.json:
        kept = {name: figure.samples for name, figure in figures.items()}
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


def _rounds(
    cases: dict[str, Callable[[], float]], rounds: int, console: Console
) -> dict[str, Figure]:
    samples: dict[str, list[float]] = {name: [] for name in cases}
    for _ in track(range(rounds), "measuring", console=console, transient=True):
        for name, run in cases.items():
            samples[name].append(measure(run))
    return {name: Figure(tuple(found)) for name, found in samples.items()}


def _table(title: str, rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    head, *body = rows
    for index, name in enumerate(head):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in body:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    sys.exit(main())
