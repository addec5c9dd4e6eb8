"""Whether an issuer's logouts arrive, and what they end, as far as can be known.

Whether access tokens hold a ``sid`` shows in a token alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.model.effects import FetchFailedError
from ..core.model.profiles import PROFILES
from ..core.verify.discovery import find_metadata
from ..core.verify.issuer_states import IssuerState
from ..guard import Guard
from .routes import Finding

_SESSIONS = (
    "`logout` is session: only access tokens with the sid of the logout token end, and "
    "no specification promises a sid there; jwtguard explain shows whether a token has "
    "one, and the event logout_unmatched tells of logouts that end nothing"
)
_SUPPORTED = "backchannel_logout_supported"
_SID = "backchannel_logout_session_supported"


def logout_findings(guard: Guard) -> Iterator[Finding]:
    """Say what stands in the way of logouts, issuer by issuer."""
    for trusted in guard.issuers.values():
        yield from _issuer(guard, trusted)


def _issuer(guard: Guard, trusted: IssuerState) -> Iterator[Finding]:
    paths, rules = guard.policy.logout_paths, trusted.rules
    if paths and not rules.clients:
        text = "no client is listed, so every logout token is refused: JWTGUARD_CLIENTS"
        yield _finding("wrong", rules.issuer, text)
    yield from _announced(guard, trusted)
    if paths and rules.profile.logout == "session":
        usual = PROFILES.get(rules.profile.name)
        known = usual is not None and usual.logout == "session"
        yield _finding("note" if known else "weak", rules.issuer, _SESSIONS)


def _announced(guard: Guard, trusted: IssuerState) -> Iterator[Finding]:
    """Compare the metadata with the paths (OpenID Connect Back-Channel Logout 2.1)."""
    paths, url = guard.policy.logout_paths, trusted.rules.issuer
    metadata = _metadata_of(guard, trusted)
    if isinstance(metadata, str):
        if paths and metadata:
            yield _finding("note", url, f"its support is not known: {metadata}")
        return
    supported, sessions = (metadata.get(name) is True for name in (_SUPPORTED, _SID))
    if not paths and supported:
        text = "it supports back-channel logout; JWTGUARD_LOGOUT_PATHS is not set"
        yield _finding("note", url, text)
    elif paths and not supported:
        text = f"its metadata do not announce {_SUPPORTED}: it may not send logouts"
        yield _finding("weak", url, text)
    elif paths:
        text = "it supports back-channel logout: register the URL of a path there"
        yield _finding("ok", url, text)
        if trusted.rules.profile.logout == "session" and not sessions:
            text = f"its metadata do not announce {_SID}: a logout token without sid "
            yield _finding("note", url, text + "ends all tokens of the subject")


def _metadata_of(guard: Guard, trusted: IssuerState) -> dict[str, Any] | str:
    """Return the metadata, or why they are not known; empty if that was said before."""
    issuer = trusted.key_cache.issuer
    if issuer.keys is not None or issuer.jwks_url is not None:
        return "its metadata are not read"
    if trusted.key_cache.snapshot.key_set is None:
        return ""
    try:
        return guard.run(find_metadata(issuer))
    except FetchFailedError as error:
        return str(error)


def _finding(level: str, issuer: str, text: str) -> Finding:
    return Finding(level, "logout", f"{issuer}: {text}")
