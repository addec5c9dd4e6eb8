"""Reasons for refusing an access token, or for not being able to verify it now."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

TOKENS: Mapping[str, Reason] = {
    "malformed": Reason(401, "invalid_token", "The access token is malformed"),
    "encrypted": Reason(
        401,
        "invalid_token",
        "The access token is encrypted and cannot be read by this server",
        "five parts: an encrypted token (JWE); ask for a signed one",
    ),
    "unsupported_critical": Reason(
        401,
        "invalid_token",
        "The access token uses critical extensions that are not supported",
    ),
    "wrong_algorithm": Reason(
        401,
        "invalid_token",
        "The access token is signed with an algorithm that is not accepted",
        "JWTGUARD_ALGORITHMS lists the accepted algorithms; symmetric ones are never "
        "accepted",
    ),
    "unknown_issuer": Reason(
        401,
        "invalid_token",
        "The access token comes from an issuer that is not trusted",
    ),
    "unknown_key": Reason(
        401,
        "invalid_token",
        "The access token is signed with a key that its issuer does not publish",
    ),
    "bad_signature": Reason(
        401,
        "invalid_token",
        "The access token's signature is invalid",
        "the key is known but did not make this signature; the token may have been "
        "changed in transit",
    ),
    "expired": Reason(401, "invalid_token", "The access token has expired"),
    "not_yet_valid": Reason(401, "invalid_token", "The access token is not valid yet"),
    "issued_in_future": Reason(
        401, "invalid_token", "The access token was issued in the future"
    ),
    "lifetime_too_long": Reason(
        401,
        "invalid_token",
        "The access token's lifetime is longer than this server accepts",
    ),
    "wrong_audience": Reason(
        401, "invalid_token", "The access token was issued for another audience"
    ),
    "missing_claim": Reason(
        401, "invalid_token", "The access token lacks a required claim"
    ),
    "malformed_claim": Reason(
        401, "invalid_token", "The access token has a claim of the wrong type"
    ),
    "client_ambiguous": Reason(
        401, "invalid_token", "The access token names two different clients"
    ),
    "wrong_type": Reason(
        401,
        "invalid_token",
        "The token's type is not accepted",
        "JWTGUARD_PROFILE decides which types are accepted; rfc9068 requires at+jwt",
    ),
    "id_token": Reason(
        401,
        "invalid_token",
        "An ID token is not an access token",
        "the client sent its ID token; it has to send access_token",
    ),
    "refresh_token": Reason(
        401,
        "invalid_token",
        "A refresh token is not an access token",
        "the client sent its refresh token; it has to send access_token",
    ),
    "logout_token": Reason(
        401,
        "invalid_token",
        "A logout token is not an access token",
        "a logout token is for the client's logout URL, not for an API",
    ),
    "not_access_token": Reason(
        401,
        "invalid_token",
        "The token is not marked as an access token",
        "it has no scope, client_id or typ of an access token: it may be an ID token, "
        "or its issuer needs a profile (JWTGUARD_PROFILE)",
    ),
    **dict.fromkeys(
        ("revoked_token", "revoked_session", "revoked_subject", "revoked_before"),
        Reason(
            401,
            "invalid_token",
            "The access token was revoked",
            "somebody signed out, or an administrator ended the session; sign in again",
        ),
    ),
    # the keys
    "keys_unavailable": Reason(
        503,
        "temporarily_unavailable",
        "The issuer's signing keys are temporarily unavailable",
        "the key set or the metadata cannot be fetched; the log and `jwtguard check` "
        "say why",
    ),
    # introspection
    "inactive": Reason(
        401,
        "invalid_token",
        "The access token is not active",
        "its issuer says so: it has ended, was revoked, or was never issued",
    ),
    "introspection_unavailable": Reason(
        503,
        "temporarily_unavailable",
        "The issuer temporarily does not say whether the access token is active",
        "the introspection endpoint failed; the log and `jwtguard check` say how",
    ),
    # the revocations
    "revocations_stale": Reason(
        503,
        "temporarily_unavailable",
        "The list of revoked access tokens is temporarily unavailable",
        "the shared state cannot be read, and JWTGUARD_REVOCATION_OUTAGE is not allow",
    ),
}
