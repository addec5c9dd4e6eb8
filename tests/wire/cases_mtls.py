"""RFC 8705 section 3: tokens bound to a certificate, which a proxy hands on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.certificates import certificate
from tests.wire.case import Case
from tests.wire.cases_revoked import Revoked
from tests.wire.tokens import ISSUER, cookie, raw
from tests.wire.worlds import App, Ask

MINE, OTHER = certificate("mine"), certificate("other")
CLAIMS = {"cnf": {"x5t#S256": MINE.thumbprint}}
TOKEN = ISSUER.token(claims=CLAIMS)
BEARER = raw(f"Bearer {TOKEN}")
UNBOUND = raw(f"Bearer {ISSUER.token()}")
PROXY, STRANGER = "10.0.0.1", "192.0.2.1"
SETTINGS = {
    "CLIENT_CERT": "X-Client-Cert:rfc9440",
    "TRUSTED_PROXIES": "10.0.0.0/8 unix",
    "COOKIE": "token",
    "OPTIONAL_PATHS": "/maybe",
    "PUBLIC_PATHS": "/open",
}


def shown(by: Any = MINE, form: str = "rfc9440") -> tuple[str, str]:
    return "X-Client-Cert", by.in_form(form)


def passes(name: str, *headers: tuple[str, str], **ask: Any) -> Case:
    known = ask.pop("known", ())
    return Case(
        name=f"certificate: {name}",
        settings=SETTINGS,
        ask=Ask(headers=headers, **{"peer": PROXY, **ask}),
        app=App(known=known),
        subject="alice",
    )


def refused(
    name: str,
    *headers: tuple[str, str],
    reason: str = "certificate_missing",
    settings: Mapping[str, str] = SETTINGS,
    **ask: Any,
) -> Revoked:
    known = ask.pop("known", ())
    sentence = {
        "certificate_missing": "The access token is bound to a client certificate",
        "certificate_mismatch": "bound to another client certificate",
    }[reason]
    return Revoked(
        name=f"certificate: {name}",
        settings=settings,
        ask=Ask(headers=headers, **{"peer": PROXY, **ask}),
        app=App(known=known),
        status=401,
        error="invalid_token",
        headers={"WWW-Authenticate": sentence},
        reason=reason,
    )


MISMATCH = "certificate_mismatch"
BOTH = ISSUER.token(claims={"cnf": {"jkt": "k", "x5t#S256": MINE.thumbprint}})
OFF = {**SETTINGS, "CLIENT_CERT": ""}
TLS = {**SETTINGS, "CLIENT_CERT": "tls"}
IN_COOKIE = cookie(claims=CLAIMS)

MTLS = [
    passes("its owner", BEARER, shown()),
    passes("its owner over a socket", BEARER, shown(), peer="unix"),
    passes("any letter case", BEARER, ("x-CLIENT-cert", MINE.in_form("rfc9440"))),
    passes("its owner, with a cookie", IN_COOKIE, shown()),
    passes("a bearer token needs none", UNBOUND),
    passes("a bearer token with any", UNBOUND, shown(OTHER)),
    passes("a bearer token with garbage", UNBOUND, ("X-Client-Cert", ":")),
    passes("on an optional path", BEARER, shown(), path="/maybe"),
    refused("none", BEARER),
    refused("none, with a cookie", IN_COOKIE),
    refused("another one", BEARER, shown(OTHER), reason=MISMATCH),
    refused("any, optionally", BEARER, shown(OTHER), path="/maybe", reason=MISMATCH),
    refused("from a stranger", BEARER, shown(), peer=STRANGER),
    refused("twice", BEARER, shown(), shown()),
    refused("twice, the own one last", BEARER, shown(OTHER), shown()),
    refused("empty", BEARER, ("X-Client-Cert", "")),
    refused("in another format", BEARER, shown(form="pem-url")),
    refused("in another field", BEARER, ("Client-Cert", MINE.in_form("rfc9440"))),
    refused("not ASCII", BEARER, ("X-Client-Cert", ":\xe9:")),
    refused("a megabyte", BEARER, ("X-Client-Cert", f":{'A' * 2**20}:")),
    refused("switched off", BEARER, shown(), settings=OFF),
    refused("read from the server", BEARER, shown(), settings=TLS),
    Case(
        name="certificate: a token that is bound to a key as well",
        settings=SETTINGS,
        ask=Ask(headers=(raw(f"Bearer {BOTH}"), shown()), peer=PROXY),
        status=401,
        error="invalid_token",
        schemes=("Bearer", "DPoP"),
    ),
    Case(
        name="certificate: on a public path nothing is read",
        settings=SETTINGS,
        ask=Ask(path="/open", headers=(BEARER, shown(OTHER)), peer=PROXY),
    ),
    Case(
        name="certificate: a cookie on an optional path",
        settings=SETTINGS,
        ask=Ask(path="/maybe", headers=(IN_COOKIE, shown(OTHER)), peer=PROXY),
        refusal=MISMATCH,
    ),
]  # fmt: skip
