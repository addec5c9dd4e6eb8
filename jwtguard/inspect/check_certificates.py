"""Where the certificates of clients come from (RFC 8705), and who could invent them."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.model.policy import Policy
from .routes import Finding

_EVERYBODY = ("0.0.0.0/0", "::/0")


def certificate_findings(policy: Policy) -> Iterator[Finding]:
    """Say which source is read; nothing if none is."""
    source, subject = policy.certificates, "client certificates"
    if source is None:
        return
    if not source.field:
        text = "of the server's own TLS; ASGI servers do not hand them on yet"
        yield Finding("ok", subject, text)
        return
    name, proxies = source.field.title(), " ".join(policy.trusted_proxies)
    yield Finding("ok", subject, f"{name} ({source.format}) from {proxies}")
    if set(_EVERYBODY) & set(policy.trusted_proxies):
        text = "every address is a trusted proxy: anyone can claim any certificate"
        yield Finding("wrong", subject, text)
