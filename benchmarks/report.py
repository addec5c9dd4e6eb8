"""The tables of the results page, made from the figures that were kept."""

from __future__ import annotations

import re
from collections.abc import Callable

from . import comparison, missed, targets
from .results import Results, middle
from .tables import ALGS, LIMIT, Rows, markdown, spread_of, title

_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, results: Results) -> str:
    """Return *page* with every table made anew."""
    return _BLOCK.sub(
        lambda found: f"{found[1]}{TABLES[found[2]](results)}\n{found[3]}", page
    )


def verifying(results: Results) -> str:
    """New and forged tokens, in microseconds and in signature checks."""
    names = dict.fromkeys(w for alg in ALGS for w in results.cases[f"new {alg}"])
    rows: Rows = []
    for who in names:
        cells = [title(who)]
        for alg in ALGS:
            cells += [
                _cell(results, f"{what} {alg}", who) for what in ("new", "forged")
            ]
        rows.append(cells)
    head = [f"{alg} {what}" for alg in ALGS for what in ("new", "forged")]
    return markdown(("µs added (times the signature check)", *head), rows)


def _cell(results: Results, what: str, who: str) -> str:
    if who not in results.cases.get(what, {}):
        return ""
    added = f"{middle(results.added(what, who)):.0f}"
    return (
        added if who == LIMIT else f"{added} ({middle(results.ratio(what, who)):.2f})"
    )


def requests(results: Results) -> str:
    """Everything that needs no signature check."""
    whats = ("known token", "no token", "preflight", "token path", "CORS alone")
    names = dict.fromkeys(w for what in whats for w in results.cases.get(what, {}))
    rows: Rows = []
    for who in names:
        cells = [title(who)]
        for what in whats:
            there = who in results.cases.get(what, {})
            cells.append(f"{middle(results.added(what, who)):.1f}" if there else "")
        rows.append(cells)
    return markdown(("µs added", *whats), rows)


def breakdown(results: Results) -> str:
    """Where the time goes: each step, timed alone."""
    rows: Rows = [
        (name, f"{middle(found):.1f}") for name, found in results.breakdown.items()
    ]
    return markdown(("step, alone", "µs"), rows)


def throughput(results: Results) -> str:
    """Requests per second and latencies over loopback."""
    if not results.loopback:
        return f"Not measured: {results.left_out.get('loopback', 'left out')}."
    rows: Rows = []
    for who, rates in results.loopback["per_second"].items():
        base = who not in results.bases
        share = "1" if base else f"{middle(results.share(who)):.2f}"
        times = [
            f"{middle(results.loopback[p][who]) / 1e3:.2f}" for p in ("p50", "p99")
        ]
        runs = "" if base else spread_of(results.share(who), 2)
        name = f"bare {who}" if base else title(who)
        rows.append((name, f"{middle(rates):,.0f}", share, runs, *times))
    head = ("known token", "requests/s", "share of bare", "runs", "p50 ms", "p99 ms")
    return markdown(head, rows)


def memory(results: Results) -> str:
    """What a remembered token costs."""
    kept = ", ".join(f"{value:.0f}" for value in results.memory["kept"])
    length = results.memory["token_bytes"]
    return (
        f"A remembered token of {length} bytes keeps {kept} bytes (one figure a run)."
    )


def machine(results: Results) -> str:
    """Where and with what this was measured."""
    about = results.about
    rows: Rows = [(name, str(about[name])) for name in about if name != "versions"]
    versions = ", ".join(f"{name} {v}" for name, v in about["versions"].items())
    ruler = ("---", "---")
    table = [("", ""), ruler, *rows, ("versions", versions)]
    return "\n".join(f"| {' | '.join(row)} |" for row in table)


def left_out(results: Results) -> str:
    """The libraries that could not be measured fairly, and why."""
    if not results.left_out:
        return "No library was left out."
    return "\n".join(f"* {who}: {why}" for who, why in results.left_out.items())


TABLES: dict[str, Callable[[Results], str]] = {
    "comparison": comparison.comparison,
    "verification": comparison.verification,
    "verifying": verifying,
    "requests": requests,
    "breakdown": breakdown,
    "throughput": throughput,
    "memory": memory,
    "machine": machine,
    "left_out": left_out,
    "new_tokens": comparison.new_tokens,
    "startup": comparison.startup,
    "targets": targets.targets,
    "missed": missed.missed,
    "profile_new": missed.new,
    "profile_known": missed.known,
    "profile_server": missed.server,
    "profile_memory": missed.memory,
}
