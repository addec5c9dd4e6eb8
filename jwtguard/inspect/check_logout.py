"""Checking whether an issuer's logouts arrive, and what they end.

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
    "`logout` is session, so logouts end only access tokens with the same sid, which "
    "no specification requires; jwtguard explain shows whether a token has one, and "
    "the event logout_unmatched reports logouts that do not end any token"
)
_SUPPORTED = "backchannel_logout_supported"
_SID = "backchannel_logout_session_supported"


def logout_findings(guard: Guard) -> Iterator[Finding]:
    """Report problems with the logouts of each issuer."""
    for trusted in guard.issuers.values():
        yield from _issuer(guard, trusted)


def _issuer(guard: Guard, trusted: IssuerState) -> Iterator[Finding]:
    paths, rules = guard.policy.logout_paths, trusted.rules
    if paths and not rules.clients:
        text = "no client is listed (JWTGUARD_CLIENTS), so logout tokens are refused"
        yield _finding("wrong", rules.issuer, text)
    yield from _announced(guard, trusted)
    if paths and rules.profile.logout == "session":
        usual = PROFILES.get(rules.profile.name)
        known = usual is not None and usual.logout == "session"
        yield _finding("note" if known else "weak", rules.issuer, _SESSIONS)


def _announced(guard: Guard, trusted: IssuerState) -> Iterator[Finding]:
    """Compare the metadata with the paths (OpenID Connect Back-Channel Logout 2.1)."""
    paths, url = guard.policy.logout_paths, trusted.rules.issuer
    metadata = metadata_of(guard, trusted)
    if isinstance(metadata, str):
        if paths and metadata:
            yield _finding("note", url, f"its logout support is unknown: {metadata}")
        return
    supported, sessions = (metadata.get(name) is True for name in (_SUPPORTED, _SID))
    if not paths and supported:
        text = "it supports back-channel logout; JWTGUARD_LOGOUT_PATHS is not set"
        yield _finding("note", url, text)
    elif paths and not supported:
        text = f"its metadata lacks {_SUPPORTED}, so it may not send logouts"
        yield _finding("weak", url, text)
    elif paths:
        text = "it supports back-channel logout: register the URL of a logout path"
        yield _finding("ok", url, text)
        if trusted.rules.profile.logout == "session" and not sessions:
            text = f"its metadata lacks {_SID}: a logout token without sid "
            yield _finding("note", url, text + "ends all tokens of the subject")


def metadata_of(guard: Guard, trusted: IssuerState) -> dict[str, Any] | str:
    """Return the metadata, or the problem; "" if that was reported already."""
    issuer = trusted.key_cache.issuer
    if issuer.keys is not None or issuer.jwks_url is not None:
        return "its metadata is not read"
    if trusted.key_cache.snapshot.key_set is None:
        return ""
    try:
        return guard.run(find_metadata(issuer))
    except FetchFailedError as error:
        return str(error)


def _finding(level: str, issuer: str, text: str) -> Finding:
    return Finding(level, "logout", f"{issuer}: {text}")
