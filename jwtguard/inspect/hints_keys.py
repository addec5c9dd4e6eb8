"""Where the keys of an issuer may be, if they are not where the settings say.

RFC 8414 section 2: the metadata names the key set. ``explain`` and ``check`` give the
same hints.
"""

from __future__ import annotations

from ..core.model.effects import FetchFailedError
from ..core.model.issuers import TrustedIssuer
from ..core.verify.discovery import find_jwks_url
from ..core.verify.issuer_states import IssuerState
from ..guard import Guard


def of_missing_keys(guard: Guard, trusted: IssuerState) -> str:
    """Say why no keys could be fetched, and where they may be looked for."""
    issuer = trusted.key_cache.issuer
    failure = trusted.key_cache.snapshot.failure or "not fetched yet"
    if issuer.keys is not None:
        return failure
    if issuer.jwks_url is not None:
        return failure + of_other_jwks_url(guard, issuer)
    if issuer.discovery_url is not None:
        return f"{failure}; JWTGUARD_DISCOVERY_URL is fetched exactly as written"
    return (
        f"{failure}; if the metadata is elsewhere, set JWTGUARD_DISCOVERY_URL, or "
        "JWTGUARD_JWKS_URL for the key set"
    )


def of_other_jwks_url(guard: Guard, issuer: TrustedIssuer) -> str:
    """Name the key set of the metadata if the settings of *issuer* name another one.

    An empty string where the metadata cannot be fetched, or names the same one.
    """
    if issuer.jwks_url is None:
        return ""
    try:
        found = guard.run(find_jwks_url(issuer, guard.policy.http_hosts))
    except FetchFailedError:
        return ""
    if found == issuer.jwks_url:
        return ""
    return f"; the metadata of the issuer names {found}: remove JWTGUARD_JWKS_URL"
