"""Reasons for refusing a token request, or its relay (RFC 6749 section 5.2)."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

TOKEN_REQUESTS: Mapping[str, Reason] = {
    "post_only": Reason(
        405,
        "invalid_request",
        "The token endpoint accepts only POST",
        "send the form with POST",
    ),
    "form_malformed": Reason(
        400,
        "invalid_request",
        "The body is not a valid form-encoded request",
        "send application/x-www-form-urlencoded, with each parameter once",
    ),
    "body_too_long": Reason(
        413,
        "invalid_request",
        "The body is longer than this server reads",
        "JWTGUARD_MAX_BODY_BYTES is the limit",
    ),
    "client_gone": Reason(
        400,
        "invalid_request",
        "The request body ended early",
        "the client or a proxy closed the connection",
    ),
    "grant_type_missing": Reason(
        400,
        "invalid_request",
        "grant_type is missing",
        "add `grant_type=password` or `grant_type=refresh_token` to the form",
    ),
    "username_missing": Reason(
        400,
        "invalid_request",
        "username is missing",
        "the password grant needs `username` and `password`",
    ),
    "client_ambiguous_form": Reason(
        400,
        "invalid_request",
        "HTTP Basic and the body name different clients",
        "send the client id in one of the two places",
    ),
    "origin_repeated": Reason(
        400,
        "invalid_request",
        "More than one Origin was sent",
        "a proxy adds a second one; browsers send one",
    ),
    "grant_client_unknown": Reason(
        403,
        "unauthorized_client",
        "The client is not registered here",
        "list it in JWTGUARD_CLIENTS",
    ),
    "refresh_disabled": Reason(
        403,
        "unauthorized_client",
        "The client may not use refresh tokens; sign in again",
        "list the client in JWTGUARD_REFRESH_CLIENTS",
    ),
    "grant_proof_missing": Reason(
        400,
        "invalid_dpop_proof",
        "This client has to send a DPoP proof to refresh",
        "the client has `dpop = true`; send a proof in the DPoP header",
    ),
    "grant_proof_malformed": Reason(
        400,
        "invalid_dpop_proof",
        "The DPoP header does not hold exactly one proof",
        "send one proof in one DPoP header",
    ),
    "grant_foreign_origin": Reason(
        403,
        "unauthorized_client",
        "The client may not be used from this origin",
        "list the page's origin for the client, in JWTGUARD_CLIENTS",
    ),
    "unsupported_grant": Reason(
        400,
        "unsupported_grant_type",
        "Only the password and refresh_token grants are supported",
        "other grants go to the issuer itself",
    ),
    "too_many_guesses": Reason(
        429,
        "temporarily_unavailable",
        "Too many attempts; try again later",
        "JWTGUARD_RELAY_LIMIT is the limit",
    ),
    "issuer_unreachable": Reason(
        502,
        "temporarily_unavailable",
        "The token server cannot be reached",
        "the log has the cause; JWTGUARD_RELAY_URL is the token endpoint, if it is "
        "not discovered",
    ),
    "issuer_answer_unusable": Reason(
        502,
        "temporarily_unavailable",
        "The token server sent an invalid response",
        "the log has the cause; JWTGUARD_RELAY_URL must be a token endpoint",
    ),
    "issuer_timeout": Reason(
        504,
        "temporarily_unavailable",
        "The token server did not respond in time",
        "JWTGUARD_RELAY_TIMEOUT is the limit",
    ),
}
