"""What introspection asks whom, and whether the endpoint can be found and used."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from hashlib import sha256

from ..core.introspect.introspector import Introspector
from ..core.model.effects import FetchFailedError
from ..core.model.introspection import auth_of, introspects
from ..core.model.issuers import TrustedIssuer
from ..errors import AuthError
from ..guard import Guard
from .routes import Finding

LONG = 300.0
"""Seconds: people who sign out expect that it takes effect sooner."""
_WHAT = "introspection"


def introspection_findings(guard: Guard, *, probe: bool = False) -> Iterator[Finding]:
    """Report what is introspected; *probe*: ask about a token that was made up."""
    for issuer in guard.policy.issuers:
        if introspects(issuer):
            yield from _of(guard, issuer, probe)


def _of(guard: Guard, issuer: TrustedIssuer, probe: bool) -> Iterator[Finding]:
    yield Finding("ok", _WHAT, f"{issuer.url}: {_asked_about(issuer)}")
    if issuer.introspect_ttl > LONG:
        text = (
            f"a token that was ended is accepted for {issuer.introspect_ttl:g} s more"
        )
        yield Finding("weak", _WHAT, text)
    if issuer.introspect_outage == "local":
        text = "in an outage, JWTs that their issuer has ended are accepted"
        yield Finding("weak", _WHAT, text)
    problems: list[str] = []
    introspector = Introspector(
        guard.policy, issuer, guard.issuers[issuer.url], guard.clock.time,
        guard.clock.monotonic, lambda _, **told: problems.append(told["problem"]),
        secrets.token_bytes,
    )  # fmt: skip
    try:
        url = guard.run(introspector.find())
    except FetchFailedError as error:
        yield Finding("wrong", _WHAT, str(error))
        return
    client = f"as {issuer.introspect_client_id} ({auth_of(issuer)})"
    yield Finding("ok", _WHAT, f"{url} {client}")
    if not probe:
        text = "the endpoint was not asked; --probe asks about a token that is made up"
        yield Finding("note", _WHAT, text)
        return
    yield _probed(guard, introspector, problems)


def _asked_about(issuer: TrustedIssuer) -> str:
    kinds = {"opaque": ["opaque tokens"], "always": ["opaque tokens", "JWTs"]}
    found = kinds.get(issuer.introspect, [])
    if issuer.introspect_paths and issuer.introspect != "always":
        found = [*found, f"JWTs at {' '.join(issuer.introspect_paths)}"]
    prefix = f" ({' '.join(issuer.opaque_prefix)})" if issuer.opaque_prefix else ""
    return f"{' and '.join(found)}{prefix}, for {issuer.introspect_ttl:g} s each"


def _probed(guard: Guard, introspector: Introspector, problems: list[str]) -> Finding:
    token = secrets.token_urlsafe(24)
    digest = sha256(token.encode()).digest()
    try:
        guard.run(introspector.ask(token, digest, known=False))
    except AuthError as error:
        if error.reason == "inactive":
            return Finding("ok", _WHAT, "the endpoint answers, and accepts our client")
        return Finding("wrong", _WHAT, "; ".join(problems) or "no answer in time")
    url = introspector.issuer.url
    text = f"{url} calls a made-up token active: do not trust its answers"
    return Finding("wrong", _WHAT, text)
