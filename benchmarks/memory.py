"""What one remembered token costs: all that a guard allocates for it, and keeps."""

from __future__ import annotations

import gc
import tracemalloc

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
