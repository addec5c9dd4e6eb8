"""Reasons for refusing a token request, or its relay (RFC 6749 section 5.2)."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

TOKEN_REQUESTS: Mapping[str, Reason] = {
    "post_only": Reason(405, "invalid_request", "The token endpoint accepts only POST"),
    "form_malformed": Reason(
        400, "invalid_request", "The body is not a valid form-encoded request"
    ),
    "body_too_long": Reason(
        413, "invalid_request", "The body is longer than this server reads"
    ),
    "client_gone": Reason(400, "invalid_request", "The request body ended early"),
    "grant_type_missing": Reason(400, "invalid_request", "grant_type is missing"),
    "username_missing": Reason(400, "invalid_request", "username is missing"),
    "client_ambiguous_form": Reason(
        400, "invalid_request", "HTTP Basic and the body name different clients"
    ),
    "origin_repeated": Reason(400, "invalid_request", "More than one Origin was sent"),
    "grant_client_unknown": Reason(
        403, "unauthorized_client", "The client is not registered here"
    ),
    "refresh_disabled": Reason(
        403,
        "unauthorized_client",
        "The client may not use refresh tokens; sign in again",
    ),
    "grant_proof_missing": Reason(
        400, "invalid_dpop_proof", "This client has to send a DPoP proof to refresh"
    ),
    "grant_proof_malformed": Reason(
        400, "invalid_dpop_proof", "The DPoP header does not hold exactly one proof"
    ),
    "grant_foreign_origin": Reason(
        403, "unauthorized_client", "The client may not be used from this origin"
    ),
    "unsupported_grant": Reason(
        400,
        "unsupported_grant_type",
        "Only the password and refresh_token grants are supported",
    ),
    "too_many_guesses": Reason(
        429, "temporarily_unavailable", "Too many attempts; try again later"
    ),
    "issuer_unreachable": Reason(
        502, "temporarily_unavailable", "The token server cannot be reached"
    ),
    "issuer_answer_unusable": Reason(
        502, "temporarily_unavailable", "The token server sent an invalid response"
    ),
    "issuer_timeout": Reason(
        504, "temporarily_unavailable", "The token server did not respond in time"
    ),
}
