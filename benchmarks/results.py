"""What came out: kept as JSON, read by the page, the plot and the test of the page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

STATIC = Path(__file__).parent.parent / "docs" / "_static"
KEPT = STATIC / "benchmarks.json"
PLOT = STATIC / "benchmarks.svg"
PAGE = STATIC.parent / "benchmarks.md"

Samples = list[list[float]]
"""One list for each run."""


@dataclass
class Results:
    """Every figure of every run. Times are in microseconds, memory in bytes."""

    about: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, dict[str, Samples]] = field(default_factory=dict)
    """What was asked, then who answered; each over and over."""
    between: dict[str, dict[str, Samples]] = field(default_factory=dict)
    """The same between other work."""
    bases: dict[str, str] = field(default_factory=dict)
    """What each peer is measured against."""
    loopback: dict[str, dict[str, Samples]] = field(default_factory=dict)
    """``per_second``, ``p50`` and ``p99``, then who answered; a known token."""
    loopback_new: dict[str, Samples] = field(default_factory=dict)
    """Requests per second where every token is new."""
    stages: dict[str, Samples] = field(default_factory=dict)
    """Processor time of a server for a request, by what of the guard it runs."""
    breakdown: dict[str, Samples] = field(default_factory=dict)
    """The steps of one request, each timed alone."""
    instructions: dict[str, dict[str, float]] = field(default_factory=dict)
    """Those of each step, for a known token and for a new one of each algorithm."""
    memory: dict[str, Any] = field(default_factory=dict)
    startup: dict[str, list[list[float]]] = field(default_factory=dict)
    """Milliseconds and modules of each step, process by process."""
    left_out: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path = KEPT) -> Results:
        """Read what was kept."""
        return cls(**json.loads(path.read_text("utf-8")))

    def write(self, path: Path = KEPT) -> None:
        """Keep them, rounded to what can be believed."""
        path.write_text(json.dumps(_rounded(asdict(self)), indent=1) + "\n", "utf-8")

    def in_between(self) -> Results:
        """Return these results with the figures that were taken between other work."""
        return replace(self, cases=self.between)

    def added(self, what: str, who: str) -> Samples:
        """Return what *who* adds to its base, round by round."""
        if who not in self.bases:
            return self.cases[what][who]
        base = self.cases["bare"][self.bases[who]]
        return [
            [one - bare for one, bare in zip(run, bares, strict=True)]
            for run, bares in zip(self.cases[what][who], base, strict=True)
        ]

    def share(self, who: str, *, new: bool = False) -> Samples:
        """Return requests per second as a share of the base's, round by round."""
        rates = self.loopback_new if new else self.loopback["per_second"]
        return [
            [one / bare for one, bare in zip(run, bares, strict=True)]
            for run, bares in zip(rates[who], rates[self.bases[who]], strict=True)
        ]

    def ratio(self, what: str, who: str) -> Samples:
        """Return what *who* adds, in signature checks of the same run."""
        limits = self.cases[f"new {what.rpartition(' ')[2]}"]["signature check"]
        return [
            [one / median(limit) for one in run]
            for run, limit in zip(self.added(what, who), limits, strict=True)
        ]


def middle(samples: Samples) -> float:
    """Return the median of the runs' medians: the figure to quote."""
    return median(median(run) for run in samples)


def spread(samples: Samples) -> tuple[float, float]:
    """Return the lowest and the highest of the runs' medians."""
    medians = [median(run) for run in samples]
    return min(medians), max(medians)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
