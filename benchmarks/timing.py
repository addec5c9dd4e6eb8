"""Medians and ratios: one figure on a shared machine says little by itself."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """Microseconds for one call, measured several times."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return median(self.samples)

    @property
    def spread(self) -> str:
        """From the lowest to the highest."""
        return f"{min(self.samples):.1f} to {max(self.samples):.1f}"


def measure(run: Callable[[], float]) -> float:
    """Return microseconds per call, with the collector out of the way."""
    gc.collect()
    gc.disable()
    try:
        return run()
    finally:
        gc.enable()
