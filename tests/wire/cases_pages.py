"""Headers for the pages of every client, and pages whose origin a pattern names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wire.case import Case
from tests.wire.cases_grants import FORM, encoded
from tests.wire.tokens import WWW, bearer, cookie, origin, raw, site
from tests.wire.worlds import App, Ask

PAGES = {"CLIENTS": "", "CONFIG": str(Path(__file__).parent / "pages.toml")}
BY_COOKIE = {**PAGES, "COOKIE": "token"}
TOKEN_PATHS = {**PAGES, "TOKEN_PATHS": "/token", "REVOCATION_PATHS": "/revoke"}
ALL = {"CORS_HEADERS": "X-Request-ID baggage", "CORS_EXPOSE": "X-Total ETag"}
PREVIEW = "https://app-17.preview.example.com"
BRANCH = "https://main.branch.example.com:8443"
SHOP = "https://app-shop.preview.example.com"
CREDENTIALS = "access-control-allow-credentials"
EXPOSE = "access-control-expose-headers"
ALLOW = "access-control-allow-headers"
WANTED = ("Access-Control-Request-Method", "POST")

NOT_PREVIEWS = (
    "https://app-.preview.example.com", "https://app-x.y.preview.example.com",
    "https://app-x-.preview.example.com", "https://preview.example.com",
    "https://app-1.preview.example.com.evil.example", "https://evilapp-1.example.com",
    "https://app-1.preview.example.com:8443", "http://app-1.preview.example.com",
    "https://APP-1.preview.example.com", "https://app-1.preview.example.com/",
    "https://app-1/.preview.example.com", "https://app-1_2.preview.example.com",
    "https://app-1@evil.preview.example.com", "https://app-1.evil.example",
    "https://app-1.preview.example.com, https://www.example",
    "https://app-" + "x" * 61 + ".preview.example.com",
    "https://app-1%00.preview.example.com", "https://app-*.preview.example.com",
    "https://main.branch.example.com", "https://.branch.example.com:8443",
)  # fmt: skip


def sent(name: str, ask: Ask, settings: Any = PAGES, **more: Any) -> Case:
    """A request of a page, by the settings of ``pages.toml``."""
    return Case(name=f"pages: {name}", ask=ask, settings=settings, **more)


def form(path: str, page: str, **fields: str) -> Ask:
    """A form that a page posts to a token endpoint."""
    fields = {"client_id": "spa", **fields}
    return Ask(
        method="POST", path=path, headers=(FORM, origin(page)), body=encoded(fields)
    )


PAGE_CASES = [
    Case(
        name="pages: headers for the pages of every client",
        ask=Ask(method="OPTIONS", headers=(origin(WWW), WANTED)),
        settings=ALL,
        status=204,
        ran=False,
        cors=WWW,
        headers={ALLOW: "Range, X-Request-ID, baggage"},
    ),
    Case(
        name="pages: what every page may read",
        ask=Ask(headers=(bearer(), origin(WWW))),
        settings=ALL,
        subject="alice",
        cors=WWW,
        headers={EXPOSE: "WWW-Authenticate, Retry-After, X-Total, ETag"},
    ),
    Case(
        name="pages: what the application exposes comes first, and once",
        ask=Ask(headers=(bearer(), origin(WWW))),
        settings=ALL,
        app=App(headers=(("Access-Control-Expose-Headers", "etag, X-Own"),)),
        subject="alice",
        cors=WWW,
        headers={EXPOSE: "etag, X-Own, WWW-Authenticate, Retry-After, X-Total"},
    ),
    Case(
        name="pages: an origin of a token's claim may read it too",
        ask=Ask(
            headers=(
                bearer(claims={"allowed-origins": ["https://claimed.example"]}),
                origin("https://claimed.example"),
            )
        ),
        settings={**ALL, "ORIGINS_CLAIM": "allowed-origins"},
        subject="alice",
        cors="https://claimed.example",
        headers={EXPOSE: "X-Total, ETag"},
    ),
    sent(
        "what the client's own pages may read beside that",
        Ask(headers=(bearer(), origin(WWW))),
        subject="alice",
        cors=WWW,
        headers={
            EXPOSE: "Retry-After, X-Request-ID, DPoP-Nonce, ETag",
            CREDENTIALS: "true",
        },
    ),
    *(
        sent(
            f"the preflight of a preview: {page}",
            Ask(method="OPTIONS", headers=(origin(page), WANTED)),
            status=204,
            ran=False,
            cors=page,
            headers={
                ALLOW: "X-Request-ID",
                "access-control-allow-methods": "GET, POST, HEAD",
            },
            absent=(CREDENTIALS,),
        )
        for page in (PREVIEW, BRANCH)
    ),
    sent(
        "a preview of one client that another lists: both answer the preflight",
        Ask(method="OPTIONS", headers=(origin(SHOP), WANTED)),
        status=204,
        ran=False,
        cors=SHOP,
        headers={ALLOW: "If-Match", "access-control-max-age": "45"},
        absent=(CREDENTIALS,),
    ),
    *(
        sent(
            f"a preview reads, without credentials: {page}",
            Ask(headers=(bearer(), origin(page))),
            subject="alice",
            cors=page,
            headers={EXPOSE: "ETag"},
            absent=(CREDENTIALS,),
        )
        for page in (PREVIEW, BRANCH)
    ),
    sent(
        "a preview may read why it was refused",
        Ask(headers=(raw("Bearer a.b.c"), origin(PREVIEW))),
        status=401,
        error="invalid_token",
        cors=PREVIEW,
        absent=(CREDENTIALS,),
    ),
    sent(
        "a preview uses only the methods of its client",
        Ask(method="DELETE", headers=(bearer(), origin(PREVIEW))),
        status=403,
        error="access_denied",
        cors=PREVIEW,
    ),
    sent(
        "a preview of another client",
        Ask(headers=(bearer(client_id="shop"), origin(PREVIEW))),
        status=403,
        error="invalid_origin",
    ),
    *(
        sent(
            f"no preview: {page[:60]!r}",
            Ask(headers=(bearer(), origin(page))),
            status=403,
            error="invalid_origin",
        )
        for page in NOT_PREVIEWS
    ),
    *(
        sent(
            f"no preflight for what is no preview: {page[:60]!r}",
            Ask(method="OPTIONS", headers=(origin(page), WANTED)),
            status=403,
        )
        for page in NOT_PREVIEWS
    ),
    *(
        sent(
            f"a cookie from a preview: {method}",
            Ask(
                method=method,
                headers=(cookie(), origin(PREVIEW), *site("cross-site", "cors")),
            ),
            BY_COOKIE,
            status=403,
            error="invalid_origin",
        )
        for method in ("GET", "POST")
    ),
    sent(
        "a form of a preview, where cookies carry tokens",
        Ask(method="POST", path="/login", headers=(origin(PREVIEW),)),
        {**BY_COOKIE, "PUBLIC_PATHS": "/login"},
        status=403,
        error="invalid_origin",
    ),
    sent(
        "a preview signs in",
        form("/token", PREVIEW, grant_type="password", username="a", password="b"),
        TOKEN_PATHS,
        cors=PREVIEW,
        absent=(CREDENTIALS,),
    ),
    sent(
        "a preview signs out",
        form("/revoke", PREVIEW, token="x"),
        TOKEN_PATHS,
        cors=PREVIEW,
        absent=(CREDENTIALS,),
    ),
    sent(
        "a preview does not refresh",
        form("/token", PREVIEW, grant_type="refresh_token", refresh_token="x"),
        TOKEN_PATHS,
        status=403,
        error="unauthorized_client",
        cors=PREVIEW,
    ),
    sent(
        "a refresh token under another grant, from a preview",
        form("/token", PREVIEW, grant_type="password", refresh_token="x"),
        TOKEN_PATHS,
        status=403,
        error="unauthorized_client",
        cors=PREVIEW,
    ),
    sent(
        "the exact origin of the same client refreshes",
        form("/token", WWW, grant_type="refresh_token", refresh_token="x"),
        TOKEN_PATHS,
        cors=WWW,
        headers={CREDENTIALS: "true"},
    ),
]
