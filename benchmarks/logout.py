"""``make bench-logout``: how soon a revocation holds, and what a list of them costs.

Prints the figures and refreshes the page, its drawing and its JSON. The exit status is
1 if a promise does not hold.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.redis_server import REDIS, Redis

from . import logout_list, logout_page, logout_workers
from .__main__ import show
from .measuring import about
from .results import STATIC

KEPT = STATIC / "benchmarks-logout.json"
PLOT = STATIC / "logout-latency.svg"
PAGE = STATIC.parent / "benchmarks-logout.md"
STORED = 200_000
PACKAGES = (
    "jwtguard-middleware", "redis", "gunicorn", "uvicorn", "uvloop", "httptools",
    "cryptography", "PyJWT", "anyio",
)  # fmt: skip


def main() -> int:
    """Measure, or read what was measured; print, keep."""
    arguments = _arguments()
    console = Console()
    if arguments.page:
        found = json.loads(KEPT.read_text("utf-8"))
    else:
        if REDIS is None:
            console.print("redis-server is not installed")
            return 2
        logging.getLogger("jwtguard").setLevel(logging.ERROR)
        found = measured(arguments, console)
    for table in logout_page.TABLES.values():
        show(console, table(found))
    if not arguments.trying:
        publish(found)
        console.print(f"refreshed {KEPT.name}, {PLOT.name} and {PAGE.name}")
    return 0 if all(holds for *_, holds in logout_page.promises(found)) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logout")
    add = parser.add_argument
    add("--rounds", type=int, default=15, help="of the timed list")
    add("--revocations", type=int, default=400, help="quiet, and again under traffic")
    add("--outages", type=int, default=10, help="of each kind")
    add("--page", action="store_true", help="only the page, from JSON")
    add("--try", action="store_true", dest="trying", help="keep nothing")
    return parser.parse_args()


def measured(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Return everything that there is to say about one run."""
    before = os.getloadavg()[0]
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("workers", total=options.rounds + 3)
        found = logout_workers.measured(options.revocations, options.outages)
        progress.update(task, advance=1, description="memory")
        counts = logout_list.COUNTS[1:]
        costs = {str(count): logout_list.costs(count) for count in counts}
        found["costs"] = {"0": {"megabytes": 0.0, "seconds": 0.0}, **costs}
        progress.update(task, advance=1, description="store")
        with tempfile.TemporaryDirectory() as folder, Redis(Path(folder)) as redis:
            stored = logout_list.stored(redis.url, STORED)
        found["stored"] = {"count": STORED, **stored}
        progress.update(task, advance=1, description="known token")
        found["list"] = logout_list.hot_path(
            options.rounds, lambda: progress.advance(task)
        )
    return {**found, "about": _about(options, before, found["redis"])}


def _about(options: argparse.Namespace, before: float, redis: str) -> dict[str, Any]:
    """Say where and with what this was measured."""
    said = about(1, options.rounds)
    del said["command"]
    loads = (
        f"{before:.1f} before, {os.getloadavg()[0]:.1f} after, of other programs too"
    )
    versions = {"Redis": redis, **{name: version(name) for name in PACKAGES}}
    return {
        **said,
        "load": loads,
        "niceness": os.nice(0),
        "command": "make bench-logout",
        "versions": versions,
    }


def publish(found: dict[str, Any]) -> None:
    """Refresh the page and what it shows."""
    text = json.dumps(_rounded(found), indent=1) + "\n"
    KEPT.write_text(text, "utf-8")
    kept = json.loads(text)  # the page says what can be read back
    PLOT.write_text(logout_page.drawing(kept), "utf-8")
    PAGE.write_text(logout_page.filled(PAGE.read_text("utf-8"), kept), "utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
