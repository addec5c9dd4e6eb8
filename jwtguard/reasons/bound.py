"""Reasons for refusing a bound token or its proof (RFC 9449, RFC 8705)."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

_PROOF = "invalid_dpop_proof"

# ruff: noqa: E501  # a table reads better with one row a line
BOUND: Mapping[str, Reason] = {
    reason: Reason(401, code, sentence, hint)
    for reason, code, sentence, hint in (
        ("bound_token", "invalid_token", "The access token is sender-constrained and cannot be used as a bearer token", "it is bound to a key (DPoP or mTLS): each request needs a proof (JWTGUARD_DPOP) or the certificate (JWTGUARD_CLIENT_CERT), which a cookie and `BearerForward` cannot give"),
        ("bound_token_as_bearer", "invalid_token", "The access token is bound to a key and cannot be used as a bearer token", "send it as `Authorization: DPoP`, with a proof in the DPoP header"),
        ("unbound_token", "invalid_token", "The access token is not bound to a key", "request it with a DPoP proof, or over a connection with a client certificate where JWTGUARD_CLIENT_CERT is set"),
        ("certificate_missing", "invalid_token", "The access token is bound to a client certificate, and none was sent", "send it over a connection with that certificate; JWTGUARD_CLIENT_CERT says where the certificate is read"),
        ("certificate_mismatch", "invalid_token", "The access token is bound to another client certificate", "send it over a connection with the certificate that it was requested with"),
        ("dpop_missing", _PROOF, "The DPoP header with the proof is missing", "a token that is sent as `Authorization: DPoP` needs a new proof for each request"),
        ("dpop_repeated", _PROOF, "More than one DPoP proof was sent", "send one proof in one DPoP header"),
        ("dpop_malformed", _PROOF, "The DPoP proof is malformed", "a proof is one signed JWT of at most 8192 characters, with jti, htm, htu, ath and iat"),
        ("dpop_type", _PROOF, "The DPoP proof is not of the type dpop+jwt", "its header `typ` must be `dpop+jwt`"),
        ("dpop_algorithm", _PROOF, "The DPoP proof is signed with an algorithm that is not accepted", "JWTGUARD_DPOP_ALGORITHMS lists the accepted algorithms"),
        ("dpop_key", _PROOF, "The key in the DPoP proof cannot be used", "its header `jwk` must be a public key that fits `alg`; RSA keys have 2048 to 4096 bits"),
        ("dpop_binding", "invalid_token", "The access token is bound to another key", "the proof is signed with another key than the one that the token was requested with"),
        ("dpop_method", _PROOF, "The DPoP proof is for another method", "`htm` must be the method of the request, in capitals; GET for a WebSocket"),
        ("dpop_url", _PROOF, "The DPoP proof is for another URL", "`htu` must be the URL that the client requests; behind a proxy, set JWTGUARD_PUBLIC_URL to it, with the path prefix that the proxy takes off"),
        ("dpop_token_hash", _PROOF, "The DPoP proof is for another access token", "`ath` must be the SHA-256 of the access token, in base64url"),
        ("dpop_time", _PROOF, "The DPoP proof has expired, or was made in the future", "compare the clocks; with JWTGUARD_SECRETS, clients whose clock is wrong are sent a nonce"),
        ("dpop_nonce", "use_dpop_nonce", "The DPoP proof must have the nonce of this response", "send a new proof with the value of the DPoP-Nonce header in `nonce`"),
        ("dpop_signature", _PROOF, "The DPoP proof's signature is invalid", "it was not made with the key in its header"),
        ("dpop_replayed", _PROOF, "The DPoP proof was used before", "every request needs a new proof, and so does a retry"),
    )
} | {
    "state_unavailable": Reason(503, "temporarily_unavailable", "It is temporarily not known whether the DPoP proof was used before", "the shared state does not answer, or JWTGUARD_DPOP_REPLAYS proofs are already recorded"),
}  # fmt: skip
