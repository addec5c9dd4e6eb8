"""Reasons for refusing a logout token (OpenID Connect Back-Channel Logout 1.0, 2.8)."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

# ruff: noqa: E501  # a table reads better with one row a line
LOGOUT: Mapping[str, Reason] = {
    "logout_post_only": Reason(
        405, "invalid_request", "The logout endpoint accepts only POST", "the issuer posts a form; opening the path in a browser does nothing"
    ),
    **{
        reason: Reason(400, "invalid_request", sentence, hint)
        for reason, sentence, hint in (
            ("logout_token_missing", "The form has no logout_token", "the issuer posts `logout_token=...`, form-encoded"),
            ("logout_token_repeated", "The form has more than one logout_token", "the issuer posts one `logout_token`"),
            ("logout_malformed", "The logout token is malformed", "a logout token is a signed JWT; jwtguard explain shows every check of it"),
            ("logout_encrypted", "The logout token is encrypted and cannot be read by this server", "turn encryption of logout and ID tokens off for the client at the issuer"),
            ("logout_unsupported_critical", "The logout token uses critical extensions that are not supported", "its header has `crit`: turn the extension off at the issuer"),
            ("logout_wrong_algorithm", "The logout token is signed with an algorithm that is not accepted", "JWTGUARD_ALGORITHMS lists the accepted algorithms; symmetric ones are never accepted"),
            ("logout_unknown_issuer", "The logout token comes from an issuer that is not trusted", "compare its `iss` with JWTGUARD_ISSUER; jwtguard explain shows both"),
            ("logout_unknown_key", "The logout token is signed with a key that its issuer does not publish", "the issuer may have rotated its keys, or another realm signed the token"),
            ("logout_bad_signature", "The logout token's signature is invalid", "the key is known but did not make this signature"),
            ("logout_access_token", "An access token is not a logout token", "the issuer posts logout tokens here; clients send access tokens to the API's other paths"),
            ("logout_id_token", "An ID token is not a logout token", "the issuer posts logout tokens here; an ID token is for the client alone"),
            ("logout_refresh_token", "A refresh token is not a logout token", "the issuer posts logout tokens here; a refresh token goes to the token endpoint"),
            ("logout_wrong_type", "The token's type is not that of a logout token", "a logout token has `typ` logout+jwt or JWT, or no `typ`"),
            ("logout_without_event", "The logout token lacks the logout event", "`events` must contain http://schemas.openid.net/event/backchannel-logout"),
            ("logout_with_nonce", "A logout token must not have a nonce", "the issuer does not follow OpenID Connect Back-Channel Logout 1.0, section 2.4"),
            ("logout_wrong_audience", "The logout token was issued for a client that is not listed", "`aud` of a logout token is a client id; list it in JWTGUARD_CLIENTS"),
            ("logout_issued_in_future", "The logout token was issued in the future", "compare the clocks"),
            ("logout_too_old", "The logout token was issued too long ago", "logout tokens are accepted for five minutes; compare the clocks"),
            ("logout_expired", "The logout token has expired", "compare the clocks, or the issuer sent it late"),
            ("logout_without_subject", "The logout token has neither sub nor sid", "the issuer must add `sub`, `sid` or both"),
        )
    },
}  # fmt: skip
