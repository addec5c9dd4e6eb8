"""Issuers with tenants: whose tokens are accepted, and whether their keys are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from ..core.model.tenants import ANY
from ..core.verify.issuer_states import IssuerState
from ..guard import Guard
from .routes import Finding

TRIED = 10
"""Tenants whose keys are fetched by one ``check``."""


def tenant_findings(
    guard: Guard, about: Callable[[Guard, IssuerState], Iterator[Finding]]
) -> Iterator[Finding]:
    """Say which tenants are accepted; *about* says what is true of one of them."""
    for issuer in guard.policy.issuers:
        if issuer.tenants is None:
            continue
        subject = f"tenants of {issuer.url}"
        if issuer.tenants == ANY:
            text = "any: anyone with a tenant there can make tokens for this API"
            yield Finding("weak", subject, text)
            continue
        named = sorted(issuer.tenants)
        yield Finding("ok", subject, f"{len(named)}: {' '.join(named[:TRIED])}")
        for name in islice(named, TRIED):
            yield from about(guard, guard.issuers[issuer.for_tenant(name).url])
        if len(named) > TRIED:
            text = f"the keys of the first {TRIED} were fetched, the others were not"
            yield Finding("note", subject, text)
