"""What metadata this API publishes about itself (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.model.resources import resources_of, scopes_supported
from ..guard import Guard
from .routes import Finding


def resource_findings(guard: Guard) -> Iterator[Finding]:
    """Report the resources, and tokens for them that would be refused."""
    policy = guard.policy
    for resource in resources_of(policy):
        scopes = " ".join(scopes_supported(policy, resource)) or "none"
        text = f"{resource.url}: {resource.metadata_url}, scopes {scopes}"
        yield Finding("ok", "resource", text)
        for trusted in guard.issuers.values():
            rules = trusted.rules
            if rules.audience == "unchecked" or resource.url in rules.audience:
                continue
            # RFC 8707: clients ask for a token for the resource, and it is in `aud`.
            text = (
                f"{resource.url} is not an accepted audience of {rules.issuer}: tokens "
                "that are requested for it are refused (JWTGUARD_AUDIENCE)"
            )
            yield Finding("weak", "resource", text)
