"""What is known of one reason for a refusal."""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """What is known of one reason, whoever is refused for it."""

    status: int
    code: str
    """The member ``error`` of the answer."""
    sentence: str
    """What the client reads. It is fixed, and repeats nothing of the request."""
    hint: str = ""
    """What may help, for ``jwtguard explain``."""
