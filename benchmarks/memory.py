"""What one remembered token costs: all that a guard allocates for it, and keeps."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from types import FunctionType, ModuleType

from jwtguard.testing import JWTIssuer

from .site import Site, token

TOKENS = 500


def per_token() -> tuple[int, float]:
    """Return the length of the tokens, and bytes kept for each."""
    issuer = JWTIssuer()
    guard = Site.of(issuer).guard()
    tokens = [token(issuer, f"user-{number}") for number in range(TOKENS + 1)]
    guard.verify(tokens.pop())  # what is made once is made now
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for one in tokens:
        guard.verify(one)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return len(tokens[0]), (after - before) / TOKENS


def parts() -> dict[str, int]:
    """Return the bytes of what is kept for one token, by what it is."""
    issuer = JWTIssuer()
    guard = Site.of(issuer).guard()
    cache = guard._flow.verifier.token_cache  # noqa: SLF001
    held = []
    for subject in ("alice", "berta"):
        one = token(issuer, subject)
        guard.verify(one)
        held.append(cache.get(one)[1])
    assert None not in held
    mine, other = (_reached(entry) for entry in held)
    payload = held[0].facts.payload if held[0] else b""
    found: dict[str, int] = {}
    for number, thing in mine.items():
        if number not in other:
            name = "claims" if thing is payload else type(thing).__name__
            found[name] = found.get(name, 0) + sys.getsizeof(thing)
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def _reached(thing: object) -> dict[int, object]:
    """Return everything that hangs on *thing*, by identity."""
    found: dict[int, object] = {}
    waiting = [thing]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            if not isinstance(one, type | ModuleType | FunctionType):
                waiting += gc.get_referents(one)
    return found
