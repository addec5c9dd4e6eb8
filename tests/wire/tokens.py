"""One issuer for all cases: its keys are given directly, its tokens really signed."""

from __future__ import annotations

import json
from typing import Any

from jwtguard.testing import FakeClock, JWTIssuer

ISSUER = JWTIssuer(clock=FakeClock())
WWW = "https://www.example"
OTHER = "https://other.example"
EVIL = "https://evil.example"

BASE = {
    "ISSUER": ISSUER.url,
    "AUDIENCE": ISSUER.audience,
    "KEYS": json.dumps(ISSUER.jwks()),
    "CLIENTS": f"spa={WWW} other={OTHER} batch",
}


def bearer(**token: Any) -> tuple[str, str]:
    """Return an Authorization field with a token made from these arguments."""
    return "Authorization", f"Bearer {ISSUER.token(**token)}"


def raw(text: str) -> tuple[str, str]:
    """Return an Authorization field with *text*."""
    return "Authorization", text


def cookie(name: str = "token", **token: Any) -> tuple[str, str]:
    """Return a Cookie field with a token made from these arguments."""
    return "Cookie", f"a=b; {name}={ISSUER.token(**token)}; c=d"


def origin(value: str) -> tuple[str, str]:
    """Return an Origin field."""
    return "Origin", value


def site(value: str, mode: str = "", dest: str = "") -> tuple[tuple[str, str], ...]:
    """Return Fetch metadata (``Sec-Fetch-*``)."""
    found = [("Sec-Fetch-Site", value)]
    found += [("Sec-Fetch-Mode", mode)] if mode else []
    found += [("Sec-Fetch-Dest", dest)] if dest else []
    return tuple(found)
