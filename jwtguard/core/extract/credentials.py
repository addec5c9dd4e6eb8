"""RFC 6750 section 2: find the one bearer token of a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import InvalidRequestError, TokenTooLargeError
from ..model.request import Request

_TOKEN68 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"

# `BearerToken x` is another scheme; `bearer,` and `bearer` alone are broken attempts at
# this one.
_BEARER = re.compile(r"bearer(?![!#$%&'*+.^_`|~0-9A-Za-z-])", re.IGNORECASE)

_SCHEME_SPACE = 64

"""Room for the scheme and blanks before the token, in characters."""


class Credentials(NamedTuple):
    """A token, and where it was found: ``header``, ``cookie`` or ``subprotocol``."""

    token: str
    carrier: str


def find(request: Request, cookie: str | None, longest: int) -> Credentials | None:
    """Return the one token of *request*, or None; a header wins over the cookie."""
    values = request.headers.get("authorization")
    token = from_header(values, longest) if values else None
    offered = from_subprotocols(request.subprotocols) if request.websocket else None
    # RFC 6750 section 2: one method per request. Of two tokens, the application could
    # read the other one.
    if token is not None and offered is not None:
        raise InvalidRequestError("token_repeated")
    if token is not None:
        return Credentials(token, "header")
    if offered is not None:
        return Credentials(offered, "subprotocol")
    # A header is set by a program on purpose, the cookie is sent by itself, so the
    # header decides.
    if cookie is not None:
        fields = request.headers.get("cookie")
        found = from_cookie(fields, cookie) if fields else None
        if found:
            return Credentials(found, "cookie")
    return None


def from_header(values: Sequence[str], longest: int) -> str | None:
    """RFC 6750 section 2.1: the token under ``Bearer``; other schemes count as none."""
    if len(values) > 1:
        raise InvalidRequestError("authorization_repeated")
    value = values[0].strip(" \t")
    # Before any regular expression runs over it.
    if len(value) > longest + _SCHEME_SPACE:
        raise TokenTooLargeError("header_too_long")
    if value[:7].lower() == "bearer " and is_token68(token := value[7:].lstrip(" ")):
        return token
    # Proxies join repeated fields with a comma, so this may be two credentials.
    if "," in value:
        raise InvalidRequestError("authorization_repeated")
    if _BEARER.match(value):
        raise InvalidRequestError("authorization_malformed")
    return None


def is_token68(text: str) -> bool:
    """RFC 9110 section 11.2: letters, digits and six marks, then any padding."""
    body = text.rstrip("=")
    return body.isascii() and body != "" and not body.encode().translate(None, _TOKEN68)


def is_bearer(request: Request) -> bool:
    """Whether a header field carries, or tries to carry, a bearer token."""
    values = request.headers.get("authorization", ())
    return any(_BEARER.match(value.strip(" \t")) for value in values)


def from_cookie(fields: Sequence[str], name: str) -> str | None:
    """RFC 6265 section 5.4: the value of the cookie called exactly *name*."""
    pairs = (part.partition("=") for part in "; ".join(fields).split(";"))
    # No quotes are removed and nothing is decoded: http.cookies would read several
    # spellings as one name.
    found = [value.strip(" \t") for key, _, value in pairs if key.strip(" \t") == name]
    # A sister host can set a cookie of this name for the parent domain, and which of
    # the two comes first differs by browser.
    if len(found) > 1:
        raise InvalidRequestError("cookie_repeated")
    return found[0] if found else None


def from_subprotocols(offered: Sequence[str]) -> str | None:
    """Return the token that follows ``bearer`` in ``Sec-WebSocket-Protocol``."""
    count = offered.count("bearer")
    if not count:
        return None
    after = offered.index("bearer") + 1
    if count > 1 or after == len(offered) or not is_token68(offered[after]):
        raise InvalidRequestError("subprotocol_malformed")
    return offered[after]


def without_bearer(offered: Sequence[str]) -> list[str]:
    """Return the subprotocols that the application may see."""
    if "bearer" not in offered:
        return list(offered)
    at = list(offered).index("bearer")
    return [*offered[:at], *offered[at + 2 :]]
