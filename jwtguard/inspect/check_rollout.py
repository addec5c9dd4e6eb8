"""Checking what is only reported, and for whom."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.model.policy import Policy
from .routes import Finding

_WHAT = "report only"


def rollout_findings(policy: Policy) -> Iterator[Finding]:
    """Report refusals that are not enforced, and what follows from that."""
    words = policy.report_only
    if words:
        text = f"{' '.join(words)}: these refusals are events, and the requests run"
        yield Finding("weak", _WHAT, text)
    if "origins" in words:
        text = (
            "preflights are still refused for origins that no client lists; leave CORS "
            "middleware in front of the guard until origins are enforced"
        )
        yield Finding("note", _WHAT, text)
        if policy.cookie is not None or policy.session_client is not None:
            text = (
                "pages of any origin may cause requests that only read, with the "
                "visitor's cookie; those that write are refused"
            )
            yield Finding("weak", _WHAT, text)
    if policy.shadow is not None:
        text = "a second policy is evaluated as well, so every request is slower"
        yield Finding("note", "shadow config", text)
    if policy.report_header:
        text = "answers name rules to every client (JWTGUARD_REPORT_HEADER)"
        yield Finding("weak", "report header", text)
