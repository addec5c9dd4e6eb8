"""A path where a token is needed: RFC 6750, and what the guard adds to it."""

from __future__ import annotations

from typing import Any

import jwt

from tests.wire.case import Case
from tests.wire.tokens import EVIL, ISSUER, OTHER, WWW, bearer, cookie, origin, raw
from tests.wire.worlds import App, Ask

GOOD = ISSUER.token()
CHALLENGE = {"www-authenticate": 'Bearer realm="api"'}
SCOPES = {"SCOPES": "GET:/notes/*=notes:read POST:/notes/*=notes:read,notes:write"}
INVALID = {"www-authenticate": 'error="invalid_token"'}
REQUEST = {"www-authenticate": 'error="invalid_request"'}
LOOPBACK: Any = {"scheme": "http", "peer": "127.0.0.1", "host": "localhost:8000"}


def refused_token(name: str, token: str, sentence: str) -> Case:
    """A token that is not good here: 401, and a sentence that says which."""
    return Case(
        name=f"token: {name}",
        ask=Ask(headers=(raw(f"Bearer {token}"),)),
        status=401,
        error="invalid_token",
        headers={"www-authenticate": f'error_description="{sentence}'},
    )


def none_algorithm() -> str:
    """RFC 8725 section 2.1: an unsecured token."""
    claims = jwt.decode(GOOD, options={"verify_signature": False})
    return jwt.encode(claims, "", "none")


