"""How the figures of ``benchmarks.keys`` are shown: promises, a table, a drawing."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from math import inf, isinf
from pathlib import Path
from typing import Any

Figures = dict[str, Any]

BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def promises(own: Figures) -> Iterator[tuple[str, bool]]:
    """Yield what jwtguard promises, and whether it was so in this run."""
    herds, flood, slow = own["herd"], own["flood"], own["slow"]
    for driver, herd in herds.items():
        good = (herd["fetches"], herd["refused"]) == (1, 0)
        yield f"500 cold requests ({driver}): one fetch, none refused", good
    one = flood["fetches_per_slice"] <= 1 and not flood["refused_good"]
    yield "2,000 made-up key ids: one fetch per cooldown, no good one refused", one
    yield "p99 of good requests within 1.2 times its value", flood["ratio"] <= 1.2
    calm = (slow["waited"], slow["refused"]) == (0, 0)
    yield "issuer answers in 5 s: no request with a known key waits", calm
    gap = slow["gap_slow_ms"] - slow["gap_idle_ms"]
    yield f"and the event loop stands still {gap:+.1f} ms longer: within 5", gap <= 5
    outage, rotation = own["outage"], own["rotation"]
    lasting = outage["refused"] == 0 and outage["then_hours"] < 25
    yield "issuer down for 24 h: none refused; then 503", lasting
    yield "and back within one back-off step", outage["recovery_s"] <= 60
    turned = (rotation["accepted_after_s"], rotation["refused_between"]) == (0, 0)
    yield "a rotated key is accepted at once, none refused", turned
    gone = rotation["new_still_accepted"] and rotation["refused_after_s"] <= 1200
    yield "a withdrawn key is refused at the next refresh", gone
    forks = own["forks"]
    each = forks["workers"] == forks["fetches_of_workers"] == 8
    answered = not forks["hung"] and not forks["refused"]
    yield "8 forked workers: none hangs, each fetches once", each and answered


def _herd(found: Figures) -> str:
    fetches = max(herd["fetches"] for herd in found["herd"].values())
    refused = sum(herd["refused"] for herd in found["herd"].values())
    return f"{fetches}" + (f", {refused} refused" if refused else "")


def _flood(found: Figures) -> str:
    flood = found["flood"]
    quiet, flooded = flood["p99_quiet_ms"], flood["p99_flooded_ms"]
    return f"{quiet:.1f} → {flooded:.1f} ms, {flood['ratio']:.2f} ×"


def _gap(found: Figures) -> str:
    slow = found["slow"]
    return f"{slow['gap_idle_ms']:.1f} → {slow['gap_slow_ms']:.1f} ms"


def _seconds(seconds: float) -> str:
    if isinf(seconds):
        return "never"
    return "at once" if seconds == 0 else f"{seconds:.0f} s"


def _forks(found: Figures) -> str:
    forks = found.get("forks")
    if forks is None:
        return "asyncio only"
    return f"{forks['workers']} of 8, {forks['hung']} of {forks['requests']}"


ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("500 first requests at once: fetches", _herd),
    (
        "2,000 made-up key ids in 4 s: fetches",
        lambda f: f"{f['flood']['fetches_per_slice']:,}",
    ),
    ("p99 of good requests, without → with them", _flood),
    (
        "keys expire, issuer takes 5 s: requests that waited",
        lambda f: f"{f['slow']['waited']:,} of {f['slow']['requests']:,}",
    ),
    ("longest of them", lambda f: f"{f['slow']['longest_wait_ms']:,.0f} ms"),
    ("largest gap of a 1 ms ticker, before → while", _gap),
    (
        "issuer down for 24 h: refused",
        lambda f: f"{f['outage']['refused']} of {f['outage']['requests']}",
    ),
    ("it is back: next accepted", lambda f: _seconds(f["outage"]["recovery_s"])),
    (
        "key rotated right after a fetch: accepted",
        lambda f: _seconds(f["rotation"]["accepted_after_s"]),
    ),
    (
        "key withdrawn: refused",
        lambda f: _seconds(f["rotation"]["refused_after_s"]),
    ),
    ("forked during a fetch: workers that answer, requests without answer", _forks),
)


def rows(figures: dict[str, Figures]) -> list[tuple[str, ...]]:
    """Return the table: one row a scenario, one column a peer, the head first."""
    found = [("", *figures)]
    for title, cell in ROWS:
        found.append((title, *(cell(own) for own in figures.values())))
    return found


def refresh(page: Path, report: Any) -> None:
    """Replace the table, and what is said of the machine, on *page*."""
    text = page.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    if not after:
        raise ValueError(f"{page}: no place for figures")
    head, *body = rows(report["figures"])
    lines = [_line(head), _line(("---",) * len(head)), *map(_line, body)]
    versions = ", ".join(f"{k} {v}" for k, v in report["versions"].items())
    load = report["load"]
    caption = (
        f"Measured on {report['machine']}, load {load['before']:.1f} before and "
        f"{load['after']:.1f} after, niceness {report['nice']}, medians of "
        f"{report['rounds']} rounds: {versions}."
    )
    made = "\n".join((*lines, "", *_wrapped(caption)))
    page.write_text(f"{before}{BEGIN}{made}\n{END}{after}", "utf-8")


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _wrapped(text: str, width: int = 118) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            yield line
            line = ""
        line = f"{line} {word}".lstrip()
    yield line


# The drawing. Colours are placeholders that become those of the theme.

INK, SOFT, ACCENT = "#010203", "#040506", "#070809"
STYLE = """<style>
.jg{--ink:#24292f;--soft:#57606a;--line:#8c959f;--accent:#0969da}
@media (prefers-color-scheme:dark){.jg{--ink:#e6edf3;--soft:#9da7b3;--line:#6e7681;--accent:#58a6ff}}
</style>
"""  # noqa: E501
NEVER = 36_000.0
"""Where a bar ends that has no end."""

PANELS: tuple[tuple[str, str, Callable[[Figures], float]], ...] = (
    (
        "500 first requests at once",
        "fetches",
        lambda f: float(max(herd["fetches"] for herd in f["herd"].values())),
    ),
    (
        "keys expire, issuer takes 5 s",
        "longest wait of a request, ms",
        lambda f: float(f["slow"]["longest_wait_ms"]),
    ),
    (
        "issuer down for 24 hours",
        "requests refused, %",
        lambda f: 100.0 * f["outage"]["refused"] / f["outage"]["requests"],
    ),
    (
        "key rotated right after a fetch",
        "seconds until it is accepted",
        lambda f: float(f["rotation"]["accepted_after_s"]),
    ),
)
LOGARITHMIC = (0, 1, 3)


def drawing(figures: dict[str, Figures]) -> str:
    """Return an SVG without colours of its own, so that it fits light and dark."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings = {
        "svg.fonttype": "none", "svg.hashsalt": "jwtguard", "font.size": 10,
        "font.family": "sans-serif", "text.color": INK, "axes.labelcolor": SOFT,
        "axes.edgecolor": SOFT, "xtick.color": SOFT, "ytick.color": INK,
        "axes.titlecolor": INK,
    }  # fmt: skip
    with mpl.rc_context(settings):
        figure = Figure(figsize=(9.2, 5.2), layout="constrained")
        axes = figure.subplots(2, 2, sharey=True)
        for index, (panel, ax) in enumerate(zip(PANELS, axes.flat, strict=True)):
            _bars(ax, figures, panel, logarithmic=index in LOGARITHMIC)
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    return _themed(text.getvalue())


def _bars(
    ax: Any,
    figures: dict[str, Figures],
    panel: tuple[str, str, Callable[[Figures], float]],
    *,
    logarithmic: bool,
) -> None:
    title, unit, value = panel
    names = list(figures)[::-1]
    values = [value(figures[name]) for name in names]
    colours = [ACCENT if name == "jwtguard" else SOFT for name in names]
    shown = [min(v, NEVER) for v in values]
    ax.barh(names, shown, color=colours, height=0.6)
    if logarithmic:
        ax.set_xscale("symlog", linthresh=1)
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    ax.set_xlim(0, max(*shown, 1) * (8 if logarithmic else 1.15))
    for place, (v, width) in enumerate(zip(values, shown, strict=True)):
        label = "never" if v == inf else f"{v:,.0f}"
        ax.annotate(
            label,
            (width, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold")
    ax.set_xlabel(unit)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(left=False)


def _themed(svg: str) -> str:
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\n?", "", body, flags=re.DOTALL)
    body = re.sub(r' (width|height)="[\d.]+pt"', "", body, count=2)
    body = re.sub(r"[ \t]+$", "", body, flags=re.MULTILINE)
    body = body.replace('css">*{', 'css">.jg *{')  # it stands in a page
    body = body.replace("<svg ", '<svg class="jg" role="img" ', 1)
    title = "<title>Key caches under load: the table below has the figures</title>\n"
    body = re.sub(r">\n", f">\n{title}{STYLE}", body, count=1)
    for placeholder, name in ((INK, "ink"), (SOFT, "soft"), (ACCENT, "accent")):
        body = body.replace(placeholder, f"var(--{name})")
    return body
