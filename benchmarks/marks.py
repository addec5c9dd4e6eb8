"""Marks between pieces of work, so that callgrind counts each piece alone.

It imports nothing but the standard library: what it imports runs under callgrind too.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Mapping, Sequence

CALLS = 40
"""N: each case is counted for N calls and for 2N; the difference is N calls."""
MARK = "getloadavg"
"""Callgrind writes a part whenever this function of the C library is called."""

Prepare = Callable[[int], Callable[[], None]]
"""Makes the objects for so many calls; what it returns makes the calls."""


def run_marked(cases: Mapping[str, Prepare]) -> None:
    """Warm up; then make N and 2N calls of each case, each between two marks."""
    for prepare in cases.values():
        prepare(CALLS)()
    gc.disable()
    for prepare in cases.values():
        for times in (CALLS, 2 * CALLS):
            run = prepare(times)
            gc.collect()
            os.getloadavg()
            run()
            os.getloadavg()
    print(json.dumps(list(cases)))


def per_call(names: Sequence[str], parts: Sequence[int]) -> dict[str, float]:
    """Return the instructions of one call, from those of the parts between marks."""
    marked = parts[1::2]  # the parts in between are preparation
    pairs = zip(marked[::2], marked[1::2], strict=True)
    differences = (twice - once for once, twice in pairs)
    return {
        name: round(found / CALLS)
        for name, found in zip(names, differences, strict=True)
    }
