"""PEP 3333: an event stream that ends with its token, between two of its chunks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial

from ..core.model.principal import Principal
from ..guard import Guard

Chunks = Generator[bytes, None, None]
Stream = Callable[[Iterable[bytes]], Chunks]
"""Yields from an event stream until its token ends."""


def streaming(guard: Guard, principal: Principal | None) -> tuple[Stream, ...]:
    """Return what an event stream goes through, if it has to end with a token."""
    if principal is None or not guard.policy.close_streams:
        return ()
    return (partial(until_token_ends, guard, principal),)


def until_token_ends(
    guard: Guard, principal: Principal, chunks: Iterable[bytes]
) -> Chunks:
    """Yield from *chunks* while the token of *principal* is good.

    A chunk that took the application long is not sent if the token has ended meanwhile.
    Nothing is closed here: the server does that, as after a client has left.
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
