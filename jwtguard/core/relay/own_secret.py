"""RFC 6749 section 5.2: whether an issuer accepts our own client secret."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..model.effects import Incoming
from ..model.error_code import OF_CLIENT, error_code
from ..model.issuers import TrustedIssuer
from ..verify.keys import Emit


def report_denied(got: Incoming, url: str, issuer: TrustedIssuer, emit: Emit) -> None:
    """Emit ``client_secret_denied`` if *got*, from *url*, refuses our client secret.

    Other refusals say nothing about it: those of a password, or of a token.
    """
    if not 400 <= got.status < 500:
        return
    code = error_code(got.body)
    if code in OF_CLIENT:
        problem = f"{urlsplit(url).hostname}: status {got.status}, {code}"
        emit("client_secret_denied", issuer=issuer.url, problem=problem)
