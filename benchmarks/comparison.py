"""The tables that compare the guard with other libraries between other work."""

from __future__ import annotations

from .results import Results, middle
from .tables import (
    ALGS,
    LIMIT,
    NOT_MEASURED,
    PLAIN,
    Rows,
    markdown,
    title,
)

VERIFIERS = ("jwtguard", "PyJWT", PLAIN)


def comparison(results: Results) -> str:
    """The whole middleware: microseconds added between other work, and hot."""
    if not results.between:
        return NOT_MEASURED
    between = results.in_between()
    rows: Rows = []
    for who in dict.fromkeys(
        (*between.cases["new RS256"], *between.cases["known token"])
    ):
        if who == LIMIT:
            continue
        cells = [title(who)]
        for what in ("new RS256", "known token"):
            for shown in (between, results):
                there = who in shown.cases[what]
                cells.append(f"{middle(shown.added(what, who)):.1f}" if there else "")
        rows.append(cells)
    head = ("µs added", "new, between", "new, hot", "known, between", "known, hot")
    return markdown(head, rows)


def verification(results: Results) -> str:
    """Verification alone, in signature checks: between other work, and hot."""
    if not results.between:
        return NOT_MEASURED
    views = (results.in_between(), results)
    rows: Rows = [(LIMIT, *["1"] * 2 * len(ALGS))]
    for who in VERIFIERS:
        ratios = (
            f"{middle(shown.ratio(f'verify {alg}', who)):.2f}"
            for alg in ALGS
            for shown in views
        )
        rows.append((title(who), *ratios))
    head = [f"{alg}, {name}" for alg in ALGS for name in ("between", "hot")]
    return markdown(("signature checks", *head), rows)


def new_tokens(results: Results) -> str:
    """Requests per second where every token is new."""
    if not results.loopback_new:
        return NOT_MEASURED
    rows: Rows = []
    for who, rates in results.loopback_new.items():
        base = who not in results.bases
        share = "1" if base else f"{middle(results.share(who, new=True)):.2f}"
        known = "1" if base else f"{middle(results.share(who)):.2f}"
        name = f"bare {who}" if base else title(who)
        rows.append((name, f"{middle(rates):,.0f}", share, known))
    head = ("every token new", "requests/s", "share of bare", "known token")
    return markdown(head, rows)


def startup(results: Results) -> str:
    """What a start takes."""
    if not results.startup:
        return NOT_MEASURED
    rows: Rows = []
    for name, steps in results.startup.items():
        took = middle([[milliseconds for milliseconds, _ in steps]])
        rows.append((name, f"{took:.0f}", f"{steps[0][1]:.0f}"))
    return markdown(("step", "ms", "modules loaded so far"), rows)
