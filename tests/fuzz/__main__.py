"""``python -m tests.fuzz --seconds 60``: each target in turn, without a corpus.

With atheris the fuzzer looks for new paths through ``jwtguard``; without it (it has no
wheels for every machine) the same targets get random bytes. The exit status is that of
the worst target; the input that broke it is printed, and kept in ``--keep``.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
import traceback
from pathlib import Path

LONGEST = 600
"""Bytes of one input."""


def main() -> int:
    """Fuzz one target here, or each in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", help="this one alone, in this process")
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"))
    given = parser.parse_args()
    given.keep.mkdir(exist_ok=True)
    if given.target:
        return fuzz(given.target, given.seconds, given.keep)
    from tests.fuzz.targets import TARGETS

    worst = 0
    for name in TARGETS:
        print(f"== {name}: {given.seconds} s ==", flush=True)
        options = ["--target", name, "--seconds", str(given.seconds)]
        command = [sys.executable, "-m", "tests.fuzz", *options, "--keep", given.keep]
        worst = max(worst, abs(subprocess.run(command, check=False).returncode))
    return worst


def fuzz(name: str, seconds: int, keep: Path) -> int:
    """Fuzz one target for so many seconds."""
    try:
        import atheris
    except ImportError:
        return at_random(name, seconds, keep)
    with atheris.instrument_imports(include=["jwtguard"]):
        from tests.fuzz.targets import TARGETS
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={keep}/{name}-",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([name, *options], TARGETS[name])
    atheris.Fuzz()  # ends the process
    return 0


def at_random(name: str, seconds: int, keep: Path) -> int:
    """Give *name* random bytes; the seed is printed."""
    from tests.fuzz.targets import TARGETS

    seed = time.time_ns()
    source, ends, count = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        data = source.randbytes(source.randrange(LONGEST))
        try:
            TARGETS[name](data)
        except Exception:  # noqa: BLE001  # whatever it is, it is what we look for
            traceback.print_exc()
            (keep / f"{name}-crash").write_bytes(data)
            print(f"{name}: {data!r}")
            return 1
        count += 1
    print(f"{name}: {count} inputs at random, seed {seed}: nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
