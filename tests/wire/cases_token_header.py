"""A token in a header field of its own: from trusted proxies only, and no other."""

from __future__ import annotations

from typing import Any

from tests.wire.case import Case
from tests.wire.tokens import EVIL, ISSUER, WWW, bearer, cookie, origin, raw
from tests.wire.worlds import Ask

NAME = "X-Access-Token"
PROXY = "10.0.0.1"
SETTINGS = {"TOKEN_HEADER": NAME, "TRUSTED_PROXIES": "10.0.0.0/8 unix"}


def field(value: str = "", *, scheme: str = "", **token: Any) -> tuple[str, str]:
    """Return the field with *value*, or with a token."""
    return NAME, value or scheme + ISSUER.token(**token)


def by_proxy(name: str, *headers: tuple[str, str], **more: Any) -> Case:
    """A request that the proxy hands on."""
    settings = {**SETTINGS, **more.pop("settings", {})}
    ask = Ask(headers=headers, peer=more.pop("peer", PROXY), **more.pop("ask", {}))
    return Case(name=f"token header: {name}", ask=ask, settings=settings, **more)


def refused(
    name: str, *headers: tuple[str, str], error: str = "invalid_request", **more: Any
) -> Case:
    """A request that is refused, with 400 as a rule."""
    return by_proxy(name, *headers, error=error, **{"status": 400, **more})


TOKEN_HEADER = [
    by_proxy("the token alone", field(), subject="alice"),
    by_proxy("after Bearer", field(scheme="Bearer "), subject="alice"),
    by_proxy("after bearer and blanks", field(scheme="bearer   "), subject="alice"),
    by_proxy("from a Unix socket", field(), peer="unix", subject="alice"),
    by_proxy("Authorization works beside the setting", bearer(), subject="alice"),
    by_proxy("an empty field is none", (NAME, " "), bearer(), subject="alice"),
    by_proxy(
        "the field decides beside a cookie",
        field(subject="bob"),
        cookie(),
        settings={"COOKIE": "token"},
        subject="bob",
    ),
    by_proxy("the client's own page", field(), origin(WWW), subject="alice", cors=WWW),
    refused(
        "a foreign page", field(), origin(EVIL), status=403, error="invalid_origin"
    ),
    refused("beside a token in Authorization", field(), bearer()),
    refused("beside any Authorization", field(), raw("Basic YTpi")),
    refused("the same token twice", field(), field()),
    refused("two tokens in one field", field("a.b.c, d.e.f")),
    refused("another scheme", field("Basic YTpi")),
    refused("Bearer without a token", field('Bearer "x"')),
    refused("quotes", field('"a.b.c"')),
    refused("more words", field("Bearer a.b.c d")),
    refused("not a token", field("a.b.c"), status=401, error="invalid_token"),
    refused(
        "an expired token",
        (NAME, ISSUER.expired()),
        status=401,
        error="invalid_token",
    ),
    refused("too long", field("x" * 20000), status=431),
    refused("an empty field", (NAME, ""), status=401, error="missing_token"),
    refused(
        "not from a trusted proxy",
        field(),
        peer="192.0.2.1",
        status=401,
        error="missing_token",
    ),
    by_proxy(
        "what a stranger sends beside a token is not read",
        field(subject="mallory"),
        bearer(),
        peer="192.0.2.1",
        subject="alice",
    ),
    refused(
        "without the setting it is a field like any other",
        field(),
        settings={"TOKEN_HEADER": ""},
        status=401,
        error="missing_token",
    ),
    refused(
        "plain http",
        field(),
        ask={"scheme": "http"},
        status=403,
        error="insecure_transport",
    ),
    refused(
        "a form of a foreign page, where cookies carry tokens",
        field(),
        origin(EVIL),
        ask={"method": "POST"},
        settings={"COOKIE": "token"},
        status=403,
        error="invalid_origin",
    ),
    by_proxy(
        "a field that another rule reads, too",
        ("X-Forwarded-Access-Token", ISSUER.token()),
        settings={"TOKEN_HEADER": "X-Forwarded-Access-Token"},
        subject="alice",
    ),
    by_proxy(
        "a public path reads none",
        field("x"),
        ask={"path": "/open"},
        settings={"PUBLIC_PATHS": "/open"},
    ),
]
