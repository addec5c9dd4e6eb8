"""A reason for a refusal."""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """What all refusals for one reason have in common."""

    status: int
    code: str
    """The member ``error`` of the answer."""
    sentence: str
    """A fixed sentence for the client, without values of the request."""
    hint: str = ""
    """The hint that ``jwtguard explain`` shows."""
    report_only: str = ""
    """The word in ``JWTGUARD_REPORT_ONLY`` that turns the refusal into an event; empty
    for what is always enforced."""
