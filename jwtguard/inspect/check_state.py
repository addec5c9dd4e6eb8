"""Whether the shared state answers, and whether it keeps what it should."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..core.model.policy import Policy
from ..guard import Guard
from ..state import State
from .routes import Finding
from .workers import NOT_SEEN, several_workers

PROBLEMS = {
    "AuthenticationError": "the server refuses this user name or password",
    "BusyLoadingError": "the server is still loading its data",
    "ConnectionError": "the connection was closed; is this a Redis port, and is TLS "
    "on at both ends or at neither?",
    "ConnectionRefusedError": "nothing listens at this address",
    "ConnectionResetError": "the connection was closed; is this a Redis port, and is "
    "TLS on at both ends or at neither?",
    "FileNotFoundError": "the socket does not exist",
    "NoPermissionError": "this user may not run a command or use a key that is "
    "needed; docs/state.md lists them",
    "OutOfMemoryError": "the server has no memory left",
    "PermissionError": "this process may not open the socket",
    "ReadOnlyError": "the server is a read-only replica",
    "SSLCertVerificationError": "the certificate is not trusted here, or names "
    "another host",
    "SSLError": "TLS failed; is this a port for TLS?",
    "TimeoutError": "no answer within JWTGUARD_STATE_TIMEOUT; is TLS on at both ends "
    "or at neither?",
    "gaierror": "the name of the host cannot be resolved",
}
"""What each kind of failure means."""


def state_findings(
    guard: Guard, environ: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Use each operation of the store once, with a unique key."""
    policy = guard.policy
    if policy.secrets:
        text = f"{len(policy.secrets)}; new values use the first, all are accepted"
        yield Finding("ok", "secrets", text)
    if not guard.state.shared:
        yield _alone(guard, several_workers(environ))
        return
    store = guard.state.state
    where = shown(policy, store)
    for verb, works in _trials(store):
        try:
            good = works()
        except Exception as error:  # noqa: BLE001  # a store of somebody else's
            # Only the kind: messages of Redis clients hold the address, and some of
            # them the password.
            kind = str(error) or type(error).__name__
            text = PROBLEMS.get(kind, f"it cannot be used ({kind})")
            yield Finding("wrong", "state", f"{where}: {verb}: {text}")
            return
        if not good:
            text = f"{where}: {verb}: not the value that was stored"
            yield Finding("wrong", "state", text)
            return
    yield Finding("ok", "state", f"{where}, prefix {policy.state_prefix}")
    warnings: Callable[[], list[tuple[str, str]]] | None
    warnings = getattr(store, "warnings", None)
    for level, text in warnings() if warnings else ():
        yield Finding(level, "state", text)


def _alone(guard: Guard, several: str) -> Finding:
    """Say what several workers would not share with memory://."""
    policy = guard.policy
    signs_in = policy.session_client is not None
    guesses = policy.relay_limit_storage in (None, "memory://")
    kept = {
        "revocations": True,
        "used DPoP proofs": policy.dpop != "off" and policy.dpop_replays > 0,
        "ended sessions": signs_in,
        "counts of password guesses": guesses and (signs_in or bool(guard.relays)),
    }
    *names, last = [name for name, here in kept.items() if here]
    listed = f"{', '.join(names)} or {last}" if names else last
    text = (
        f"memory://: processes do not share {listed}, and a restart forgets them; "
        "several workers need JWTGUARD_STATE=redis://..."
    )
    if several:
        return Finding("weak", "state", f"{several}, {text}")
    return Finding("note", "state", f"{text} ({NOT_SEEN})")


def shown(policy: Policy, store: State) -> str:
    """Return where the store is, without user name, password and options."""
    if policy.state == "memory://":
        return type(store).__name__
    parts = urlsplit(policy.state)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _trials(store: State) -> Iterator[tuple[str, Callable[[], Any]]]:
    # A random name: two checks may run at once, and a check must not touch a real
    # entry.
    name = f"check:{secrets.token_hex(8)}"
    key, stream = f"{name}:key", f"{name}:stream"
    yield "claim", lambda: store.claim(key, 60)
    yield "claim", lambda: not store.claim(key, 60)
    yield "put", lambda: _done(store.put, key, b"jwtguard", 60)
    yield "get", lambda: store.get(key) == b"jwtguard"
    yield "delete", lambda: _done(store.delete, key) and store.get(key) is None
    yield "append", lambda: _done(store.append, stream, b"jwtguard", 60)
    yield "follow", lambda: [v for _, v in store.follow(stream, "", 0)] == [b"jwtguard"]
    yield "delete", lambda: _done(store.delete, stream)


def _done(verb: Callable[..., object], *values: object) -> bool:
    verb(*values)
    return True
