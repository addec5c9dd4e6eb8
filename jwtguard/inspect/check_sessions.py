"""Checking the settings of sessions and the issuer's endpoints."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ..core.model.effects import FetchFailedError
from ..core.model.origins import is_plain
from ..core.model.policy import Policy
from ..guard import Guard
from .routes import Finding
from .workers import NOT_SEEN, several_workers

_ENDPOINTS = (("token_endpoint", "wrong"), ("revocation_endpoint", "weak"))


def session_findings(
    guard: Guard, environ: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Report where sessions keep their tokens, and problems with them."""
    sessions = guard._flow.sessions  # noqa: SLF001  # it finds the endpoints as they do
    if sessions is None:
        return
    policy = guard.policy
    text = f"client {policy.session_client}, tokens in the {policy.session_store}"
    if policy.session_path is not None:
        text += f", answered at {policy.session_path}"
    yield Finding("ok", "sessions", text)
    yield from _cookie(policy)
    if not guard.state.shared:
        yield _alone(policy, several_workers(environ))
    for name, level in _ENDPOINTS:
        subject = f"sessions: {name.replace('_', ' ')}"
        try:
            yield Finding("ok", subject, guard.run(sessions.server.find(name)))
        except FetchFailedError as error:
            yield Finding(level, subject, str(error))


def _cookie(policy: Policy) -> Iterator[Finding]:
    name = policy.session_cookie
    if not name.startswith("__Host-"):
        text = f"{name} does not begin with __Host-, so a sibling host could set it"
        yield Finding("weak", "session cookie", text)
    if not policy.public_url:
        text = "JWTGUARD_PUBLIC_URL is not set, so Host decides the site's own origin"
        yield Finding("weak", "session cookie", text)
    for url in sorted(url for url in policy.public_origins if is_plain(url)):
        text = f"{url} is plain http, so visitors cannot sign in"
        yield Finding("wrong", "session cookie", text)
    for url in sorted(url for url in policy.public_origins if url.startswith("http:")):
        if not is_plain(url):
            text = f"{url}: on loopback the cookie has another name, without Secure"
            yield Finding("note", "session cookie", text)


def _alone(policy: Policy, several: str) -> Finding:
    """Say what a restart forgets with memory://, and what workers do not share."""
    if policy.session_store == "state":
        text = (
            "JWTGUARD_STATE is memory://: each worker knows its own sessions, and a "
            "restart ends them all"
        )
    else:
        text = (
            "memory://: after a restart, the cookies of visitors who were signed out "
            "are accepted again; with several workers, only the worker that signs a "
            "visitor out refuses a copied cookie at once, and two workers may use the "
            "same refresh token; set JWTGUARD_STATE=redis://..."
        )
    if several:
        return Finding("wrong", "sessions", f"{several}, {text}")
    return Finding("weak", "sessions", f"{text} ({NOT_SEEN})")
