"""Reasons for refusing a logout token (OpenID Connect Back-Channel Logout 1.0, 2.8)."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

# ruff: noqa: E501  # a table reads better with one row a line
LOGOUT: Mapping[str, Reason] = {
    "logout_post_only": Reason(
        405, "invalid_request", "The logout endpoint accepts only POST"
    ),
    **{
        reason: Reason(400, "invalid_request", sentence, hint)
        for reason, sentence, hint in (
            ("logout_token_missing", "The form has no logout_token", ""),
            ("logout_token_repeated", "The form has more than one logout_token", ""),
            ("logout_malformed", "The logout token is malformed", ""),
            ("logout_encrypted", "The logout token is encrypted and cannot be read by this server", ""),
            ("logout_unsupported_critical", "The logout token uses critical extensions that are not supported", ""),
            ("logout_wrong_algorithm", "The logout token is signed with an algorithm that is not accepted", "JWTGUARD_ALGORITHMS lists the accepted algorithms; symmetric ones are never accepted"),
            ("logout_unknown_issuer", "The logout token comes from an issuer that is not trusted", ""),
            ("logout_unknown_key", "The logout token is signed with a key that its issuer does not publish", ""),
            ("logout_bad_signature", "The logout token's signature is invalid", ""),
            ("logout_access_token", "An access token is not a logout token", ""),
            ("logout_id_token", "An ID token is not a logout token", ""),
            ("logout_refresh_token", "A refresh token is not a logout token", ""),
            ("logout_wrong_type", "The token's type is not that of a logout token", "a logout token has `typ` logout+jwt or JWT, or no `typ`"),
            ("logout_without_event", "The logout token lacks the logout event", "`events` must contain http://schemas.openid.net/event/backchannel-logout"),
            ("logout_with_nonce", "A logout token must not have a nonce", ""),
            ("logout_wrong_audience", "The logout token was issued for a client that is not listed", "`aud` of a logout token is a client id; list it in JWTGUARD_CLIENTS"),
            ("logout_issued_in_future", "The logout token was issued in the future", ""),
            ("logout_too_old", "The logout token was issued too long ago", "logout tokens are accepted for five minutes; compare the clocks"),
            ("logout_expired", "The logout token has expired", ""),
            ("logout_without_subject", "The logout token has neither sub nor sid", ""),
        )
    },
}  # fmt: skip
