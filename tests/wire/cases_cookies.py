"""Tokens in a cookie: RFC 6265bis section 8.8, Fetch metadata, and CSRF."""

from __future__ import annotations

from tests.wire.case import Case
from tests.wire.tokens import EVIL, ISSUER, WWW, bearer, cookie, origin, raw, site
from tests.wire.worlds import App, Ask

OWN = "https://api.example"
SETTINGS = {
    "COOKIE": "token",
    "PUBLIC_PATHS": "/login /healthz",
    "OPTIONAL_PATHS": "/m",
}
PRIVATE = {"vary": "Origin, Cookie", "cache-control": "private, no-store"}


def passes(name: str, method: str, *headers: tuple[str, str]) -> Case:
    """The cookie counts."""
    return Case(
        name=f"cookie: {name}",
        ask=Ask(method=method, headers=(cookie(), *headers)),
        settings=SETTINGS,
        subject="alice",
        headers=PRIVATE,
    )


def refused(name: str, method: str, *headers: tuple[str, str]) -> Case:
    """403: the request may have been made by somebody else's page."""
    return Case(
        name=f"cookie refused: {name}",
        ask=Ask(method=method, headers=(cookie(), *headers)),
        settings=SETTINGS,
        status=403,
        error="invalid_origin",
    )


COOKIES = [
    passes("a safe method by hand", "GET"),
    passes("a safe method, typed into the browser", "GET", *site("none")),
    passes("a safe method, same-origin", "GET", *site("same-origin")),
    passes(
        "a link from another site", "GET", *site("cross-site", "navigate", "document")
    ),
    passes("a link from a sibling", "GET", *site("same-site", "navigate", "document")),
    passes("a post from the own origin", "POST", origin(OWN)),
    passes("a post, same-origin by metadata", "POST", *site("same-origin")),
    passes(
        "a post with null, same-origin by metadata",
        "POST",
        origin("null"),
        *site("same-origin"),
    ),
    refused("a post from a foreign origin", "POST", origin(EVIL)),
    refused("a post from a client's page without credentials", "POST", origin(WWW)),
    refused("a post with null", "POST", origin("null")),
    refused("a post with an empty origin", "POST", origin("")),
    refused("a post with neither header", "POST"),
    refused("a post, typed into nowhere", "POST", *site("none")),
    refused("a post from another site", "POST", *site("cross-site")),
    refused(
        "a form that navigates", "POST", *site("cross-site", "navigate", "document")
    ),
    refused("DELETE from a foreign origin", "DELETE", origin(EVIL)),
    refused("an unknown method", "PURGE", origin(EVIL)),
    refused("an image of another site", "GET", *site("cross-site", "no-cors", "image")),
    refused(
        "a frame of another site", "GET", *site("cross-site", "navigate", "iframe")
    ),
    refused("a script of a sibling", "GET", *site("same-site", "no-cors", "script")),
    refused("a fetch from a foreign origin", "GET", origin(EVIL), *site("cross-site")),
    Case(
        name="cookie: login CSRF on a public path",
        ask=Ask(method="POST", path="/login", headers=(origin(EVIL),)),
        settings=SETTINGS,
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="cookie: login CSRF without an origin, from another site",
        ask=Ask(method="POST", path="/login", headers=site("cross-site")),
        settings=SETTINGS,
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="cookie: a login from the own page",
        ask=Ask(method="POST", path="/login", headers=(origin(OWN),)),
        settings=SETTINGS,
    ),
    Case(
        name="cookie: a login by a program",
        ask=Ask(method="POST", path="/login"),
        settings=SETTINGS,
    ),
    Case(
        name="cookie: a login with a bearer header is no CSRF",
        ask=Ask(method="POST", path="/login", headers=(origin(EVIL), bearer())),
        settings=SETTINGS,
    ),
    Case(
        name="no cookie setting: a public path takes posts from anywhere",
        ask=Ask(method="POST", path="/login", headers=(origin(EVIL),)),
        settings={"PUBLIC_PATHS": "/login"},
    ),
    Case(
        name="cookie: on an optional path, anonymous with the reason",
        ask=Ask(path="/m", headers=(("Cookie", "token=x.y.z"),)),
        settings=SETTINGS,
        refusal="malformed",
    ),
    Case(
        name="cookie: an outage is no reason to log anybody out",
        ask=Ask(path="/m", headers=(cookie(),)),
        settings={**SETTINGS, "KEYS": "", "JWKS_URL": "http://127.0.0.1:9/jwks"},
        status=503,
        error="temporarily_unavailable",
    ),
    Case(
        name="cookie: a bad one on a protected path",
        ask=Ask(headers=(("Cookie", f"token={ISSUER.expired()}"),)),
        settings=SETTINGS,
        status=401,
        error="invalid_token",
    ),
    Case(
        name="cookie: an empty one is none",
        ask=Ask(headers=(("Cookie", "token="),)),
        settings=SETTINGS,
        status=401,
        error="missing_token",
    ),
    *(
        Case(
            name=f"cookie: names compare exactly: {text.partition('=')[0]}",
            ask=Ask(headers=(("Cookie", text),)),
            settings=SETTINGS,
            status=401,
            error="missing_token",
        )
        for text in (f"Token={ISSUER.token()}", f"xtoken={ISSUER.token()}")
    ),
    Case(
        name="cookie: values are not unquoted",
        ask=Ask(headers=(("Cookie", f'token="{ISSUER.token()}"'),)),
        settings=SETTINGS,
        status=401,
        error="invalid_token",
    ),
    Case(
        name="cookie: several fields are joined",
        ask=Ask(headers=(("Cookie", "a=b"), cookie())),
        settings=SETTINGS,
        subject="alice",
        worlds=("asyncio", "trio", "starlette", "fastapi"),
    ),
    Case(
        name="cookie: the app's own Cache-Control stays",
        ask=Ask(headers=(cookie(),)),
        settings=SETTINGS,
        app=App(headers=(("Cache-Control", "private, max-age=5"),)),
        subject="alice",
        headers={"cache-control": "private, max-age=5", "vary": "Cookie"},
    ),
    Case(
        name="cookie: another scheme is no shield against CSRF",
        ask=Ask(method="POST", headers=(raw("Basic eDp5"), cookie(), origin(EVIL))),
        settings=SETTINGS,
        status=403,
        error="invalid_origin",
    ),
]
