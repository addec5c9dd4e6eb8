"""What metadata this API publishes about itself (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.model.resources import resources_of, scopes_supported
from ..core.verify.issuer_states import IssuerState
from ..guard import Guard
from .check_logout import metadata_of
from .routes import Finding

_PKCE = "code_challenge_methods_supported"


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
    if resources_of(policy):
        for trusted in guard.issuers.values():
            yield from _sign_in(guard, trusted)


def _sign_in(guard: Guard, trusted: IssuerState) -> Iterator[Finding]:
    """Report an issuer at which clients refuse to sign in, by its own metadata."""
    metadata = metadata_of(guard, trusted)
    if isinstance(metadata, str) or "authorization_endpoint" not in metadata:
        return
    methods = metadata.get(_PKCE)
    if not isinstance(methods, list) or "S256" not in methods:
        # The specification of MCP requires it of clients.
        text = (
            f"{trusted.rules.issuer}: its metadata lacks S256 in {_PKCE}, so MCP "
            "clients do not sign in there"
        )
        yield Finding("note", "resource", text)
