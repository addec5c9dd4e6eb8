"""Reasons for asking the user to sign in again, or in another way (RFC 9470)."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

_CODE = "insufficient_user_authentication"

LOGIN: Mapping[str, Reason] = {
    "acr_missing": Reason(
        401,
        _CODE,
        "A stronger login is needed",
        "the token has no `acr` that is a string; in Keycloak the client scope `acr` "
        "adds it; in jwtguard issuer, set `acr` for the user in its TOML file",
        report_only="acr",
    ),
    "acr_not_accepted": Reason(
        401,
        _CODE,
        "A stronger login is needed",
        "the client has to ask the issuer for `acr_values`; a refreshed token has the "
        "same `acr`",
        report_only="acr",
    ),
    "auth_time_missing": Reason(
        401,
        _CODE,
        "A more recent login is needed",
        "the token has no `auth_time` that is a number; most issuers need a setting to "
        "add it to access tokens; in Keycloak the client scope `basic` adds it, but "
        "never to tokens of the password grant: see Step-up",
        report_only="acr",
    ),
    "login_too_old": Reason(
        401,
        _CODE,
        "A more recent login is needed",
        "the user has to sign in again: a refreshed token has the same `auth_time`",
        report_only="acr",
    ),
    "auth_time_in_future": Reason(
        401,
        "invalid_token",
        "The access token says that the user signed in in the future",
        "compare the clocks; `auth_time` is in seconds, not in milliseconds",
    ),
}
