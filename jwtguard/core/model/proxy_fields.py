"""Header fields with names of their own, which only trusted proxies may set."""

from __future__ import annotations

from typing import Any, NamedTuple

from .client_cert import CertificateSource
from .request import has_other_use
from .validation import TOKEN, Problems

_WHERE = ("token_header",)


class ProxyFields(NamedTuple):
    """What adapters look for beside the fields that every policy reads."""

    certificates: CertificateSource | None = None
    token: str = ""
    """The lower-case name of the field that holds the token; empty: none does."""


def proxy_fields(
    certificates: CertificateSource | None,
    header: Any,
    proxies: Any,
    problems: Problems,
) -> ProxyFields | None:
    """Return the fields; None if there are none. *proxies*: whether any is trusted."""
    problem = _problem(header, certificates)
    if problem:
        problems.add(_WHERE, problem)
        header = None
    if header is not None:
        text = (
            "needs JWTGUARD_TRUSTED_PROXIES: the field counts only if it comes from a "
            "proxy that is listed there"
        )
        problems.check(proxies, _WHERE, text)
    if header is None and certificates is None:
        return None
    return ProxyFields(certificates, (header or "").lower())


def _problem(header: Any, certificates: CertificateSource | None) -> str:
    if header is None:
        return ""
    like = "expected the name of a header field, like X-Forwarded-Access-Token"
    if not isinstance(header, str) or not TOKEN.fullmatch(header):
        return f"{header!r} is not valid; {like}"
    if "_" in header:
        # Some proxies remove `X-Token` from what clients send, and leave `X_Token`.
        better = header.replace("_", "-")
        return f"{header!r}: servers read _ as -, and proxies do not; write {better}"
    taken = certificates is not None and certificates.field == header.lower()
    if taken or has_other_use(header.lower()):
        return f"{header!r} has another meaning; use a field for the token alone"
    return ""
