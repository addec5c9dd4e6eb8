"""Two clients at one origin, each with its own methods, headers and credentials."""

from __future__ import annotations

from pathlib import Path

from tests.wire.case import Case
from tests.wire.tokens import OTHER, WWW, bearer, cookie, origin, raw, site
from tests.wire.worlds import Ask

SHOP = "https://shop.example"
OWN = "https://api.example"
LISTED = {"CLIENTS": "", "CONFIG": str(Path(__file__).parent / "clients.toml")}
COOKIE = {**LISTED, "COOKIE": "token"}
CREDENTIALS = "access-control-allow-credentials"


def asks(method: str, page: str) -> Ask:
    """A preflight."""
    wanted = ("Access-Control-Request-Method", method)
    return Ask(method="OPTIONS", headers=(origin(page), wanted))


def page(name: str, ask: Ask, at: str | None, **more: object) -> Case:
    """A request that passes, for the page at *at* to read."""
    settings = more.pop("settings", LISTED)
    return Case(
        name=f"clients: {name}",
        ask=ask,
        settings=settings,  # type: ignore[arg-type]
        subject="alice",
        cors=at,
        **more,  # type: ignore[arg-type]
    )


def refused(name: str, ask: Ask, error: str, at: str | None = None) -> Case:
    """A request that is refused with 403; only *at* may read why."""
    settings = COOKIE if any(n == "Cookie" for n, _ in ask.headers) else LISTED
    return Case(
        name=f"clients refused: {name}",
        ask=ask,
        settings=settings,
        status=403,
        error=error,
        cors=at,
    )


def sent(method: str, client: str, at: str | None, *more: tuple[str, str]) -> Ask:
    """A request with a token of *client* in the header."""
    where = () if at is None else (origin(at),)
    return Ask(method=method, headers=(bearer(client_id=client), *where, *more))


def carried(method: str, client: str, at: str | None, *more: tuple[str, str]) -> Ask:
    """A request with a token of *client* in the cookie."""
    where = () if at is None else (origin(at),)
    return Ask(method=method, headers=(cookie(client_id=client), *where, *more))


CLIENTS = [
    Case(
        name="clients: a preflight joins what each of them may",
        ask=asks("PUT", WWW),
        settings=LISTED,
        status=204,
        ran=False,
        cors=WWW,
        headers={
            "access-control-allow-methods": "GET, POST, HEAD, PUT",
            "access-control-allow-headers": "X-Request-ID, If-Match",
            "access-control-max-age": "45",
            CREDENTIALS: "true",
        },
    ),
    Case(
        name="clients: a preflight from a page of one of them",
        ask=asks("PUT", SHOP),
        settings=LISTED,
        status=204,
        ran=False,
        cors=SHOP,
        headers={
            "access-control-allow-methods": "GET, PUT, HEAD",
            "access-control-max-age": "600",
        },
    ),
    Case(
        name="clients: the own origin has a preflight if a client lists it",
        ask=asks("GET", OWN),
        settings=LISTED,
        status=204,
        ran=False,
        cors=OWN,
    ),
    page("the own origin, listed", sent("GET", "home", OWN), OWN),
    page("the own origin, with another's token", sent("GET", "spa", OWN), None),
    page("GET, no credentials", sent("GET", "spa", WWW), WWW, absent=(CREDENTIALS,)),
    page(
        "GET, with credentials",
        sent("GET", "shop", WWW),
        WWW,
        headers={CREDENTIALS: "true"},
    ),
    page("GET stands for HEAD", sent("HEAD", "spa", WWW), WWW),
    page("a method of its own", sent("POST", "spa", WWW), WWW),
    page("no page, any method", sent("DELETE", "spa", None), None),
    page("the own page, any method", sent("DELETE", "spa", OWN), None),
    refused("a method of the other's", sent("PUT", "spa", WWW), "access_denied", WWW),
    refused("a method of none", sent("DELETE", "shop", SHOP), "access_denied", SHOP),
    refused("a page of the other's", sent("GET", "spa", SHOP), "invalid_origin"),
    refused("a page of nobody's", sent("GET", "spa", OTHER), "invalid_origin"),
    Case(
        name="clients: a refusal before the client is known speaks for both",
        ask=Ask(headers=(origin(WWW), raw("Bearer x.y.z"))),
        settings=LISTED,
        status=401,
        error="invalid_token",
        cors=WWW,
        headers={CREDENTIALS: "true"},
    ),
    page(
        "a cookie across origins, POST with credentials",
        carried("PUT", "shop", SHOP, *site("cross-site", "cors", "empty")),
        SHOP,
        settings=COOKIE,
        headers={CREDENTIALS: "true", "vary": "Cookie"},
    ),
    page(
        "a cookie across origins, GET with credentials",
        carried("GET", "shop", SHOP, *site("cross-site", "cors", "empty")),
        SHOP,
        settings=COOKIE,
        headers={CREDENTIALS: "true"},
    ),
    refused(
        "a cookie of the client without credentials, beside one that has them",
        carried("POST", "spa", WWW),
        "invalid_origin",
    ),
    refused(
        "reading by such a cookie",
        carried("GET", "spa", WWW, *site("same-site", "cors", "empty")),
        "invalid_origin",
    ),
    refused(
        "a cookie of one client on the other's page",
        carried("GET", "home", SHOP),
        "invalid_origin",
    ),
    refused(
        "a cookie by an image, whoever's page it is on",
        carried("GET", "shop", None, *site("cross-site", "no-cors", "image")),
        "invalid_origin",
    ),
    Case(
        name="clients: a client that is not listed, on a page that is",
        ask=sent("GET", "nobody", WWW),
        settings={**LISTED, "CLIENTS_ONLY": "true"},
        status=403,
        error="access_denied",
    ),
]
