"""RFC 6750 section 3 and the Fetch standard: what an answer may be promised to be."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx

from .walk import Check, Walk


def status(answer: httpx.Response, code: int) -> Check:
    """Promise a status code."""
    return Check(
        f"{code} {httpx.codes.get_reason_phrase(code)}", answer.status_code == code
    )


def readable(walk: Walk, answer: httpx.Response) -> Check:
    """Promise that the SPA page, and no other, may read the answer."""
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    return Check("the page may read the answer", allowed == walk.place.www)


def unreadable(answer: httpx.Response) -> Check:
    """Promise that no page may read the answer."""
    granted = "Access-Control-Allow-Origin" in answer.headers
    return Check("no Access-Control-Allow-Origin: no page may read it", not granted)


def challenge(answer: httpx.Response, error: str) -> Check:
    """Promise the ``Bearer`` challenge with this error code."""
    text = answer.headers.get("WWW-Authenticate", "")
    good = text.startswith("Bearer ") and f'error="{error}"' in text
    return Check(f"the challenge says {error}", good)


def code(answer: httpx.Response, error: str) -> Check:
    """Promise the error code in the JSON body."""
    return Check(f"error is {error}", answer.json().get("error") == error)


def revoked(answer: httpx.Response) -> Iterator[Check]:
    """Promise that the token was refused because it was revoked."""
    yield status(answer, 401)
    yield challenge(answer, "invalid_token")
    description = answer.json().get("error_description")
    yield Check(
        "The access token was revoked", description == "The access token was revoked"
    )


def a_page(answer: httpx.Response) -> Check:
    """Promise something for a person to read."""
    kind = answer.headers.get("Content-Type", "")
    return Check("the browser gets a page, not JSON", kind.startswith("text/html"))


def key_of(token: str) -> Any:
    """Return the ``kid`` in the token's header."""
    return _part(token, 0)["kid"]


def sid_of(token: str) -> Any:
    """Return the session that the token belongs to."""
    return _part(token, 1)["sid"]


def with_key(token: str, kid: str) -> str:
    """Return the token with another ``kid`` in its header."""
    header = json.dumps({**_part(token, 0), "kid": kid}).encode()
    encoded = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    return f"{encoded}.{token.partition('.')[2]}"


def _part(token: str, number: int) -> dict[str, Any]:
    part = token.split(".")[number]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return found


def redirects(answer: httpx.Response, to: str) -> Check:
    """Promise a redirect that makes the browser GET *to*."""
    there = answer.status_code == 303 and answer.headers.get("Location") == to
    return Check(f"303, on to {to}", there)
