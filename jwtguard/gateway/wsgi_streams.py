"""PEP 3333: ending an event stream with its token, between two chunks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial

from ..core.model.principal import Principal
from ..guard import Guard

Chunks = Generator[bytes, None, None]
Stream = Callable[[Iterable[bytes]], Chunks]
"""Yields from an event stream until its token ends."""


def streaming(guard: Guard, principal: Principal | None) -> tuple[Stream, ...]:
    """Return the wrapper of an event stream; empty if it need not end with a token."""
    if principal is None or not guard.policy.close_streams:
        return ()
    return (partial(until_token_ends, guard, principal),)


def until_token_ends(
    guard: Guard, principal: Principal, chunks: Iterable[bytes]
) -> Chunks:
    """Yield from *chunks* until the token of *principal* ends.

    A chunk is dropped if the token ended while the application produced it. The server
    closes the iterable, as it does for a client that has disconnected.
    """
    watch, now = guard.watch(principal), guard.clock.time
    try:
        if watch.is_over(now()):
            return
        for chunk in chunks:
            if watch.is_over(now()):
                return
            yield chunk
            if watch.is_over(now()):
                return
    finally:
        guard.unwatch(watch)
