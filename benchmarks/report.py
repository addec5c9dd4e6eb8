"""The tables of the results page, made from the figures that were kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .results import Results, Samples, middle, spread

ALGS = ("RS256", "ES256", "EdDSA")
LIMIT = "signature check"
LEAST = "digest and fields alone"
LIMITS = {"new RS256": 1.45, "new ES256": 1.15, "new EdDSA": 1.15, "forged RS256": 1.2}
SHARES = (("jwtguard", "uvicorn", 0.88), ("jwtguard, WSGI", "gunicorn", 0.95))
_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Rows = list[Sequence[str]]


def filled(page: str, results: Results) -> str:
    """Return *page* with every table made anew."""
    return _BLOCK.sub(
        lambda found: f"{found[1]}{TABLES[found[2]](results)}\n{found[3]}", page
    )


def _markdown(head: Sequence[str], rows: Rows) -> str:
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def _range(samples: Samples, digits: int = 1) -> str:
    low, high = spread(samples)
    return f"{low:.{digits}f} to {high:.{digits}f}"


def targets(results: Results) -> str:
    """The targets, and whether they were met."""
    rows: Rows = [
        (name, f"{sign} {goal:g}", f"{middle(found):.2f}", _range(found, 2),
         "yes" if _met(middle(found), sign, goal) else "**no**")
        for name, sign, goal, found in _goals(results)
    ]  # fmt: skip
    return _markdown(("figure", "target", "median", "runs", "met"), rows)


def _met(found: float, sign: str, goal: float) -> bool:
    return found <= goal if sign == "≤" else found >= goal


def _goals(results: Results) -> list[tuple[str, str, float, Samples]]:
    goals = [
        (f"{what} token, ASGI, in signature checks", "≤", goal,
         results.ratio(what, "jwtguard"))
        for what, goal in LIMITS.items()
    ]  # fmt: skip
    for who, kind in (("jwtguard", "ASGI"), ("jwtguard, WSGI", "WSGI")):
        goals.append(
            (f"known token, {kind}, µs", "≤", 5, results.added("known token", who))
        )
    for what, goal in (("new RS256", 2), ("known token", 10)):
        name = f"{what}, times faster than the fastest peer"
        goals.append((name, "≥", goal, _faster(results, what)))
    if results.loopback:
        for who, server, least in SHARES:
            name = f"requests/s, share of the bare application, {server}"
            goals.append((name, "≥", least, results.share(who)))
    kept = [[value / 1024] for value in results.memory["kept"]]
    goals.append(("KB kept per remembered token", "≤", 1, kept))
    return goals


def _faster(results: Results, what: str) -> Samples:
    """Return how many times we are faster than the fastest peer, run by run."""
    peers = [who for who in results.cases[what] if not _ours(who) and not _limit(who)]
    ours = results.added(what, "jwtguard")
    return [
        [
            min(middle([results.added(what, peer)[run]]) for peer in peers)
            / middle([one])
        ]
        for run, one in enumerate(ours)
    ]


def _ours(who: str) -> bool:
    return who.startswith("jwtguard")


def _limit(who: str) -> bool:
    return who == LIMIT or who.startswith(LEAST)


def verifying(results: Results) -> str:
    """New and forged tokens, in microseconds and in signature checks."""
    names = dict.fromkeys(w for alg in ALGS for w in results.cases[f"new {alg}"])
    rows: Rows = []
    for who in names:
        cells = [f"**{who}**" if _ours(who) else who]
        for alg in ALGS:
            cells += [
                _cell(results, f"{what} {alg}", who) for what in ("new", "forged")
            ]
        rows.append(cells)
    head = [f"{alg} {what}" for alg in ALGS for what in ("new", "forged")]
    return _markdown(("µs added (times the signature check)", *head), rows)


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
        cells = [f"**{who}**" if _ours(who) else who]
        for what in whats:
            there = who in results.cases.get(what, {})
            cells.append(f"{middle(results.added(what, who)):.1f}" if there else "")
        rows.append(cells)
    return _markdown(("µs added", *whats), rows)


def breakdown(results: Results) -> str:
    """Where the time goes: each step, timed alone."""
    rows: Rows = [
        (name, f"{middle(found):.1f}") for name, found in results.breakdown.items()
    ]
    return _markdown(("step, alone", "µs"), rows)


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
        runs = "" if base else _range(results.share(who), 2)
        name = f"bare {who}" if base else f"**{who}**" if _ours(who) else who
        rows.append((name, f"{middle(rates):,.0f}", share, runs, *times))
    head = ("known token", "requests/s", "share of bare", "runs", "p50 ms", "p99 ms")
    return _markdown(head, rows)


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
    "targets": targets,
    "verifying": verifying,
    "requests": requests,
    "breakdown": breakdown,
    "throughput": throughput,
    "memory": memory,
    "machine": machine,
    "left_out": left_out,
}
