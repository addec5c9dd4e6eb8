"""Everything that ``make bench`` measures, run by run."""

from __future__ import annotations

import gc
import os
import platform
import re
import sys
from argparse import Namespace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from jwtguard.testing import JWTIssuer

from . import (
    between,
    breakdown,
    inprocess,
    instructions,
    loopback,
    memory,
    startup,
)
from .case import Cases
from .results import Results, Samples
from .site import Site, token
from .timing import measure

TOKENS = 5000
"""For servers where every token is new: more than the guard remembers."""
NEW_TOO = (
    "ASGI", "jwtguard", "plain Python", "Starlette + PyJWT",
    "Flask", "jwtguard, Flask", "plain Python, Flask", "Flask-JWT-Extended", "Authlib",
)  # fmt: skip
PACKAGES = (
    "PyJWT", "cryptography", "starlette", "fastapi", "flask", "uvicorn", "uvloop",
    "httptools", "gunicorn", "mcp", "fastmcp", "fastapi-azure-auth", "axioms-fastapi",
    "Flask-JWT-Extended", "Authlib", "flask-cors",
)  # fmt: skip


def measured(options: Namespace, console: Console) -> Results:
    """Measure everything, or one part anew, ``--runs`` times."""
    if options.loopback:
        results = Results.read()
        results.loopback, results.loopback_new, results.stages = {}, {}, {}
        made = Cases(left_out=results.left_out)
    else:
        results = Results(about=about(options.runs, options.rounds))
        made = inprocess.cases()
        results.startup = startup.steps()
        results.memory["parts"] = memory.parts()
        if instructions.missing() is None:
            results.instructions = instructions.steps()
    results.left_out = dict(made.left_out)
    why = loopback.missing()
    if why is not None:
        results.left_out["loopback"] = why
    with Progress(console=console, transient=True) as progress:
        work = progress.add_task("measuring", total=2 * options.runs)
        for _ in range(options.runs):
            if made.hot:
                _in_process(made, options.rounds, results)
            progress.advance(work)
            if why is None:
                _over_loopback(options.bouts, results)
            progress.advance(work)
    return results


def _in_process(made: Cases, rounds: int, results: Results) -> None:
    loads = results.about.setdefault("load before each run", [])
    loads.append(round(os.getloadavg()[0], 1))
    for case in (*made.hot, *made.between):
        if case.base is not None:
            results.bases[case.who] = case.base
    gc.freeze()  # what all the peers have loaded is not looked through before each case
    hot: dict[tuple[str, str], list[float]] = {}
    blocks: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for case in made.hot:
            case.before()
            hot.setdefault((case.what, case.who), []).append(measure(case.run))
        for figure, found in between.sample(made.between).items():
            blocks.setdefault(figure, []).append(found)
    _keep(hot, results.cases)
    _keep(blocks, results.between)
    for name, run in breakdown.steps().items():
        results.breakdown.setdefault(name, []).append(
            [measure(run) for _ in range(rounds)]
        )
    length, kept = memory.per_token()
    results.memory["token_bytes"] = length
    results.memory.setdefault("kept", []).append(kept)


def _keep(
    samples: dict[tuple[str, str], list[float]], into: dict[str, dict[str, Samples]]
) -> None:
    for (what, who), found in samples.items():
        into.setdefault(what, {}).setdefault(who, []).append(found)


def _over_loopback(bouts: int, results: Results) -> None:
    issuer = JWTIssuer()
    site = Site.of(issuer)
    tokens = [token(issuer, f"user-{number}") for number in range(TOKENS)]
    samples: dict[tuple[str, str], list[float]] = {}
    new: dict[str, list[float]] = {}
    with loopback.script_of(tokens) as script:
        for names in loopback.families(results.left_out).values():
            with loopback.all_served(names, site, tokens[0]) as servers:
                for _ in range(bouts):
                    for name, server in servers.items():
                        found = loopback.ask(server, tokens[0])
                        for figure in ("per_second", "p50", "p99"):
                            value = getattr(found, figure)
                            samples.setdefault((figure, name), []).append(value)
                    for name in (one for one in servers if one in NEW_TOO):
                        found = loopback.ask(servers[name], script=script)
                        new.setdefault(name, []).append(found.per_second)
    _keep(samples, results.loopback)
    for name, values in loopback.stages(site, tokens[0], 2 * bouts).items():
        results.stages.setdefault(name, []).append(values)
    for name, values in new.items():
        results.loopback_new.setdefault(name, []).append(values)


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
