"""Checking revocations: other processes, how long they are kept, and outages."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ..guard import Guard
from .routes import Finding
from .workers import NOT_SEEN, several_workers

SHORT = 3600.0
"""A common lifetime of access tokens, in seconds."""


def revocation_findings(
    guard: Guard, environ: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Report how revocations are kept and shared."""
    policy = guard.policy
    fed = policy.logout_paths or policy.revocation_paths or guard.relays
    if fed and not guard.state.shared:
        yield _alone(environ)
    if fed or guard.state.shared:
        yield _kept(guard)
    yield from _outage(guard)


def _alone(environ: Mapping[str, str]) -> Finding:
    """Warn that memory:// shares revocations with nobody, and keeps none."""
    text = (
        "memory://: only the process that receives a logout knows it, until it is "
        "restarted, and all others still accept the tokens; set "
        "JWTGUARD_STATE=redis://..."
    )
    if several := several_workers(environ):
        return Finding("wrong", "logout", f"{several}, {text}")
    return Finding("weak", "logout", f"{text} ({NOT_SEEN})")


def _kept(guard: Guard) -> Finding:
    """Whether a token may outlive its revocation."""
    policy = guard.policy
    if all(issuer.max_lifetime is not None for issuer in policy.issuers):
        text = "kept for the issuer's max_lifetime, which no accepted token exceeds"
        return Finding("ok", "revocations", text)
    text = (
        f"kept for {policy.revocation_for:g} s (JWTGUARD_REVOCATION_FOR): a token that "
        "lives longer is accepted again after that; set max_lifetime of the issuer to "
        "refuse such tokens"
    )
    level = "weak" if policy.revocation_for < SHORT else "note"
    return Finding(level, "revocations", text)


def _outage(guard: Guard) -> Iterator[Finding]:
    """What happens while the shared state cannot be read."""
    outage, wait = guard.policy.revocation_outage, guard.policy.revocation_max_stale
    if not guard.state.shared:
        if outage != "allow":
            text = f"JWTGUARD_REVOCATION_OUTAGE={outage} has no effect with memory://"
            yield Finding("note", "revocations", text)
        return
    what = {
        "allow": "tokens that another process has revoked are accepted",
        "writes": "methods other than GET, HEAD and OPTIONS, and WebSockets, get 503",
        "refuse": "all requests with a token get 503",
    }
    text = f"if the state cannot be read for {wait:g} s, {what[outage]}"
    setting = f"JWTGUARD_REVOCATION_OUTAGE={outage}"
    level = "note" if outage == "allow" else "ok"
    yield Finding(level, "revocations", f"{text} ({setting})")
