"""Whether Redis servers keep the values that they have accepted, by their ``INFO``.

Nothing asks for ``CONFIG``, which many managed services do not allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Info = Mapping[str, Any]
"""The answer of one server to ``INFO``; empty if it does not answer."""


def losses(
    memory: Sequence[Info], persistence: Sequence[Info]
) -> list[tuple[str, str]]:
    """Return level and text of each way in which the servers may lose values."""
    return [*_evicted(memory), *_restarted(persistence)]


def _evicted(nodes: Sequence[Info]) -> Iterator[tuple[str, str]]:
    found = {str(node.get("maxmemory_policy", "noeviction")) for node in nodes}
    for policy in sorted(found - {"noeviction"}):
        text = (
            f"maxmemory-policy {policy}: a server that is full drops values that are "
            "still needed; set it to noeviction"
        )
        yield "weak", text


def _restarted(nodes: Sequence[Info]) -> Iterator[tuple[str, str]]:
    enabled = [node.get("aof_enabled") for node in nodes]
    if off := enabled.count(0):
        where = f" on {off} of {len(nodes)} nodes" if len(nodes) > 1 else ""
        text = (
            f"appendonly no{where}: a server that restarts loses its revocations, or "
            "those since its last snapshot; set it to yes"
        )
        yield "weak", text
    if any(value not in (0, 1) for value in enabled):
        text = (
            "INFO does not say whether the server keeps its revocations when it "
            "restarts; look for appendonly in its settings, or for the persistence of "
            "the managed service"
        )
        yield "note", text
