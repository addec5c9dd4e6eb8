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
    *(
        Case(
            name=f"cookie: a foreign post without a token, on {path}",
            ask=Ask(method=method, path=path, headers=(origin(EVIL),)),
            settings=SETTINGS,
            status=403,
            error="invalid_origin",
        )
        for method, path in (("POST", "/notes"), ("DELETE", "/m"), ("PUT", "/login"))
    ),
    Case(
        name="cookie: a foreign post as Basic is CSRF all the same",
        ask=Ask(
            method="POST", path="/login", headers=(raw("Basic eDp5"), origin(EVIL))
        ),
        settings=SETTINGS,
        status=403,
        error="invalid_origin",
    ),
    *(
        Case(
            name=f"cookie: {method} on a public path is no CSRF",
            ask=Ask(method=method, path="/login", headers=(origin(EVIL),)),
            settings=SETTINGS,
        )
        for method in ("GET", "HEAD", "OPTIONS")
    ),
    Case(
        name="cookie: null that is same-origin may post to a public path",
        ask=Ask(
            method="POST",
            path="/login",
            headers=(origin("null"), *site("same-origin")),
        ),
        settings=SETTINGS,
    ),
    Case(
        name="cookie: null that is not, may not",
        ask=Ask(method="POST", path="/login", headers=(origin("null"),)),
        settings=SETTINGS,
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="cookie: twice, but not read beside a bearer header",
        ask=Ask(headers=(bearer(subject="bob"), ("Cookie", "token=a; token=b"))),
        settings=SETTINGS,
        subject="bob",
    ),
    Case(
        name="cookie: a bearer header needs no origin to post",
        ask=Ask(method="POST", headers=(bearer(subject="bob"), cookie())),
        settings=SETTINGS,
        subject="bob",
    ),
    Case(
        name="cookie: a bad bearer header is no way around the origin",
        ask=Ask(method="POST", headers=(raw("Bearer x.y.z"), cookie(), origin(EVIL))),
        settings=SETTINGS,
        status=401,
        error="invalid_token",
    ),
    Case(
        name="cookie: twice, in two fields",
        ask=Ask(headers=(cookie(), cookie())),
        settings=SETTINGS,
        status=400,
        error="invalid_request",
        worlds=("asyncio", "trio", "starlette", "fastapi"),
    ),
    Case(
        name="cookie: over plain http",
        ask=Ask(headers=(cookie(),), scheme="http"),
        settings=SETTINGS,
        status=403,
        error="insecure_transport",
    ),
    Case(
        name="cookie: on an optional path, a good one",
        ask=Ask(path="/m", headers=(cookie(),)),
        settings=SETTINGS,
        subject="alice",
        headers=PRIVATE,
    ),
    Case(
        name="cookie: on an optional path, nobody",
        ask=Ask(path="/m"),
        settings=SETTINGS,
        headers={"vary": "Origin, Cookie"},
    ),
    Case(
        name="cookie: on an optional path, a foreign page is no anonymous visitor",
        ask=Ask(path="/m", headers=(cookie(), *site("cross-site", "no-cors", "image"))),
        settings=SETTINGS,
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="cookie: the public URL is the own origin, not Host",
        ask=Ask(method="POST", headers=(cookie(), origin(OWN))),
        settings={**SETTINGS, "PUBLIC_URL": "https://www.real.example"},
        status=403,
        error="invalid_origin",
    ),
    Case(
        name="cookie: a post from the public URL",
        ask=Ask(method="POST", headers=(cookie(), origin("https://www.real.example"))),
        settings={**SETTINGS, "PUBLIC_URL": "https://www.real.example"},
        subject="alice",
        headers=PRIVATE,
    ),
    *(
        Case(
            name=f"cookie: an own origin that only looks like it: {text!r}",
            ask=Ask(method="POST", headers=(cookie(), origin(text))),
            settings=SETTINGS,
            status=403,
            error="invalid_origin",
        )
        for text in (
            "http://api.example",
            "https://api.example:444",
            "https://API.example",
            "https://api.example.",
            "https://api.example/",
            "https://x.api.example",
        )
    ),
]