PROTECTED = [
    Case(name="a good token", ask=Ask(headers=(bearer(),)), subject="alice"),
    Case(
        name="no token",
        ask=Ask(),
        status=401,
        headers=CHALLENGE,
        error="missing_token",
    ),
    *(
        Case(
            name=f"a scheme we do not speak: {scheme}",
            ask=Ask(headers=(raw(f"{scheme} {GOOD}"),)),
            status=401,
            headers=CHALLENGE,
            error="missing_token",
        )
        for scheme in ("Basic", "HOBA", "Bearerx", "Token")
    ),
    *(
        Case(
            name=f"the scheme without regard to case: {text}",
            ask=Ask(headers=(raw(text + GOOD),)),
            subject="alice",
        )
        for text in ("bearer ", "BEARER ", "Bearer   ")
    ),
    *(
        Case(
            name=f"no one token: {name}",
            ask=Ask(headers=headers),
            status=400,
            error="invalid_request",
            headers=REQUEST,
        )
        for name, headers in {
            "two fields": (bearer(), bearer(subject="bob")),
            "two fields, one of them Basic": (raw("Basic eDp5"), bearer()),
            "two tokens with a comma": (raw(f"Bearer {GOOD}, Bearer {GOOD}"),),
            "Basic and Bearer in one": (raw(f"Basic eDp5, Bearer {GOOD}"),),
            "two tokens with a space": (raw(f"Bearer {GOOD} {GOOD}"),),
            "nothing under Bearer": (raw("Bearer"),),
            "a tab": (raw(f"Bearer\t{GOOD}"),),
            "quotes": (raw(f'Bearer "{GOOD}"'),),
            "not ASCII": (raw("Bearer caf\u00e9"),),
            "padding in the middle": (raw("Bearer a=b"),),
        }.items()
    ),
    Case(
        name="the cookie twice",
        ask=Ask(headers=(("Cookie", f"token={GOOD}; token={GOOD}"),)),
        settings={"COOKIE": "token"},
        status=400,
        error="invalid_request",
    ),
    refused_token("opaque", "abcdef", "The access token is malformed"),
    refused_token("encrypted", "a.b.c.d.e", "The access token is encrypted"),
    refused_token("not base64url", GOOD + "=", "The access token is malformed"),
    refused_token("forged", ISSUER.forged(), "The access token's signature is invalid"),
    refused_token("expired", ISSUER.expired(), "The access token has expired"),
    refused_token(
        "another audience", ISSUER.wrong_audience(), "The access token was issued for"
    ),
    refused_token("an ID token", ISSUER.id_token(), "An ID token is not"),
    refused_token(
        "a refresh token",
        ISSUER.token(claims={"typ": "Refresh"}),
        "A refresh token is not",
    ),
    refused_token("a logout token", ISSUER.token(claims={"events": {}}), "A logout"),
    refused_token(
        "bound in an unknown way", ISSUER.token(claims={"cnf": {"jwk": {}}}), "The acc"
    ),
    refused_token(
        "another issuer",
        ISSUER.token(claims={"iss": ISSUER.url + "/"}),
        "The access token comes from an issuer",
    ),
    refused_token(
        "an unknown key",
        ISSUER.token(headers={"kid": "x"}),
        "The access token is signed",
    ),
    refused_token("alg none", none_algorithm(), "The access token is signed with an"),
    refused_token(
        "not yet valid",
        ISSUER.token(claims={"nbf": ISSUER.clock.time() + 3600}),
        "The access token is not valid yet",
    ),
    refused_token(
        "two clients that differ",
        ISSUER.token(claims={"azp": "other"}),
        "The access token names two",
    ),
    refused_token(
        "without an end", ISSUER.token(claims={"exp": None}), "The access token lacks"
    ),
    refused_token(
        "an empty subject", ISSUER.token(subject=""), "The access token has a claim"
    ),
    refused_token("typ", ISSUER.token(typ="secevent+jwt"), "The token's type"),
    Case(
        name="the scope is there",
        ask=Ask(headers=(bearer(scope="x notes:read"),)),
        settings=SCOPES,
        subject="alice",
    ),
    Case(
        name="a scope is missing",
        ask=Ask(method="POST", headers=(bearer(scope="notes:read"),)),
        settings=SCOPES,
        status=403,
        error="insufficient_scope",
        headers={"www-authenticate": 'scope="notes:read notes:write"'},
    ),
    Case(
        name="a scope that only looks alike",
        ask=Ask(headers=(bearer(scope="notes:reader Notes:read"),)),
        settings=SCOPES,
        status=403,
        error="insufficient_scope",
    ),
    Case(
        name="scopes of another type grant nothing",
        ask=Ask(headers=(bearer(claims={"scope": {"notes:read": True}}),)),
        settings=SCOPES,
        status=403,
        error="insufficient_scope",
    ),
    Case(
        name="no rule names the path",
        ask=Ask(path="/other", headers=(bearer(scope="notes:read"),)),
        settings=SCOPES,
        status=403,
        error="access_denied",
        absent=("www-authenticate",),
    ),
    Case(
        name="a client that is not listed, where only listed ones count",
        ask=Ask(headers=(bearer(client_id="nobody"),)),
        settings={"CLIENTS_ONLY": "true"},
        status=403,
        error="access_denied",
        absent=("www-authenticate",),
    ),
    Case(
        name="a client that is not listed, otherwise",
        ask=Ask(headers=(bearer(client_id="nobody"),)),
        subject="alice",
    ),
    Case(
        name="a foreign origin",
        ask=Ask(headers=(bearer(), origin(EVIL))),
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="the origin of another client",
        ask=Ask(headers=(bearer(), origin(OTHER))),
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="a client without origins, from any page",
        ask=Ask(headers=(bearer(client_id="batch"), origin(WWW))),
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="a method that the client lacks, across origins",
        ask=Ask(method="OPTIONS", headers=(bearer(), origin(WWW))),
        status=403,
        error="access_denied",
        cors=WWW,
    ),
    Case(
        name="plain http",
        ask=Ask(scheme="http", headers=(bearer(),)),
        status=403,
        error="insecure_transport",
    ),
    Case(
        name="plain http, behind a proxy that ended TLS",
        ask=Ask(
            scheme="http",
            peer="10.0.0.5",
            headers=(bearer(), ("X-Forwarded-Proto", "https")),
        ),
        settings={"TRUSTED_PROXIES": "10.0.0.0/8"},
        subject="alice",
    ),
    Case(
        name="plain http, and a peer that only says https",
        ask=Ask(scheme="http", headers=(bearer(), ("X-Forwarded-Proto", "https"))),
        settings={"TRUSTED_PROXIES": "10.0.0.0/8"},
        status=403,
        error="insecure_transport",
    ),
    Case(
        name="plain http, read from the right",
        ask=Ask(
            scheme="http",
            peer="10.0.0.5",
            headers=(
                bearer(),
                ("X-Forwarded-Proto", "https, http"),
                ("X-Forwarded-For", "10.9.9.9, 203.0.113.7"),
            ),
        ),
        settings={"TRUSTED_PROXIES": "10.0.0.0/8"},
        status=403,
        error="insecure_transport",
    ),
    Case(
        name="plain http on a unix socket that is trusted",
        ask=Ask(
            scheme="http",
            peer="unix",
            headers=(bearer(), ("X-Forwarded-Proto", "https")),
        ),
        settings={"TRUSTED_PROXIES": "unix"},
        subject="alice",
    ),
    Case(
        name="plain http on loopback",
        ask=Ask(**LOOPBACK, headers=(bearer(),)),
        subject="alice",
    ),
    *(
        Case(
            name=f"plain http on loopback, but forwarded: {name}",
            ask=Ask(**LOOPBACK, headers=(bearer(), (name, "192.0.2.9"))),
            status=403,
            error="insecure_transport",
        )
        for name in (
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Protocol",
            "X-Forwarded-Scheme",
            "X-Forwarded-Client-Cert",
            "X-Real-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "X-Original-Forwarded-For",
            "CF-Connecting-IP",
            "CDN-Loop",
            "True-Client-IP",
            "X-Envoy-External-Address",
        )
    ),
    *(
        Case(
            name=f"plain http on loopback, {name}",
            ask=Ask(**{**LOOPBACK, "host": None}, headers=(bearer(), *fields)),
            status=403,
            error="insecure_transport",
        )
        for name, fields in (
            ("no Host", ()),
            ("an empty Host", (("Host", ""),)),
        )
    ),
    Case(
        name="plain http on loopback, traced by the caller",
        ask=Ask(
            **LOOPBACK,
            headers=(bearer(), ("X-Amzn-Trace-Id", "Root=1"), ("traceparent", "00-1")),
        ),
        subject="alice",
    ),
    Case(
        name="plain http on loopback, under another name",
        ask=Ask(
            scheme="http", peer="127.0.0.1", host="api.example", headers=(bearer(),)
        ),
        status=403,
        error="insecure_transport",
    ),
    Case(
        name="plain http, allowed",
        ask=Ask(scheme="http", headers=(bearer(),)),
        settings={"REQUIRE_HTTPS": "false"},
        subject="alice",
    ),
    Case(
        name="the keys cannot be had",
        ask=Ask(headers=(bearer(), origin(WWW))),
        settings={
            "KEYS": "",
            "JWKS_URL": "http://127.0.0.1:9/jwks",
            "KEYS_COOLDOWN": "1",
        },
        status=503,
        error="temporarily_unavailable",
        headers={"retry-after": "1"},
        absent=("www-authenticate",),
        cors=WWW,
    ),
    Case(
        name="a token that is too long",
        ask=Ask(headers=(raw("Bearer " + "a" * 70),)),
        settings={"MAX_TOKEN_BYTES": "64"},
        status=431,
        error="invalid_request",
    ),
    Case(
        name="a header that is too long",
        ask=Ask(headers=(raw("Bearer " + "a" * 700),)),
        settings={"MAX_TOKEN_BYTES": "64"},
        status=431,
        error="invalid_request",
    ),
    Case(
        name="HEAD has no body",
        ask=Ask(method="HEAD"),
        status=401,
        headers=CHALLENGE,
    ),
    Case(
        name="the realm is a setting",
        ask=Ask(),
        settings={"REALM": "notes"},
        status=401,
        headers={"www-authenticate": 'Bearer realm="notes"'},
    ),
    Case(
        name="a bearer header wins over the cookie",
        ask=Ask(headers=(bearer(subject="bob"), cookie())),
        settings={"COOKIE": "token"},
        subject="bob",
    ),
    Case(
        name="a bad bearer header is not made good by the cookie",
        ask=Ask(headers=(raw("Bearer x.y.z"), cookie())),
        settings={"COOKIE": "token"},
        status=401,
        error="invalid_token",
    ),
    Case(
        name="with another scheme, the cookie is read",
        ask=Ask(headers=(raw("Basic eDp5"), cookie())),
        settings={"COOKIE": "token"},
        subject="alice",
        headers={"vary": "Cookie", "cache-control": "private, no-store"},
    ),
    Case(
        name="no cookie is read unless it was asked for",
        ask=Ask(headers=(cookie(),)),
        status=401,
    ),
    Case(
        name="the profile rfc9068 wants its type",
        ask=Ask(headers=(bearer(typ="JWT"),)),
        settings={"PROFILE": "rfc9068"},
        status=401,
        error="invalid_token",
    ),
    Case(
        name="a public path: no token is read",
        ask=Ask(path="/healthz", headers=(raw("Bearer rubbish, rubbish"),)),
        settings={"PUBLIC_PATHS": "/healthz"},
    ),
    Case(
        name="a public path: the app's CORS fields are left alone",
        ask=Ask(path="/healthz", headers=(origin(WWW),)),
        settings={"PUBLIC_PATHS": "/healthz"},
        app=App(headers=(("Access-Control-Allow-Origin", "*"),)),
        cors="*",
    ),
    Case(
        name="a public path: else those of the union",
        ask=Ask(path="/healthz", headers=(origin(OTHER),)),
        settings={"PUBLIC_PATHS": "/healthz"},
        cors=OTHER,
    ),
    Case(
        name="an optional path without a token",
        ask=Ask(path="/maybe"),
        settings={"OPTIONAL_PATHS": "/maybe"},
    ),
    Case(
        name="an optional path with a token",
        ask=Ask(path="/maybe", headers=(bearer(),)),
        settings={"OPTIONAL_PATHS": "/maybe"},
        subject="alice",
    ),
    Case(
        name="an optional path with a bad token",
        ask=Ask(path="/maybe", headers=(raw("Bearer x.y.z"),)),
        settings={"OPTIONAL_PATHS": "/maybe"},
        status=401,
        error="invalid_token",
    ),
    Case(
        name="an optional path with a bad cookie",
        ask=Ask(path="/maybe", headers=(("Cookie", f"token={ISSUER.expired()}"),)),
        settings={"OPTIONAL_PATHS": "/maybe", "COOKIE": "token"},
        refusal="expired",
    ),
]
