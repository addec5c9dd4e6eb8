"""Checking bound tokens (RFC 9449): who needs them, replays, nonces, and the URL."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ..core.model.policy import Policy
from ..guard import Guard
from .routes import Finding
from .workers import NOT_SEEN, several_workers

_NAME = "bound tokens"


def dpop_findings(
    guard: Guard, environ: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Report which tokens must be bound, and what does not work with that."""
    policy = guard.policy
    bound = [client.id for client in policy.clients if client.dpop]
    if policy.dpop == "off":
        # A client that must bind its tokens gets nothing accepted then.
        level = "wrong" if bound else "note"
        yield Finding(level, _NAME, "they are refused (JWTGUARD_DPOP=off)")
        return
    several = several_workers(environ)
    if policy.dpop != "require" and not bound:
        # They are accepted by default: what few use is worth a line only if it is
        # known to be wrong.
        if several and not _shared(guard):
            yield _alone(several)
        return
    who = "every token" if policy.dpop == "require" else f"tokens of {' '.join(bound)}"
    yield Finding("ok", _NAME, f"{who} must be bound to a key")
    yield from _replays(guard, several)
    yield from _nonces(policy)
    yield from _without_proof(policy, bound)
    yield from _token_paths(guard)
    yield from _url(policy)


def _shared(guard: Guard) -> bool:
    """Whether other processes hear which proofs were used."""
    return guard._flow.verifier.binding.replays.shared  # noqa: SLF001  # as it does


def _replays(guard: Guard, several: str) -> Iterator[Finding]:
    policy = guard.policy
    if not policy.dpop_replays:
        text = (
            "JWTGUARD_DPOP_REPLAYS is 0: anyone who sees a request can repeat it for "
            f"{policy.dpop_max_age:g} s"
        )
        yield Finding("weak", _NAME, text)
    elif not _shared(guard):
        yield _alone(several)
    elif policy.dpop_replay_outage == "allow":
        text = (
            "while the state cannot be reached, proofs are not compared with earlier "
            "ones (JWTGUARD_DPOP_REPLAY_OUTAGE=allow)"
        )
        yield Finding("note", _NAME, text)


def _alone(several: str) -> Finding:
    text = (
        "memory://: a proof works once in each worker; several workers need "
        "JWTGUARD_STATE=redis://..."
    )
    if several:
        return Finding("wrong", _NAME, f"{several}, {text}")
    return Finding("weak", _NAME, f"{text} ({NOT_SEEN})")


def _nonces(policy: Policy) -> Iterator[Finding]:
    if policy.dpop_nonce != "off":
        return
    text = (
        f"without nonces, clients whose clock is {policy.dpop_max_age:g} s late or "
        f"{policy.leeway:g} s ahead are refused"
    )
    if not policy.secrets:
        text += "; set JWTGUARD_SECRETS, and they get a nonce instead"
    yield Finding("weak", _NAME, text)


def _without_proof(policy: Policy, bound: list[str]) -> Iterator[Finding]:
    """Tokens that come without a proof, whoever sends them."""
    # Browsers add a cookie by themselves, and no script signs such a request.
    if policy.cookie is not None and policy.dpop == "require":
        text = "JWTGUARD_DPOP=require refuses the token in the cookie: it has no proof"
        yield Finding("wrong", _NAME, text)
    session = policy.session_client
    if session is None:
        return
    text = "the tokens of sessions are bearer tokens, and are refused"
    if policy.dpop == "require":
        yield Finding("wrong", _NAME, f"JWTGUARD_DPOP=require: {text}")
    elif session in bound:
        yield Finding("wrong", _NAME, f"client {session}, dpop = true: {text}")


def _token_paths(guard: Guard) -> Iterator[Finding]:
    refreshing = [one.id for one in guard.policy.clients if one.dpop and one.refresh]
    if refreshing and (guard.policy.token_paths or guard.relays):
        text = (
            f"a refresh of {' '.join(refreshing)} needs a DPoP proof, which the token "
            "server checks: it has to know itself by the URL that the page calls"
        )
        yield Finding("note", _NAME, text)


def _url(policy: Policy) -> Iterator[Finding]:
    if policy.public_url:
        return
    # A client that is led to another host can have its proof repeated here.
    text = "JWTGUARD_PUBLIC_URL is not set, so Host says which URL a proof must name"
    if policy.trusted_proxies:
        text += (
            "; a proxy that changes Host, or takes a path prefix off, makes every "
            "proof wrong"
        )
    yield Finding("weak", _NAME, text)
