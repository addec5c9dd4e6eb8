"""Medians and differences: one figure on a shared machine says little by itself."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

Run = Callable[[], float]
"""Does its work many times, and returns microseconds for once."""


def measure(run: Run) -> float:
    """Return microseconds for once, with the collector out of the way."""
    gc.collect()
    gc.disable()
    try:
        return run()
    finally:
        gc.enable()


def repeated(call: Callable[[], object], times: int) -> Run:
    """Return a run of *times* calls."""

    def run() -> float:
        began = time.process_time()
        for _ in range(times):
            call()
        return (time.process_time() - began) / times * 1e6

    return run
