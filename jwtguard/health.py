"""How the keys of each issuer and the shared state are, for a readiness endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from .core.verify.keys import KeyCache


class Health(dict[str, dict[str, Any]]):
    """How the keys of each issuer are, by its URL; ``state``: how the shared state is.

    Members of ``state``: ``ready``, false if the store failed when it was asked last;
    ``failure``, a word for what went wrong, and ``failed_ago``, seconds since then,
    both None while the store answers; ``shared``, false with ``memory://``; ``age``,
    seconds since the revocations of other processes were read, None before that has
    begun; ``revocations``, how many are known. ``policy`` is a hash of the settings:
    processes with the same one enforce the same policy, apart from secrets.
    """

    def __init__(
        self,
        issuers: Mapping[str, dict[str, Any]],
        state: dict[str, Any],
        policy: str = "",
    ) -> None:
        super().__init__(issuers)
        self.state = state
        self.policy = policy


def health_of(cache: KeyCache, now: float) -> dict[str, Any]:
    """Return how the keys of one issuer are at *now*, in monotonic seconds."""
    snapshot = cache.snapshot
    keys = snapshot.held(now)
    fetched = snapshot.refresh_at != inf  # else they were given directly
    return {
        # An issuer of opaque tokens may have no keys.
        "ready": keys is not None or cache.issuer.introspect == "opaque",
        "keys": len(keys.keys) if keys else 0,
        "age": now - snapshot.fetched_at if keys and fetched else None,
        "failures": snapshot.failures,
        "failure": snapshot.failure or None,
        "failed_ago": now - snapshot.failed_at if snapshot.failures else None,
    }
