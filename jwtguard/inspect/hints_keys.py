"""RFC 8414 section 2: a hint of ``explain`` where the key set is at another URL."""

from __future__ import annotations

from ..core.model.effects import FetchFailedError
from ..core.model.issuers import TrustedIssuer
from ..core.verify.discovery import find_jwks_url
from ..guard import Guard


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
