"""``make bench``: what the guard adds to a request, beside the bare application.

Measures, prints, and refreshes the results page: its JSON, its drawing, its tables.
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from . import plot, report
from .measuring import measured
from .results import KEPT, PAGE, PLOT, Results

RUNS, ROUNDS, BOUTS = 3, 5, 3
SHOWN = (
    "comparison", "verification", "verifying", "requests", "breakdown", "throughput",
    "new_tokens", "memory", "startup", "left_out", "targets",
    "missed", "profile_new", "profile_known", "profile_server", "profile_memory",
)  # fmt: skip


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="all, so many times")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="in each run")
    parser.add_argument("--bouts", type=int, default=BOUTS, help="of wrk, in each run")
    parser.add_argument(
        "--loopback", action="store_true", help="only this part; keep the others"
    )
    parser.add_argument("--page", action="store_true", help="only the page, from JSON")
    parser.add_argument(
        "--short", action="store_true", help="one round of everything; keep nothing"
    )
    arguments = parser.parse_args()
    if arguments.short:
        arguments.runs = arguments.rounds = arguments.bouts = 1
    console = Console()
    results = Results.read() if arguments.page else measured(arguments, console)
    for name in SHOWN:
        show(console, report.TABLES[name](results))
    if not arguments.short:
        publish(results)
        console.print(f"refreshed {KEPT.name}, {PLOT.name} and {PAGE.name}")
    return 0


def publish(results: Results) -> None:
    """Refresh the results page and what it shows."""
    results.write()
    kept = Results.read()  # the page says what can be read back
    PLOT.write_text(plot.draw(kept), "utf-8")
    page = report.filled(PAGE.read_text("utf-8"), kept)
    PAGE.write_text(page, "utf-8")


def show(console: Console, text: str) -> None:
    """Print a table of the page as a table of the terminal."""
    if not text.startswith("|"):
        console.print(text, highlight=False)
        return
    head, _, *rows = (
        [cell.strip().strip("*") for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
    )
    table = Table()
    for index, name in enumerate(head):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
