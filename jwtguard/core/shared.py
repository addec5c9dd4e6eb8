"""What the flow may ask of the state that processes share, as values.

Each operation touches one key, so that a cluster can answer it. A driver that cannot
get an answer raises ``StateUnavailableError`` where the operation was yielded.
"""

from __future__ import annotations

from typing import NamedTuple


class StateUnavailableError(Exception):
    """The shared state did not answer in time, or refused. Never holds a password."""


class Claim(NamedTuple):
    """Add *key* for *ttl* seconds. The answer: whether it was absent."""

    key: str
    ttl: float


class Load(NamedTuple):
    """Read *key*. The answer: its value, or None."""

    key: str


class Save(NamedTuple):
    """Store *value* under *key* for *ttl* seconds. There is no answer."""

    key: str
    value: bytes
    ttl: float


class Remove(NamedTuple):
    """Delete *key*. There is no answer."""

    key: str


class Append(NamedTuple):
    """Add *value* to *stream*, readable for *keep* seconds. There is no answer."""

    stream: str
    value: bytes
    keep: float


Operation = Claim | Load | Save | Remove | Append
