"""Reasons of sites with a login form: the session, and signing in."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

# ruff: noqa: E501  # a table reads better with one row a line
SESSIONS: Mapping[str, Reason] = {
    reason: Reason(status, code, sentence, hint)
    for reason, status, code, sentence, hint in (
        ("session_invalid", 401, "invalid_token", "The session cookie is invalid", "it was changed or truncated, or sealed for another site or with a secret that is no longer in JWTGUARD_SECRETS"),
        ("session_expired", 401, "invalid_token", "The session has expired", "it is older than JWTGUARD_SESSION_MAX_AGE, or the issuer refuses to refresh its token; sign in again"),
        ("session_too_long", 431, "invalid_request", "The session cookie is longer than this server reads", "delete the site's cookies in the browser; JWTGUARD_SESSION_STORE=state keeps them short"),
        ("session_unavailable", 503, "temporarily_unavailable", "The session is temporarily unavailable", "its access token has expired, and the issuer or the shared state does not answer"),
        ("session_does_not_fit", 503, "temporarily_unavailable", "The session is too large to be stored", "the tokens do not fit into cookies: set JWTGUARD_SESSION_STORE=state, or request fewer scopes"),
        ("session_method", 405, "invalid_request", "The session path does not accept this method", "GET shows the session; its login and logout paths take POST"),
        ("session_malformed", 400, "invalid_request", "The body is neither a form nor a JSON object", "send username and password as application/x-www-form-urlencoded or application/json"),
        ("invalid_credentials", 401, "invalid_credentials", "The user name or the password is wrong", "the issuer refused them"),
        ("issuer_unavailable", 503, "temporarily_unavailable", "The token server is temporarily unavailable", "the log has the cause"),
    )
}  # fmt: skip
