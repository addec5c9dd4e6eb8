"""RFC 8705 section 3: where the certificate of a client is found."""

from __future__ import annotations

from typing import Any, NamedTuple

from .request import has_other_use
from .validation import TOKEN, Problems

FORMATS = ("rfc9440", "pem-url", "der-base64", "xfcc")
"""What the value of a proxy's header field may look like."""
EXAMPLE = "off, tls, or a header field and its format, like Client-Cert:rfc9440"
_WHERE = ("client_cert",)


class CertificateSource(NamedTuple):
    """A header field that trusted proxies set, or the TLS of the server itself."""

    field: str = ""
    """The name of the header field in lower case; empty: the server's TLS."""
    format: str = "tls"
    """One of ``FORMATS``, or ``tls``."""


TLS_SOURCE = CertificateSource()


def source_of(value: Any, proxies: Any, problems: Problems) -> CertificateSource | None:
    """Read the setting; None is ``off``, or a value that is not valid.

    *proxies*: whether any proxy is trusted.
    """
    if value == "off" or not isinstance(value, str):
        text = f"{value!r} is not valid; expected {EXAMPLE}"
        problems.check(isinstance(value, str), _WHERE, text)
        return None
    if value == "tls":
        return TLS_SOURCE
    name, _, form = value.partition(":")
    problem = _problem(value, name, form)
    if problem:
        problems.add(_WHERE, problem)
        return None
    text = (
        "needs JWTGUARD_TRUSTED_PROXIES: the field counts only if it comes from a "
        "proxy that is listed there"
    )
    problems.check(proxies, _WHERE, text)
    return CertificateSource(name.lower(), form)


def _problem(value: str, name: str, form: str) -> str:
    if not form or not TOKEN.fullmatch(name):
        return f"{value!r} is not valid; expected {EXAMPLE}"
    if form not in FORMATS:
        return f"{form!r} is not a known format; expected one of {' '.join(FORMATS)}"
    if "_" in name:
        # Some proxies remove `X-Cert` from what clients send, and leave `X_Cert`.
        better = name.replace("_", "-")
        return f"{name!r}: servers read _ as -, and proxies do not; write {better}"
    if has_other_use(name.lower()):
        return f"{name!r} has another meaning; use a field for the certificate alone"
    return ""
