"""RFC 6749 section 5.2: whether an issuer accepts our own client secret."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from ..model.effects import Incoming
from ..model.encoding import parse_json
from ..model.issuers import TrustedIssuer
from ..verify.keys import Emit

_OF_CLIENT = frozenset({"invalid_client", "unauthorized_client"})
"""Keycloak answers the second for a wrong secret."""


def report_denied(got: Incoming, url: str, issuer: TrustedIssuer, emit: Emit) -> None:
    """Emit ``client_secret_denied`` if *got*, from *url*, refuses our client secret.

    Other refusals say nothing about it: those of a password, or of a token.
    """
    if not 400 <= got.status < 500:
        return
    code = _code_of(got)
    if code in _OF_CLIENT:
        problem = f"{urlsplit(url).hostname}: status {got.status}, {code}"
        emit("client_secret_denied", issuer=issuer.url, problem=problem)


def _code_of(got: Incoming) -> str:
    try:
        document = parse_json(got.body)
    except ValueError:
        return ""
    code = document.get("error") if isinstance(document, Mapping) else None
    return code if isinstance(code, str) else ""
