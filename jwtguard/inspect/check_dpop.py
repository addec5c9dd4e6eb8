"""Whether bound tokens keep their promise: who could use a stolen proof (RFC 9449)."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.model.policy import Policy
from ..guard import Guard
from .routes import Finding

_SUBJECT = "bound tokens"


def dpop_findings(guard: Guard) -> Iterator[Finding]:
    """Say what is asked of bound tokens, where they are required or switched off."""
    policy = guard.policy
    clients = sorted(client.id for client in policy.clients if client.dpop)
    if policy.dpop == "off":
        text = "they are refused (JWTGUARD_DPOP=off)"
        yield Finding("wrong" if clients else "note", _SUBJECT, text)
    elif policy.dpop == "require" or clients:
        whose = "every token" if policy.dpop == "require" else " ".join(clients)
        text = f"{whose}; a proof is good for {policy.dpop_max_age:g} s"
        yield Finding("ok", _SUBJECT, f"{text}, nonces: {policy.dpop_nonce}")
        yield from _weak(policy, shared=guard.state.shared)


def _weak(policy: Policy, *, shared: bool) -> Iterator[Finding]:
    if not policy.public_url:
        text = "JWTGUARD_PUBLIC_URL is not set, so Host decides the URL of a proof"
        yield Finding("weak", _SUBJECT, text)
    if not policy.dpop_replays:
        text = "a proof may be used again (JWTGUARD_DPOP_REPLAYS=0)"
        yield Finding("weak", _SUBJECT, text)
    elif not shared:
        text = "a proof is good once in each process; share JWTGUARD_STATE"
        yield Finding("weak", _SUBJECT, text)
    if policy.dpop_replay_outage == "allow":
        text = "used proofs are accepted in an outage (JWTGUARD_DPOP_REPLAY_OUTAGE)"
        yield Finding("weak", _SUBJECT, text)
