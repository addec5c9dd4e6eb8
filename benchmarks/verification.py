"""Verification alone, without a middleware: from a string to its claims."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import jwt

from . import between, floor
from .case import Case, Cases
from .site import Site
from .timing import Run

PLAIN, PYJWT, OURS = "plain Python", "PyJWT", "jwtguard"


def contestants(site: Site) -> dict[str, Callable[[str], object]]:
    """Return who verifies; all get the key, issuer and audience beforehand."""

    def pyjwt(token: str) -> object:
        return jwt.decode(
            token,
            site.key,
            algorithms=[site.alg],
            audience=site.audience,
            issuer=site.issuer,
        )

    return {
        OURS: site.guard().verify,
        PYJWT: pyjwt,
        PLAIN: floor.verifier(site),
    }


def add(made: Cases, site: Site, tokens: Sequence[str]) -> None:
    """Add both conditions: over and over, and between other work."""
    what = f"verify {site.alg}"
    for who, call in contestants(site).items():
        hot = _over(call, tokens)
        made.hot.append(Case(what, who, hot, before=site.forget))
        block = between.calls(call, tokens)
        made.between.append(Case(what, who, block, before=site.forget))


def add_limit(made: Cases, site: Site, check: Callable[[], object]) -> None:
    """Add the bare signature check between other work."""
    block = between.calls(lambda _: check(), ["x" * 900])
    made.between.append(Case(f"new {site.alg}", "signature check", block))


def _over(call: Callable[[str], object], tokens: Sequence[str]) -> Run:
    def run() -> float:
        began = time.process_time()
        for token in tokens:
            call(token)
        return (time.process_time() - began) / len(tokens) * 1e6

    return run


def names() -> Iterator[str]:
    """Who is shown, in this order."""
    yield from (OURS, PYJWT, PLAIN)
