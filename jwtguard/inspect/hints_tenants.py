"""Hints for tokens of a tenant that is not accepted."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.model.issuers import TrustedIssuer
from ..core.model.tenants import template_of


def of_tenant(found: str, issuers: Iterable[TrustedIssuer]) -> str:
    """Say that the issuer *found* is a tenant that is not listed; empty if not."""
    for issuer in issuers:
        template = template_of(issuer.url)
        tenant = template.tenant_of(found) if template and issuer.tenants else None
        if tenant is not None:
            return f"{tenant} is not one of the tenants of {issuer.url}; list it there"
    return ""
