"""What the tables of the results page are made of."""

from __future__ import annotations

from collections.abc import Sequence

from .results import Results, Samples, middle, spread

ALGS = ("RS256", "ES256", "EdDSA")
LIMIT = "signature check"
LEAST = "digest and fields alone"
PLAIN = "plain Python"
KNOWN = "known token, ASGI"
NOT_MEASURED = "Not measured yet."

Rows = list[Sequence[str]]


def markdown(head: Sequence[str], rows: Rows) -> str:
    """Return a table."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def spread_of(samples: Samples, digits: int = 1) -> str:
    """Return the lowest and the highest median of a run."""
    low, high = spread(samples)
    return f"{low:.{digits}f} to {high:.{digits}f}"


def ours(who: str) -> bool:
    """Whether *who* is jwtguard."""
    return who.startswith("jwtguard")


def is_limit(who: str) -> bool:
    """Whether *who* protects nobody, and is only a floor."""
    return who == LIMIT or who.startswith((LEAST, PLAIN))


def title(who: str) -> str:
    """Return a name as tables show it."""
    return f"**{who}**" if ours(who) else who


def fastest_peer(results: Results, what: str, run: int) -> float:
    """Return what the fastest peer adds in one run."""
    peers = [who for who in results.cases[what] if not ours(who) and not is_limit(who)]
    return min(middle([results.added(what, peer)[run]]) for peer in peers)


def faster(results: Results, what: str, who: str = "jwtguard") -> Samples:
    """Return how many times *who* is faster than the fastest peer, run by run."""
    return [
        [fastest_peer(results, what, run) / middle([one])]
        for run, one in enumerate(results.added(what, who))
    ]
