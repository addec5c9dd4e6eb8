"""RFC 6750 section 3.1: no token was found. What was sent instead, for the log."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...errors import MissingTokenError
from ..model.request import Request
from ..model.validation import quoted

_SCHEMES = {
    name.lower(): name
    for name in (
        "ApiKey", "AWS4-HMAC-SHA256", "Basic", "Digest", "DPoP", "GNAP", "HOBA", "JWT",
        "Key", "MAC", "Mutual", "Negotiate", "NTLM", "OAuth", "PrivateToken", "Token",
    )
}  # fmt: skip
"""Schemes that may be named; any other first word could be part of a secret."""
_JWT = re.compile(r"eyJ[\w-]+(?:\.[\w-]*){2,4}", re.ASCII)
_IN_QUERY = re.compile(r"(?:^|&)access_token=")
_MOST_NAMES = 3


def not_one_token(rest: str) -> str:
    """Say what follows the scheme in place of one token, without its value."""
    if not rest:
        return "no token follows the scheme"
    if rest[0] in "\"'":
        return "the token is in quotes: send it without them"
    if rest[:7].lower() == "bearer ":
        return "Bearer stands there twice: the client's library adds it by itself"
    if rest[0] in "<{$[":
        return "a placeholder follows the scheme: a template was not filled in"
    if " " in rest:
        return "more than one word follows the scheme"
    return "a character that no token has follows the scheme"


def missing_token(
    request: Request, cookie: str | None, field: str = "", scope: str | None = None
) -> MissingTokenError:
    """Return the refusal of *request*; its detail never holds a value that was sent.

    *scope* is what a token would need.
    """
    value = request.header("authorization") or ""
    scheme, space, _ = value.strip(" \t").partition(" ")
    if space:
        # The first word may be an API key without a scheme: it stays out of the log.
        name = _SCHEMES.get(scheme.lower(), "one that is not known")
        detail = f"the Authorization scheme is {name}, and only Bearer is read"
        return MissingTokenError("unsupported_scheme", detail=detail, scope=scope)
    if scheme:
        detail = "Authorization is one word: send Bearer, a space and the token"
        return MissingTokenError("no_credentials", detail=detail, scope=scope)
    found = [*_elsewhere(request, cookie)]
    if field and field in request.headers:
        peer = "the request does not come from JWTGUARD_TRUSTED_PROXIES"
        found.append(f"{field} is empty, or not read because {peer}")
    detail = "; ".join(found)
    return MissingTokenError("no_credentials", detail=detail, scope=scope)


def _elsewhere(request: Request, cookie: str | None) -> Iterator[str]:
    """Say where a token is that no rule reads."""
    if "cookie" in request.headers:
        yield from _cookies(request, cookie)
    # RFC 9700 section 4.3.2: URLs end up in logs and in Referer, so this is a hint for
    # the log and no way to send a token.
    if _IN_QUERY.search(request.query):
        yield "access_token is in the query, which is never read: send it in a header"
    if any(_JWT.fullmatch(offered) for offered in request.subprotocols):
        yield "a token is in Sec-WebSocket-Protocol without bearer before it"


def _cookies(request: Request, cookie: str | None) -> Iterator[str]:
    fields = "; ".join(request.headers.get("cookie", ()))
    pairs = (part.strip(" \t").partition("=") for part in fields.split(";"))
    names = [name for name, _, value in pairs if _JWT.fullmatch(value)]
    read = "JWTGUARD_COOKIE is not set"
    if cookie is not None:
        read = f"JWTGUARD_COOKIE is {cookie!r}"
    if names:
        shown = ", ".join(quoted(name, 40) for name in names[:_MOST_NAMES])
        yield f"a token may be in cookie {shown}, and {read}"
    elif fields and cookie is not None:
        yield f"cookies were sent, and {read}: none has that name"
