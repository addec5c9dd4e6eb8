"""The credential for metadata and keys, and the one origin that may see it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from ..model.issuers import TrustedIssuer

_PORTS = {"http": 80, "https": 443}


def credential_fields(issuer: TrustedIssuer, url: str) -> Mapping[str, str]:
    """Return the ``Authorization`` field for a request to *url*; empty if none goes.

    Metadata may name a URL at any host, so only the origin that the settings name gets
    the credential.
    """
    if issuer.keys_authorization is None:
        return {}
    configured = issuer.jwks_url or issuer.discovery_url or issuer.url
    if _origin(url) != _origin(configured):
        return {}
    return {"Authorization": issuer.keys_authorization}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
