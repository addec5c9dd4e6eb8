"""``make bench-keys``: key caches under load, ours beside those that people use.

The issuer runs in a process of its own and counts. Each promise is checked; the figures
go to the terminal, and with ``--json``, ``--plot`` and ``--page`` to where the
documentation shows them. ``--from FILE`` draws figures that were kept.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import keys_page, load
from .forks import forks
from .issuer_process import Issuer
from .key_caches import ALL, JWTGuard, KeyCache

PACKAGES = (
    "jwtguard-middleware", "pyjwt", "jwks-client", "pyjwt-key-fetcher", "authlib",
    "joserfc", "httpx", "anyio", "trio", "gunicorn",
)  # fmt: skip
FORKABLE = "threads"


def main() -> int:
    """Measure, or read what was measured; print, keep, draw."""
    arguments = _arguments()
    console = Console()
    if arguments.drawn_from:
        report = json.loads(arguments.drawn_from.read_text())
    else:
        logging.disable(logging.CRITICAL)  # outages are what is wanted here
        report = measured(_chosen(arguments.only), arguments.rounds, console)
    console.print(_table(report))
    kept = True
    for promise, holds in keys_page.promises(report["figures"][JWTGuard.name]):
        console.print(f"{'holds ' if holds else 'BROKEN'}  {promise}")
        kept = kept and holds
    if arguments.json:
        text = json.dumps(report, indent=1).replace("Infinity", "1e999")  # RFC 8259
        arguments.json.write_text(text + "\n")
    if arguments.plot:
        arguments.plot.write_text(keys_page.drawing(report["figures"]))
    if arguments.page:
        keys_page.refresh(arguments.page, report)
    return 0 if kept else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keys")
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="times the timed scenarios are repeated")
    add("--only", action="append", default=[], help="measure this one beside ours")
    add("--json", type=Path, help="write the figures here")
    add("--plot", type=Path, help="draw them here, as SVG")
    add("--page", type=Path, help="refresh the table of this page")
    add("--from", type=Path, dest="drawn_from", help="read figures instead")
    return parser.parse_args()


def _chosen(names: list[str]) -> list[type[KeyCache]]:
    return [kind for kind in ALL if kind is JWTGuard or not names or kind.name in names]


def measured(kinds: list[type[KeyCache]], rounds: int, console: Console) -> Any:
    """Return everything that there is to say about one run."""
    began = os.getloadavg()
    figures: dict[str, Any] = {kind.name: {"herd": {}} for kind in kinds}
    work = [(kind, name) for kind in kinds for name in _scenarios(kind)]
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Issuer() as issuer, Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(work))
        for kind, name in work:
            progress.update(task, description=f"{kind.name}: {name}")
            found = figures[kind.name]
            if name.startswith("herd "):
                driver = name.removeprefix("herd ")
                found["herd"][driver] = load.herd(kind, issuer, driver)
            elif name == "forks":
                found[name] = forks(kind, issuer)
            else:
                found[name] = load.run(name, kind, issuer, rounds)
            progress.advance(task)
    return {
        "machine": _machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "rounds": rounds,
        "nice": os.nice(0),
        "load": {"before": began[0], "after": os.getloadavg()[0]},
        "figures": figures,
    }


def _scenarios(kind: type[KeyCache]) -> list[str]:
    herds = [f"herd {driver}" for driver in kind.drivers]
    return [*herds, *load.SCENARIOS, *(["forks"] if FORKABLE in kind.drivers else [])]


def _machine() -> str:
    cpu = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        cpu = next((x.split(": ")[1] for x in lines if x.startswith("model name")), cpu)
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores of {cpu}, {system}, {python}"


def _table(report: Any) -> Table:
    head, *body = keys_page.rows(report["figures"])
    table = Table(title="Key cache under load", title_justify="left")
    for index, name in enumerate(head):
        table.add_column(name, justify="left" if index == 0 else "right")
    for row in body:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    sys.exit(main())
