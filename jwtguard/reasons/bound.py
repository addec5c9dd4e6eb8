"""Reasons for refusing a bound token or its proof (RFC 9449, RFC 8705)."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

_PROOF = "invalid_dpop_proof"

# ruff: noqa: E501  # a table reads better with one row a line
BOUND: Mapping[str, Reason] = {
    reason: Reason(401, code, sentence, hint)
    for reason, code, sentence, hint in (
        ("bound_token", "invalid_token", "The access token is sender-constrained and cannot be used as a bearer token", "it is bound to a key (DPoP or mTLS); request a bearer token that is not bound"),
        ("bound_token_as_bearer", "invalid_token", "The access token is bound to a key and cannot be used as a bearer token", "send it as `Authorization: DPoP`, with a proof in the DPoP header"),
        ("unbound_token", "invalid_token", "The access token is not bound to a key", "request it with a DPoP proof, or send it as `Authorization: Bearer` if JWTGUARD_DPOP allows that"),
        ("certificate_missing", "invalid_token", "The access token is bound to a client certificate, and none was sent", "send it over a connection with that certificate; JWTGUARD_CLIENT_CERT says where the certificate is read"),
        ("certificate_mismatch", "invalid_token", "The access token is bound to another client certificate", "send it over a connection with the certificate that it was requested with"),
        ("dpop_missing", _PROOF, "The DPoP header with the proof is missing", "a token that is sent as `Authorization: DPoP` needs a new proof for each request"),
        ("dpop_repeated", _PROOF, "More than one DPoP proof was sent", ""),
        ("dpop_malformed", _PROOF, "The DPoP proof is malformed", "a proof is one signed JWT of at most 8192 characters"),
    )
}  # fmt: skip
