"""CORS, tied to the client: the Fetch standard, section "CORS protocol"."""

from __future__ import annotations

from tests.wire.case import Case
from tests.wire.tokens import (
    EVIL,
    ISSUER,
    OTHER,
    WWW,
    bearer,
    cookie,
    origin,
    raw,
    site,
)
from tests.wire.worlds import App, Ask

PREFLIGHT = ("Access-Control-Request-Method", "POST")
ACAO = "Access-Control-Allow-Origin"
NULL = "null"
KEYCLOAK = {"ORIGINS_CLAIM": "allowed-origins"}
CLAIMED = "https://claimed.example"
EXPOSED = {"access-control-expose-headers": "WWW-Authenticate, Retry-After, DPoP-Nonce"}
PUBLIC = {"PUBLIC_PATHS": "/healthz"}

LOOKALIKES = (
    NULL, "", "https://www.example.evil.example", "https://www.example:444",
    "http://www.example", "HTTPS://WWW.EXAMPLE", "https://www.example/",
    "https://www.example, https://www.example", "https://evilwww.example",
    "https://www.example.", "*", "https://user@www.example",
)  # fmt: skip

CORS_CASES = [
    Case(
        name="preflight: a client lists the origin",
        ask=Ask(method="OPTIONS", headers=(origin(WWW), PREFLIGHT)),
        status=204,
        ran=False,
        cors=WWW,
        headers={
            "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
            "access-control-allow-headers": "Authorization, Content-Type",
            "access-control-max-age": "600",
        },
        absent=("access-control-allow-credentials", "www-authenticate"),
    ),
    Case(
        name="preflight: nobody lists the origin",
        ask=Ask(method="OPTIONS", headers=(origin(EVIL), PREFLIGHT)),
        status=403,
        absent=("access-control-allow-methods",),
    ),
    Case(
        name="preflight: the own origin is no client",
        ask=Ask(method="OPTIONS", headers=(origin("https://api.example"), PREFLIGHT)),
        status=403,
    ),
    Case(
        name="preflight: it is answered before authentication",
        ask=Ask(method="OPTIONS", headers=(origin(WWW), PREFLIGHT, raw("Bearer x"))),
        status=204,
        ran=False,
        cors=WWW,
    ),
    Case(
        name="OPTIONS without a requested method is an ordinary request",
        ask=Ask(method="OPTIONS", headers=(origin(WWW),)),
        status=401,
        cors=WWW,
    ),
    Case(
        name="OPTIONS without an origin is an ordinary request",
        ask=Ask(method="OPTIONS", headers=(PREFLIGHT, bearer())),
        subject="alice",
    ),
    Case(
        name="the client's own page",
        ask=Ask(headers=(bearer(), origin(WWW))),
        subject="alice",
        cors=WWW,
        headers=EXPOSED,
        absent=("access-control-allow-credentials",),
    ),
    *(
        Case(
            name=f"an origin that only looks like it: {text!r}",
            ask=Ask(headers=(bearer(), origin(text))),
            status=403,
            error="invalid_origin",
        )
        for text in LOOKALIKES
    ),
    Case(
        name="two Origin fields",
        ask=Ask(headers=(bearer(), origin(WWW), origin(WWW))),
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="no origin: no CORS fields, and Vary all the same",
        ask=Ask(headers=(bearer(),)),
        subject="alice",
    ),
    Case(
        name="the own origin passes, without CORS fields",
        ask=Ask(headers=(bearer(), origin("https://api.example"))),
        subject="alice",
    ),
    Case(
        name="the own origin is what the public URL says, not Host",
        ask=Ask(headers=(bearer(), origin("https://api.example"))),
        settings={"PUBLIC_URL": "https://real.example"},
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="same-origin by Fetch metadata passes",
        ask=Ask(headers=(bearer(), origin("https://x.example"), *site("same-origin"))),
        subject="alice",
    ),
    Case(
        name="a refusal before the client is known: the union may read it",
        ask=Ask(headers=(origin(OTHER),)),
        status=401,
        error="missing_token",
        cors=OTHER,
        headers=EXPOSED,
    ),
    Case(
        name="a forged token names no client",
        ask=Ask(headers=(raw(f"Bearer {ISSUER.forged()}"), origin(OTHER))),
        status=401,
        error="invalid_token",
        cors=OTHER,
    ),
    Case(
        name="a refusal to a stranger has no CORS fields",
        ask=Ask(headers=(origin(EVIL),)),
        status=401,
        error="missing_token",
    ),
    Case(
        name="a scope refusal is for the client's page to read",
        ask=Ask(headers=(bearer(), origin(WWW))),
        settings={"SCOPES": "/*=notes:read"},
        status=403,
        error="insufficient_scope",
        cors=WWW,
        headers=EXPOSED,
    ),
    Case(
        name="the app's CORS fields are replaced, exposed ones merged",
        ask=Ask(headers=(bearer(), origin(WWW))),
        app=App(
            headers=(
                (ACAO, "*"),
                ("Access-Control-Allow-Credentials", "true"),
                ("Access-Control-Expose-Headers", "X-Total, ETag"),
                ("Vary", "Accept-Encoding"),
            )
        ),
        subject="alice",
        cors=WWW,
        headers={
            "access-control-expose-headers": "X-Total, ETag, WWW-Authenticate",
            "vary": "Accept-Encoding, Origin",
        },
        absent=("access-control-allow-credentials",),
    ),
    Case(
        name="the app's CORS fields go also where no origin was sent",
        ask=Ask(headers=(bearer(),)),
        app=App(headers=((ACAO, "*"),)),
        subject="alice",
    ),
    Case(
        name="the app's own error has CORS fields",
        ask=Ask(headers=(bearer(), origin(WWW))),
        app=App(status=500),
        status=500,
        subject="alice",
        cors=WWW,
    ),
    Case(
        name="Vary is not doubled",
        ask=Ask(headers=(bearer(),)),
        app=App(headers=(("Vary", "origin"),)),
        subject="alice",
        headers={"vary": "origin"},
    ),
    Case(
        name="origins by claim: a preflight from any https origin",
        ask=Ask(method="OPTIONS", headers=(origin(CLAIMED), PREFLIGHT)),
        settings=KEYCLOAK,
        status=204,
        ran=False,
        cors=CLAIMED,
        absent=("access-control-allow-credentials",),
    ),
    Case(
        name="origins by claim: no preflight from http",
        ask=Ask(
            method="OPTIONS", headers=(origin("http://claimed.example"), PREFLIGHT)
        ),
        settings=KEYCLOAK,
        status=403,
    ),
    Case(
        name="origins by claim: the token decides",
        ask=Ask(
            headers=(bearer(claims={"allowed-origins": [CLAIMED]}), origin(CLAIMED))
        ),
        settings=KEYCLOAK,
        subject="alice",
        cors=CLAIMED,
    ),
    *(
        Case(
            name=f"origins by claim: {value!r} allows nothing",
            ask=Ask(
                headers=(bearer(claims={"allowed-origins": value}), origin(CLAIMED))
            ),
            settings=KEYCLOAK,
            status=403,
            error="invalid_origin",
        )
        for value in (["*"], CLAIMED, [CLAIMED + "/"], [CLAIMED + "/*"], None, [1])
    ),
    Case(
        name="origins by claim: without the setting the claim says nothing",
        ask=Ask(
            headers=(bearer(claims={"allowed-origins": [CLAIMED]}), origin(CLAIMED))
        ),
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="a public path: the preflight goes to the app",
        ask=Ask(method="OPTIONS", path="/healthz", headers=(origin(EVIL), PREFLIGHT)),
        settings=PUBLIC,
        app=App(headers=((ACAO, "*"),)),
        cors="*",
    ),
    Case(
        name="a public path: an answer without a grant is replaced, 204",
        ask=Ask(method="OPTIONS", path="/healthz", headers=(origin(WWW), PREFLIGHT)),
        settings=PUBLIC,
        status=204,
        ran=True,
        cors=WWW,
    ),
    Case(
        name="a public path: an answer without a grant is replaced, 403",
        ask=Ask(method="OPTIONS", path="/healthz", headers=(origin(EVIL), PREFLIGHT)),
        settings=PUBLIC,
        status=403,
        ran=True,
    ),
    *(
        Case(
            name=f"preflight: {name}",
            ask=Ask(method="OPTIONS", headers=(*fields, PREFLIGHT)),
            status=403,
        )
        for name, fields in {
            "two Origins": (origin(WWW), origin(WWW)),
            "two Origins in one field": (origin(f"{WWW}, {WWW}"),),
            "an empty Origin": (origin(""),),
            "null": (origin(NULL),),
            "capitals": (origin(WWW.upper()),),
        }.items()
    ),
    Case(
        name="a token of a client that is named in no claim, from a page",
        ask=Ask(headers=(bearer(client_id=None, typ="at+jwt"), origin(WWW))),
        status=403,
        error="invalid_origin",
    ),
    *(
        Case(
            name=f"an answer of {status} that streams has CORS fields, none doubled",
            ask=Ask(headers=(bearer(), origin(WWW))),
            app=App(
                status=status,
                headers=((ACAO, "*"), (ACAO, EVIL), ("Access-Control-Max-Age", "9")),
                body=b"0123456789",
                streams=True,
            ),
            status=status,
            subject="alice",
            cors=WWW,
            headers=EXPOSED,
            absent=("access-control-max-age",),
        )
        for status in (200, 404, 500, 503)
    ),
    Case(
        name="a stream for no page has none of the app's either",
        ask=Ask(headers=(bearer(),)),
        app=App(headers=((ACAO, "*"),), body=b"0123", streams=True),
        subject="alice",
    ),
    *(
        Case(
            name=f"an app error of {status} has CORS fields",
            ask=Ask(headers=(bearer(), origin(WWW))),
            app=App(status=status, headers=((ACAO, EVIL),)),
            status=status,
            subject="alice",
            cors=WWW,
        )
        for status in (302, 304, 400, 401, 403, 405, 502, 503)
    ),
    Case(
        name="Vary: * stays as it is",
        ask=Ask(headers=(bearer(),)),
        app=App(headers=(("Vary", "*"),)),
        subject="alice",
        headers={"vary": "*"},
    ),
    Case(
        name="two Vary fields of the app become one",
        ask=Ask(headers=(bearer(),)),
        app=App(headers=(("Vary", "Accept"), ("vary", "Accept-Language"))),
        subject="alice",
        headers={"vary": "Accept, Accept-Language, Origin"},
    ),
    Case(
        name="origins by claim: a refusal without a token is unreadable",
        ask=Ask(headers=(origin(CLAIMED),)),
        settings=KEYCLOAK,
        status=401,
        error="missing_token",
    ),
    Case(
        name="origins by claim: so is one of an expired token",
        ask=Ask(
            headers=(
                raw(f"Bearer {ISSUER.expired(claims={'allowed-origins': [CLAIMED]})}"),
                origin(CLAIMED),
            )
        ),
        settings=KEYCLOAK,
        status=401,
        error="invalid_token",
    ),
    Case(
        name="origins by claim: a scope refusal is readable",
        ask=Ask(
            headers=(bearer(claims={"allowed-origins": [CLAIMED]}), origin(CLAIMED))
        ),
        settings={**KEYCLOAK, "SCOPES": "/*=x"},
        status=403,
        error="insufficient_scope",
        cors=CLAIMED,
    ),
    Case(
        name="origins by claim: no credentials, and no cookie",
        ask=Ask(
            headers=(cookie(claims={"allowed-origins": [CLAIMED]}), origin(CLAIMED))
        ),
        settings={**KEYCLOAK, "COOKIE": "token"},
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="origins by claim: the listed ones count as before",
        ask=Ask(headers=(bearer(claims={"allowed-origins": []}), origin(WWW))),
        settings=KEYCLOAK,
        subject="alice",
        cors=WWW,
    ),
    Case(
        name="origins by claim: exact, as everywhere",
        ask=Ask(
            headers=(
                bearer(claims={"allowed-origins": ["https://Claimed.example"]}),
                origin(CLAIMED),
            )
        ),
        settings=KEYCLOAK,
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="a public path: a stranger gets no CORS fields of ours",
        ask=Ask(path="/healthz", headers=(origin(EVIL),)),
        settings=PUBLIC,
    ),
    Case(
        name="a public path: a stranger may post there",
        ask=Ask(method="POST", path="/healthz", headers=(origin(EVIL),)),
        settings=PUBLIC,
    ),
    Case(
        name="a public path: OPTIONS that is no preflight goes to the app",
        ask=Ask(method="OPTIONS", path="/healthz"),
        settings=PUBLIC,
    ),
    Case(
        name="an optional path: nobody, from a listed page",
        ask=Ask(path="/m", headers=(origin(WWW),)),
        settings={"OPTIONAL_PATHS": "/m"},
        cors=WWW,
    ),
    Case(
        name="an optional path: a token on a stranger's page",
        ask=Ask(path="/m", headers=(bearer(), origin(EVIL))),
        settings={"OPTIONAL_PATHS": "/m"},
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="an optional path: a preflight is answered here",
        ask=Ask(method="OPTIONS", path="/m", headers=(origin(WWW), PREFLIGHT)),
        settings={"OPTIONAL_PATHS": "/m"},
        status=204,
        ran=False,
        cors=WWW,
    ),
]
