"""Reasons for refusing a request to the API, whatever its token says."""

from __future__ import annotations

from collections.abc import Mapping

from .reason import Reason

REQUESTS: Mapping[str, Reason] = {
    # the request
    "authorization_repeated": Reason(
        400,
        "invalid_request",
        "More than one Authorization value was sent",
        "a client or a proxy adds a second one; only one may be left",
    ),
    "authorization_malformed": Reason(
        400,
        "invalid_request",
        "The Authorization header does not hold exactly one access token",
        "it must be the scheme, one space and the token, without quotes",
    ),
    "cookie_repeated": Reason(
        400,
        "invalid_request",
        "The token cookie was sent more than once",
        "two cookies have that name, with other paths or domains: delete one in the "
        "browser",
    ),
    "subprotocol_malformed": Reason(
        400,
        "invalid_request",
        "No token follows bearer in Sec-WebSocket-Protocol",
        "the client offers `bearer` and, right after it, the token",
    ),
    "token_header_malformed": Reason(
        400,
        "invalid_request",
        "The token header does not hold exactly one token",
        "the proxy must set the field of JWTGUARD_TOKEN_HEADER, once, and not add to "
        "it",
    ),
    "token_repeated": Reason(
        400,
        "invalid_request",
        "The request carries a token in two places",
        "send it once: in Authorization, or in the cookie or field that the settings "
        "name",
    ),
    "path_ambiguous": Reason(
        400,
        "invalid_request",
        "The path can be read in more than one way",
        "//, /../, ;, encoded slashes, bytes that are not UTF-8 and a root path that "
        "is not at the beginning are read in more than one way",
    ),
    "header_too_long": Reason(
        431,
        "invalid_request",
        "The Authorization header is longer than this server reads",
        "a longer token needs a higher JWTGUARD_MAX_TOKEN_BYTES",
    ),
    "token_too_long": Reason(
        431,
        "invalid_request",
        "The access token is longer than this server reads",
        "many roles or groups? JWTGUARD_MAX_TOKEN_BYTES may be raised",
    ),
    "no_credentials": Reason(
        401,
        "missing_token",
        "An access token is required",
        "the request has no access token; clients send it in the Authorization header",
    ),
    "unsupported_scheme": Reason(
        401,
        "missing_token",
        "The Authorization scheme is not supported here; use one of WWW-Authenticate",
        "write the scheme before the access token: Bearer, or DPoP for a bound token",
    ),
    # the caller
    "scope_missing": Reason(
        403,
        "insufficient_scope",
        "The access token lacks a required scope",
        "the client has to request the scope together with the token",
        report_only="scopes",
    ),
    "role_missing": Reason(
        403,
        "access_denied",
        "The caller lacks a required role",
        "roles are read from `role_claims` of the issuer or its profile",
        report_only="scopes",
    ),
    "claim_not_allowed": Reason(
        403,
        "access_denied",
        "The access token's claims do not allow this",
        "[[rules]] of the TOML file say which claims the path needs, and an array is "
        "never equal to a value",
        report_only="rules",
    ),
    "not_owner": Reason(
        403,
        "access_denied",
        "The caller may not do this",
        "the application's own check, in `require(check)`, did not return True",
        report_only="rules",
    ),
    "no_rule": Reason(
        403,
        "access_denied",
        "No access rule allows this path",
        "no rule of JWTGUARD_SCOPES names this path and method",
        report_only="scopes",
    ),
    "client_not_listed": Reason(
        403,
        "access_denied",
        "This client's tokens are not accepted",
        "list it in JWTGUARD_CLIENTS",
        report_only="clients",
    ),
    "method_not_allowed_for_client": Reason(
        403,
        "access_denied",
        "The client may not use this method",
        "list the method in `methods` of [[clients]]",
        report_only="origins",
    ),
    "foreign_origin": Reason(
        403,
        "invalid_origin",
        "The token may not be used from this origin",
        "list the page's origin for the client, in JWTGUARD_CLIENTS",
        report_only="origins",
    ),
    "cross_site": Reason(
        403,
        "invalid_origin",
        "A cross-site request may not use the cookie",
        "cookies need an origin with `credentials = true` in [[clients]]",
        report_only="origins",
    ),
    "origin_missing": Reason(
        403,
        "invalid_origin",
        "A request that uses the cookie must send Origin",
        "browsers send it with such a request; a program sends its token in "
        "Authorization, not in the cookie",
    ),
    "preflight_refused": Reason(
        403,
        "",
        "The origin is not allowed",
        "list the page's origin for the client, in JWTGUARD_CLIENTS",
    ),
    "insecure_transport": Reason(
        403,
        "insecure_transport",
        "Access tokens are accepted over HTTPS only",
        "tokens need https; behind a proxy that ends TLS, set JWTGUARD_TRUSTED_PROXIES",
    ),
}
