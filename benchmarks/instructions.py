"""``make count``: processor instructions of one request, counted by callgrind.

Counts repeat, however busy the machine is, so that a change of one per cent shows. The
exit status is 1 if a request needs 5 % more than ``instructions.json`` has recorded;
``--record`` replaces the record of this Python.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from jwtguard.testing import JWTIssuer

from .counted import TOKENS
from .counts import KEPT, Counts, grown, ratios, record, recorded
from .marks import MARK, per_call
from .site import Site, token
from .steps import split, steps_of
from .tables import ALGS, KNOWN

ROOT = Path(__file__).parents[1]
_TOTALS = re.compile(r"^totals: (\d+)", re.MULTILINE)


def main() -> int:
    """Count, print, and compare with the record or replace it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions")
    parser.add_argument("--record", action="store_true", help="keep these counts")
    arguments = parser.parse_args()
    if (why := missing()) is not None:
        print(f"instructions are not counted: {why}")
        return 1 if os.environ.get("NO_SKIPS") or arguments.record else 0
    counts = counted()
    if arguments.record:
        record(counts)
    python, before, most = recorded()
    print(table(counts, before))
    print(f"recorded with Python {python} in {KEPT.name}; at most {most:.0%} of it")
    too_many = list(grown(counts, before, most))
    for complaint in too_many:
        print(complaint)
    return 1 if too_many else 0


def missing() -> str | None:
    """Say why nothing can be counted, if so."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed (Debian: apt-get install valgrind)"
    return None


def counted() -> Counts:
    """Return the instructions of one call, case by case."""
    issuer = JWTIssuer()
    tokens = [token(issuer, f"user-{number:03}") for number in range(TOKENS)]
    made = {"site": Site.of(issuer).described(), "tokens": tokens}
    return _counted_by("benchmarks.counted", made)


def steps() -> dict[str, dict[str, float]]:
    """Return the instructions of each step, for a known and for new tokens."""
    found = {}
    for case in (KNOWN, *ALGS):
        issuer = JWTIssuer() if case == KNOWN else JWTIssuer(alg=case)
        site = Site.of(issuer)
        tokens = [token(issuer, f"user-{number:03}") for number in range(TOKENS)]
        made = {"case": case, "site": site.described(), "tokens": tokens}
        counts = _counted_by("benchmarks.steps", made)
        found[case] = split(steps_of(case, site, tokens), counts)
    return found


def _counted_by(module: str, made: object) -> Counts:
    with TemporaryDirectory() as place:
        given = Path(place) / "given.json"
        given.write_text(json.dumps(made), "utf-8")
        return counted_by("-m", module, str(given))


def counted_by(*arguments: str) -> Counts:
    """Run Python under callgrind; what it runs ends with ``run_marked``."""
    with TemporaryDirectory() as place:
        kept = Path(place) / "callgrind.out"
        done = subprocess.run(
            [
                "valgrind", "--tool=callgrind", f"--dump-before={MARK}",
                f"--callgrind-out-file={kept}", sys.executable, *arguments,
            ],
            capture_output=True, text=True, timeout=600, check=False, cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr)
        names = json.loads(done.stdout)
        files = [Path(f"{kept}.{1 + number}") for number in range(4 * len(names))]
        return per_call(names, [_total(one.read_text("utf-8")) for one in files])


def _total(part: str) -> int:
    found = _TOTALS.search(part)
    if found is None:
        raise ValueError("callgrind has written no total")
    return int(found[1])


def table(counts: Counts, before: Counts) -> str:
    """Return the counts as lines: instructions, ratio, change of the ratio."""
    now, then = ratios(counts), ratios(before)
    lines = [f"{'':30} {'instructions':>12} {'ratio':>6}  recorded"]
    for name, count in counts.items():
        line = f"{name:30} {count:12,.0f}"
        if name in now:
            line += f" {now[name]:6.3f}"
        if name in then:
            line += f"  {then[name]:.3f} ({now[name] / then[name] - 1:+.1%})"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
