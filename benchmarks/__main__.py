"""``make bench``: what the guard adds to a request, beside the bare application.

Measures, prints, and refreshes the results page: its JSON, its drawing, its tables.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from jwtguard.testing import JWTIssuer

from . import breakdown, inprocess, loopback, memory, plot, report
from .results import KEPT, PAGE, PLOT, Results
from .site import Site, token
from .timing import measure

ROUNDS, BOUTS = 9, 5
SHOWN = (
    "targets", "verifying", "requests", "breakdown", "throughput", "memory",
    "left_out",
)  # fmt: skip
PACKAGES = (
    "PyJWT", "cryptography", "starlette", "fastapi", "flask", "uvicorn", "uvloop",
    "httptools", "gunicorn", "mcp", "fastmcp", "fastapi-azure-auth", "axioms-fastapi",
    "Flask-JWT-Extended", "Authlib", "flask-cors",
)  # fmt: skip


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="all of it, so many times")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="in each run")
    parser.add_argument("--bouts", type=int, default=BOUTS, help="of wrk, in each run")
    parser.add_argument(
        "--loopback", action="store_true", help="only this part; keep the others"
    )
    parser.add_argument("--page", action="store_true", help="only the page, from JSON")
    parser.add_argument(
        "--try", action="store_true", dest="trying", help="keep nothing"
    )
    arguments = parser.parse_args()
    console = Console()
    results = Results.read() if arguments.page else measured(arguments, console)
    for name in SHOWN:
        show(console, report.TABLES[name](results))
    if not arguments.trying:
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


def measured(options: argparse.Namespace, console: Console) -> Results:
    """Measure everything, or one part anew, ``--runs`` times."""
    if options.loopback:
        results = Results.read()
        results.loopback = {}
        made = inprocess.Cases([], results.left_out)
    else:
        results = Results(about=about(options.runs, options.rounds))
        made = inprocess.cases()
    results.left_out = dict(made.left_out)
    why = loopback.missing()
    if why is not None:
        results.left_out["loopback"] = why
    names = loopback.families(results.left_out) if why is None else {}
    bouts = sum(len(family) for family in names.values()) * options.bouts
    with Progress(console=console, transient=True) as progress:
        total = options.runs * (options.rounds + bouts)
        work = progress.add_task("measuring", total=total)
        for _ in range(options.runs):
            if made.found:
                _in_process(made, options.rounds, results, progress, work)
            for family in names.values():
                _over_loopback(family, options.bouts, results, progress, work)
    return results


def _in_process(
    made: inprocess.Cases,
    rounds: int,
    results: Results,
    progress: Progress,
    work: TaskID,
) -> None:
    loads = results.about.setdefault("load before each run", [])
    loads.append(round(os.getloadavg()[0], 1))
    samples: dict[tuple[str, str], list[float]] = {}
    for case in made.found:
        if case.base is not None:
            results.bases[case.who] = case.base
    for _ in range(rounds):
        for case in made.found:
            case.before()
            samples.setdefault((case.what, case.who), []).append(measure(case.run))
        progress.advance(work)
    for (what, who), found in samples.items():
        results.cases.setdefault(what, {}).setdefault(who, []).append(found)
    for name, run in breakdown.steps().items():
        results.breakdown.setdefault(name, []).append(
            [measure(run) for _ in range(rounds)]
        )
    length, kept = memory.per_token()
    results.memory["token_bytes"] = length
    results.memory.setdefault("kept", []).append(kept)


def _over_loopback(
    names: list[str], bouts: int, results: Results, progress: Progress, work: TaskID
) -> None:
    issuer = JWTIssuer()
    known, site = token(issuer), Site.of(issuer)
    samples: dict[tuple[str, str], list[float]] = {}
    with loopback.all_served(names, site, known) as ports:
        for _ in range(bouts):
            for name, port in ports.items():
                found = loopback.ask(port, known)
                for figure in ("per_second", "p50", "p99"):
                    value = getattr(found, figure)
                    samples.setdefault((figure, name), []).append(value)
                progress.advance(work)
    for (figure, name), values in samples.items():
        results.loopback.setdefault(figure, {}).setdefault(name, []).append(values)


def about(runs: int, rounds: int) -> dict[str, object]:
    """Say where and with what this is measured."""
    from cryptography.hazmat.backends.openssl.backend import backend

    source = Path("/proc/cpuinfo")
    cpu = (
        re.search(r"model name\s*: (.*)", source.read_text())
        if source.exists()
        else None
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {' '.join(sys.version.split())}",
        "OpenSSL of cryptography": backend.openssl_version_text(),
        "command": f"make bench ({runs} runs of {rounds} rounds)",
        "versions": {name: version(name) for name in PACKAGES},
    }


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
