"""The drawing of the results page: it takes its colours from the page around it."""

from __future__ import annotations

import io
from typing import Any

from .results import Results, middle

OURS, OTHERS, LINE = "#2f7fd6", "#98a3ad", "#d97a1f"
WIDTH = 4.9
"""Inches. On a phone it is scaled to about three quarters, and can still be read."""
_INK = "#123456"
"""Stands for the colour of the page's text while matplotlib draws."""


def draw(results: Results) -> str:
    """Return the drawing as SVG that can be put into a page."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    style: dict[Any, Any] = {
        "svg.fonttype": "none", "svg.hashsalt": "jwtguard", "font.size": 9,
        "font.family": "sans-serif", "text.color": _INK, "axes.edgecolor": _INK,
        "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
    }  # fmt: skip
    panels = _panels(results)
    with plt.rc_context(style):
        heights = [len(bars) + 2.5 for _, bars, _ in panels]
        figure, all_axes = plt.subplots(
            len(panels), 1, figsize=(WIDTH, sum(heights) * 0.27), height_ratios=heights,
            squeeze=False, layout="constrained",
        )  # fmt: skip
        for axes, (title, bars, line) in zip(all_axes[:, 0], panels, strict=True):
            _panel(axes, title, bars, line)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
        plt.close(figure)
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg ") :].replace(_INK, "currentColor")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _panels(results: Results) -> list[tuple[str, dict[str, float], float | None]]:
    def bars(what: str) -> dict[str, float]:
        return {who: middle(results.added(what, who)) for who in results.cases[what]}

    new = bars("new RS256")
    limit = new.pop("signature check")
    panels: list[tuple[str, dict[str, float], float | None]] = [
        (
            "new RS256 token: µs added, logarithmic\n(line: the signature check)",
            new,
            limit,
        ),
        ("known token: µs added, logarithmic", bars("known token"), None),
    ]
    if results.loopback:
        rates = results.loopback["per_second"]
        shares = {w: middle(results.share(w)) for w in rates if w in results.bases}
        panels.append(
            ("known token: requests/s,\nshare of the bare application", shares, 1)
        )
    return panels


def _panel(axes: Any, title: str, bars: dict[str, float], line: float | None) -> None:
    names = list(reversed(bars))
    colours = [OURS if name.startswith("jwtguard") else OTHERS for name in names]
    drawn = axes.barh(names, [bars[name] for name in names], color=colours, height=0.7)
    small = max(bars.values()) < 2
    if small:
        axes.set_xlim(right=1.1 * max(*bars.values(), 1))
    else:
        axes.set_xscale("log")
        axes.set_xlim(left=1, right=3 * max(bars.values()))
    axes.bar_label(drawn, fmt="%.2f" if small else "%.0f", padding=3)
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold")
    axes.margins(y=0.02)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if line is not None:
        axes.axvline(line, color=LINE, linewidth=1.5)
