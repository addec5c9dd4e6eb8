"""RFC 9728: the metadata of this API, and where a refusal says that they are.

Everything is made from the settings once. Nothing of a request is in it, as a caller
can write any ``Host``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..model.challenge import Challenge
from ..model.decision import Decision, Proceed, Respond, decoration
from ..model.issuers import TrustedIssuer
from ..model.patterns import demands
from ..model.policy import Policy
from ..model.request import Fields, Request
from ..model.resource import WELL_KNOWN, Resource
from ..model.resources import resources_of, scopes_supported
from ..model.tenants import ANY

_ANYBODY = ("Access-Control-Allow-Origin", "*")
_MAX_AGE = 3600
"""Seconds that a client may keep the metadata."""
_PREFLIGHT = Respond(
    204,
    (
        _ANYBODY,
        ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
        # The Inspector of MCP sends a field of its own; without credentials, all may.
        ("Access-Control-Allow-Headers", "*"),
        ("Access-Control-Max-Age", "600"),
    ),
)
_INSUFFICIENT = ("error", "insufficient_scope")


class Metadata:
    """The metadata of the resources of one policy; false if there are none."""

    def __init__(self, policy: Policy) -> None:
        self.resources: Sequence[Resource] = resources_of(policy)
        self._documents = {
            resource.url_path: _answer(document_of(policy, resource))
            for resource in self.resources
        }
        if self.resources:
            # Section 3.1 has one place; older clients look here, too.
            first = self._documents[self.resources[0].url_path]
            self._documents.setdefault("", first)

    def __bool__(self) -> bool:
        return bool(self.resources)

    def preflight(self, request: Request) -> Decision:
        """Answer a preflight for metadata: any page may read them."""
        if self._document(request) is not None:
            return _PREFLIGHT
        ours = decoration((_ANYBODY,), replace=False)
        return Proceed(None, ours, fallback=_PREFLIGHT)

    def answer(self, request: Request) -> Decision:
        """Answer a request for metadata, or leave it to the application."""
        found = self._document(request)
        if found is None:
            # Clients look for the metadata of issuers here as well: the 404 of the
            # application is an answer for pages of any origin.
            return Proceed(None, decoration((_ANYBODY,), replace=False))
        if request.method == "OPTIONS":
            return _PREFLIGHT
        return found if request.method == "GET" else found._replace(body=b"")

    def _document(self, request: Request) -> Respond | None:
        for path in (request.path, request.root + request.path):
            if path.startswith(WELL_KNOWN):
                rest = path.removeprefix(WELL_KNOWN).rstrip("/")
                if rest in self._documents:
                    return self._documents[rest]
        return None

    def challenges(
        self, challenges: tuple[Challenge, ...], status: int, path: str | None
    ) -> tuple[Challenge, ...]:
        """Return *challenges* with ``resource_metadata`` (section 5.1).

        *path* is that of the request, if it is known.
        """
        if not self.resources or status not in (401, 403):
            return challenges
        named = ("resource_metadata", self.resource_of(path).metadata_url)
        return tuple(
            one._replace(params=(*one.params, named))
            if status == 401 or _INSUFFICIENT in one.params
            else one
            for one in challenges
        )

    def resource_of(self, path: str | None) -> Resource:
        """Return the resource of *path*: the most specific, else the first."""
        fitting = [
            resource
            for resource in self.resources
            if path is not None and demands(resource.pattern, path)
        ]
        longest = max(fitting, key=lambda one: len(one.pattern), default=None)
        return longest or self.resources[0]


def document_of(policy: Policy, resource: Resource) -> dict[str, Any]:
    """Return the metadata of *resource* (section 2)."""
    by_certificate = policy.client_cert != "off"
    proofs = list(policy.dpop_algorithms) if policy.dpop != "off" else None
    found = {
        "resource": resource.url,
        "authorization_servers": [url for i in policy.issuers for url in _servers(i)],
        "scopes_supported": scopes_supported(policy, resource),
        "bearer_methods_supported": ["header"],
        "resource_name": resource.name,
        "resource_documentation": resource.documentation,
        "tls_client_certificate_bound_access_tokens": by_certificate or None,
        "dpop_signing_alg_values_supported": proofs,
        "dpop_bound_access_tokens_required": policy.dpop == "require" or None,
    }
    # Section 2: members without a value are left out, empty lists too.
    return {name: value for name, value in found.items() if value not in (None, [])}


def _servers(issuer: TrustedIssuer) -> Iterator[str]:
    """Yield the issuer, or that of each tenant; with any tenant, nobody knows which."""
    if issuer.tenants is None:
        yield issuer.url
    elif issuer.tenants != ANY:
        yield from (issuer.for_tenant(tenant).url for tenant in sorted(issuer.tenants))


def _answer(document: dict[str, Any]) -> Respond:
    body = json.dumps(document, indent=1).encode() + b"\n"
    headers: Fields = (
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", f"public, max-age={_MAX_AGE}"),
        _ANYBODY,
    )
    return Respond(200, headers, body)
