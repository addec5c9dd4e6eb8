"""How the figures of ``benchmarks.logout`` are shown: tables, and a drawing."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

Found = dict[str, Any]
"""What was measured, as it is kept in JSON."""

SERVERS = ("gunicorn", "uvicorn")
LOADS = {"quiet": "nothing else to do", "busy": "asked all the time"}
WITHIN = 1000.0
"""Milliseconds from the call to the refusal: the promise."""
MORE = 0.3
"""Microseconds that a million revocations may cost a known token: the promise."""
_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_INK = "#123456"
"""Stands for the colour of the page's text while matplotlib draws."""


def filled(page: str, found: Found) -> str:
    """Return *page* with every table made anew."""
    return _BLOCK.sub(
        lambda block: f"{block[1]}{TABLES[block[2]](found)}\n{block[3]}", page
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of all are not above (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)]


def differences(found: Found, kind: str, count: str) -> list[float]:
    """Return what *count* entries add to an empty list, round by round."""
    times = found["list"][kind]
    return [one - none for one, none in zip(times[count], times["0"], strict=True)]


def promises(found: Found) -> Iterator[tuple[str, str, str, bool]]:
    """Yield each figure that was promised, its bound, its value, whether it holds."""
    most = _counts(found)[-1]
    for kind, name in (("decision", "decision"), ("request", "whole ASGI request")):
        added = differences(found, kind, most)
        low, middle, high = min(added), median(added), max(added)
        yield (
            f"known token, {int(most):,} revocations less none: {name}",
            f"< {MORE} µs",
            f"{middle:+.2f} µs ({low:+.2f} to {high:+.2f})",
            middle < MORE,
        )
    for load, said in LOADS.items():
        p99 = percentile(found[load]["all"], 0.99)
        name = f"p99 until the last of the other workers refuses, {said}"
        yield name, f"< {WITHIN:,.0f} ms", f"{p99:.0f} ms", p99 < WITHIN


def _counts(found: Found) -> list[str]:
    return sorted(found["list"]["decision"], key=int)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def targets(found: Found) -> str:
    """What was promised, and what came out."""
    rows = [
        (name, bound, value, "yes" if holds else "**no**")
        for name, bound, value, holds in promises(found)
    ]
    return _markdown(("figure", "target", "measured", "met"), rows)


def hot_path(found: Found) -> str:
    """A known token with lists of different lengths."""
    counts, rows = _counts(found), []
    for kind, name in (
        ("decision", "decision on a known token, µs"),
        ("request", "whole ASGI request, µs"),
        ("look", "decision after a new revocation, µs"),
    ):
        times = found["list"][kind]
        rows.append((name, *(f"{median(times[count]):.2f}" for count in counts)))
        if kind != "look":
            rows.append(("… times that of an empty list", *_ratios(times, counts)))
    costs = found["costs"]
    memory = (f"{costs[count]['megabytes']:.0f}" for count in counts)
    seconds = (f"{costs[count]['seconds']:.1f}" for count in counts)
    rows.append(("memory of a process, MB", "", *list(memory)[1:]))
    rows.append(("to take them all, seconds", "", *list(seconds)[1:]))
    return _markdown(("revocations", *(f"{int(c):,}" for c in counts)), rows)


def _ratios(times: dict[str, list[float]], counts: list[str]) -> list[str]:
    """Return the medians of the ratios, round by round."""
    none = times["0"]
    return [
        "1"
        if count == "0"
        else f"{median(a / b for a, b in zip(times[count], none, strict=True)):.3f}"
        for count in counts
    ]


def latencies(found: Found) -> str:
    """From the call to the refusal."""
    rows = []
    for load, said in LOADS.items():
        for server in (*SERVERS, "all"):
            times = found[load][server]
            name = "the last of the three" if server == "all" else server
            rows.append(
                (f"{name}, {said}", f"{len(times):,}",
                 *(f"{percentile(times, p):.1f}" for p in (0.5, 0.9, 0.99, 1)))
            )  # fmt: skip
    return _markdown(
        ("ms until refused by", "revocations", "p50", "p90", "p99", "max"), rows
    )


def outages(found: Found) -> str:
    """What Redis does not hold up, and when what was revoked meanwhile arrives."""
    rows = []
    for how, said in (("paused", "stopped by SIGSTOP"), ("killed", "killed")):
        rounds = found["outages"][how]
        arrived = [one["arrived"] for one in rounds]
        rows.append(
            (said, str(len(rounds)), f"{max(one['request'] for one in rounds):.0f}",
             f"{max(one['revoke'] for one in rounds):.0f}",
             f"{median(arrived):.0f}", f"{max(arrived):.0f}")
        )  # fmt: skip
    head = (
        "Redis", "times", "longest request, ms", "longest call of revoke, ms",
        "refused everywhere, ms after its return", "longest",
    )  # fmt: skip
    return _markdown(head, rows)


def store(found: Found) -> str:
    """What revocations cost the store, and a process that starts."""
    kept = found["stored"]
    return (
        f"Measured with {kept['count']:,} sessions: a revocation takes "
        f"{kept['bytes']:.0f} bytes in Redis, its entry in the stream and its key "
        f"together, and a process that starts reads them all in {kept['seconds']:.1f} "
        "seconds of processor time."
    )


def machine(found: Found) -> str:
    """Where and with what this was measured."""
    about = found["about"]
    rows = [f"| {name} | {about[name]} |" for name in about if name != "versions"]
    versions = ", ".join(f"{name} {v}" for name, v in about["versions"].items())
    return "\n".join(("|  |  |", "| --- | --- |", *rows, f"| versions | {versions} |"))


TABLES: dict[str, Callable[[Found], str]] = {
    "targets": targets,
    "hot_path": hot_path,
    "latencies": latencies,
    "outages": outages,
    "store": store,
    "machine": machine,
}


def drawing(found: Found) -> str:
    """Return an SVG that takes its colours from the page around it."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    style: dict[Any, Any] = {
        "svg.fonttype": "none", "svg.hashsalt": "jwtguard", "font.size": 9,
        "font.family": "sans-serif", "text.color": _INK, "axes.edgecolor": _INK,
        "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
    }  # fmt: skip
    with plt.rc_context(style):
        figure, axes = plt.subplots(figsize=(4.9, 3.4), layout="constrained")
        _curves(axes, found)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
        plt.close(figure)
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg ") :].replace(_INK, "currentColor")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _curves(axes: Any, found: Found) -> None:
    """Draw the share of workers that refuse, over time."""
    colours = {"gunicorn": "#2f7fd6", "uvicorn": "#3a9e6f"}
    dashes = {"quiet": "-", "busy": "--"}
    for server in SERVERS:
        for load, said in LOADS.items():
            shares = [share / 100 for share in range(1, 101)]
            times = [percentile(found[load][server], share) for share in shares]
            axes.step(
                times, shares, where="post", color=colours[server],
                linestyle=dashes[load], label=f"{server}, {said}",
            )  # fmt: skip
    axes.axvline(WITHIN, color="#d97a1f", linewidth=1.5, label="the promise: 1 s")
    axes.set_xscale("log")
    axes.set_xlim(1, 2 * WITHIN)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("milliseconds after the call of revoke in another worker")
    axes.set_ylabel("share that refuse the token")
    axes.legend(
        frameon=False, loc="center right", bbox_to_anchor=(0.9, 0.45), labelcolor=_INK
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
