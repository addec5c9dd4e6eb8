"""Counted instructions, what is recorded of them, and whether they have grown.

Another build of Python needs other counts for the same code, and another OpenSSL or
processor for the same signature. So what is compared is a ratio: what the guard adds to
the bare application, without the signature check, over what a verifier in plain Python
needs for the same token without it, all counted in one run.

These ratios differ by up to 6 % between versions and builds of Python, so several have
a record. A version without one is compared with the nearest, and may differ by 10 %.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

KEPT = Path(__file__).parent / "instructions.json"
MOST, MOST_ELSEWHERE = 1.05, 1.10
"""A request may need so many times the instructions that are recorded."""
PLAIN, SIGNATURE = "plain Python", "signature check"
BARE = {"ASGI": "bare ASGI", "WSGI": "bare WSGI"}
_PACKAGES = ("PyJWT", "cryptography")

Counts = Mapping[str, float]
"""Instructions of one call, by case."""


def ratios(counts: Counts) -> dict[str, float]:
    """Return what the guard adds in each case, in verifiers in plain Python."""
    not_ours = {PLAIN, SIGNATURE, *BARE.values()}
    return {
        name: (count - _around(counts, name)) / counts[PLAIN]
        for name, count in counts.items()
        if name not in not_ours
    }


def _around(counts: Counts, name: str) -> float:
    """Return what a case needs without the guard: application, signature check."""
    bare = counts[BARE["WSGI" if name.endswith("WSGI") else "ASGI"]]
    return bare + (counts[SIGNATURE] if name.startswith(("new", "forged")) else 0)


def grown(counts: Counts, recorded: Counts, most: float = MOST) -> Iterator[str]:
    """Say what has grown by more than is allowed, or was never recorded."""
    before = ratios(recorded)
    for name, ratio in ratios(counts).items():
        if name not in before:
            yield f"{name}: not recorded"
        elif ratio > before[name] * most:
            more = ratio / before[name] - 1
            yield f"{name}: {more:.1%} more instructions than recorded"


def record(counts: Counts, path: Path = KEPT) -> None:
    """Keep *counts* as those of this version of Python."""
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    kept[platform.python_version()] = {
        "versions": {name: version(name) for name in _PACKAGES},
        "instructions": dict(counts),
    }
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")


def recorded(path: Path = KEPT) -> tuple[str, Counts, float]:
    """Return whose record to compare with, the record, and what growth is allowed."""
    kept = json.loads(path.read_text("utf-8"))
    own = platform.python_version()
    if own in kept:
        return own, kept[own]["instructions"], MOST
    nearest = min(kept, key=lambda version: _distance(version, own))
    return nearest, kept[nearest]["instructions"], MOST_ELSEWHERE


def _distance(one: str, other: str) -> tuple[int, ...]:
    """Say how far apart two versions are: major, minor and patch."""
    pairs = zip(_numbers(one), _numbers(other), strict=True)
    return tuple(abs(first - second) for first, second in pairs)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
