"""Visitors are sent to sign in: 303 for navigations, where all others get 401."""

from __future__ import annotations

from tests.wire.case import Case
from tests.wire.tokens import EVIL, ISSUER, bearer, cookie, origin, site
from tests.wire.worlds import Ask

SETTINGS = {
    "COOKIE": "token",
    "LOGIN_URL": "/login",
    "OPTIONAL_PATHS": "/m",
    "TOKEN_PATHS": "/oauth/token",
}
NAVIGATES = site("none", "navigate", "document")
HTML = ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")


def sent(name: str, ask: Ask, location: str) -> Case:
    """303 to the login page."""
    return Case(
        name=f"login page: {name}",
        ask=ask,
        settings=SETTINGS,
        status=303,
        location=location,
        headers={"cache-control": "no-store"},
        absent=("www-authenticate",),
    )


def refused(
    name: str, ask: Ask, status: int = 401, error: str = "missing_token"
) -> Case:
    """The JSON that anybody gets."""
    return Case(
        name=f"login page not for {name}",
        ask=ask,
        settings=SETTINGS,
        status=status,
        error=error,
    )


LOGIN_PAGE = [
    sent("a link without a cookie", Ask(headers=NAVIGATES), "/login?next=/notes"),
    sent(
        "path and query come back",
        Ask(path="/a b/ü", query="q=1&r=%2F", headers=NAVIGATES),
        "/login?next=/a%2520b/%25C3%25BC%3Fq%3D1%26r%3D%252F",
    ),
    sent(
        "an expired token in the cookie",
        Ask(headers=(("Cookie", f"token={ISSUER.expired()}"), *NAVIGATES)),
        "/login?next=/notes",
    ),
    sent(
        "a forged token in the cookie",
        Ask(headers=(("Cookie", "token=x.y.z"), *NAVIGATES)),
        "/login?next=/notes",
    ),
    sent(
        "a browser without Fetch metadata", Ask(headers=(HTML,)), "/login?next=/notes"
    ),
    sent(
        "HEAD",
        Ask(method="HEAD", headers=NAVIGATES),
        "/login?next=/notes",
    ),
    sent(
        "a posted form, which cannot be repeated by a link",
        Ask(
            method="POST",
            headers=(("Cookie", "token=x.y.z"), *site("same-origin", "navigate")),
        ),
        "/login",
    ),
    sent(
        "a link from another site",
        Ask(headers=site("cross-site", "navigate", "document")),
        "/login?next=/notes",
    ),
    sent(
        "a mounted application",
        Ask(path="/notes", root="/app", headers=NAVIGATES),
        "/app/login?next=/app/notes",
    ),
    refused("a script", Ask(headers=site("same-origin", "cors", "empty"))),
    refused(
        "a script that says it wants HTML",
        Ask(headers=(HTML, *site("same-origin", "cors", "empty"))),
    ),
    refused("a program", Ask()),
    refused("a program that takes anything", Ask(headers=(("Accept", "*/*"),))),
    refused(
        "a program that asks for JSON", Ask(headers=(("Accept", "application/json"),))
    ),
    refused(
        "a program that prefers JSON",
        Ask(headers=(("Accept", "text/html;q=0.5, application/problem+json"),)),
    ),
    refused(
        "a program that takes both alike",
        Ask(headers=(("Accept", "text/html, application/json"),)),
    ),
    refused("a program that refuses HTML", Ask(headers=(("Accept", "text/html;q=0"),))),
    refused(
        "a malformed weight", Ask(headers=(("Accept", "text/html;q=infinity, */*"),))
    ),
    refused(
        "a cookie from a foreign page",
        Ask(
            method="POST",
            headers=(cookie(), origin(EVIL), *site("cross-site", "navigate")),
        ),
        403,
        "invalid_origin",
    ),
    refused(
        "a token endpoint",
        Ask(path="/oauth/token", headers=NAVIGATES),
        405,
        "invalid_request",
    ),
    refused(
        "two places of a token",
        Ask(headers=(bearer(), bearer(), *NAVIGATES)),
        400,
        "invalid_request",
    ),
    Case(
        name="login page: open to all",
        ask=Ask(path="/login", headers=NAVIGATES),
        settings=SETTINGS,
    ),
]
