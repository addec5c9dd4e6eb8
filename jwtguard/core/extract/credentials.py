"""RFC 6750 section 2, RFC 9449 section 7.1: find the one token of a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import InvalidRequestError, InvalidTokenError, TokenTooLargeError
from ..model.request import Request
from .missing import not_one_token
from .proofs import SentProof, proof_of

_TOKEN68 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"

BEARER, DPOP = "Bearer", "DPoP"
"""The schemes of ``Authorization`` under which a token may come."""

# `BearerToken x` is another scheme; `bearer,` and `bearer` alone are broken attempts at
# this one.
_END = r"(?![!#$%&'*+.^_`|~0-9A-Za-z-])"

_BEARER = re.compile(f"bearer{_END}", re.IGNORECASE)

_EITHER = re.compile(f"(?:bearer|dpop){_END}", re.IGNORECASE)

_SCHEMES = {"bearer": BEARER, "dpop": DPOP}

_SCHEME_SPACE = 64

"""Room for the scheme and blanks before the token, in characters."""


class Credentials(NamedTuple):
    """A token, and where it was found: ``header``, ``cookie`` or ``subprotocol``."""

    token: str
    carrier: str
    scheme: str = BEARER
    proof: SentProof | None = None
    """There is always one if the scheme is ``DPoP``."""


def given(token: str) -> Credentials:
    """Take a token that a program hands over; ``TypeError`` if it is no text."""
    if not isinstance(token, str):
        kind = type(token).__name__
        raise TypeError(f"the token must be a str, not {kind}, and without Bearer")
    if token[6:7] == " " and token[:6].lower() == "bearer":
        error = InvalidTokenError("malformed", detail=_WITH_SCHEME)
        error.add_note(_WITH_SCHEME)
        raise error
    return Credentials(token, "")


_WITH_SCHEME = "the token begins with Bearer: pass what follows it"


def find(
    request: Request, cookie: str | None, longest: int, *, dpop: bool = False
) -> Credentials | None:
    """Return the one token of *request*, or None; a header wins over the cookie.

    *dpop*: the scheme of RFC 9449 is read, too.
    """
    values = request.headers.get("authorization")
    found = from_header(values, longest, dpop=dpop) if values else None
    offers = request.subprotocols if request.websocket else ()
    offered = from_subprotocols(offers, dpop=dpop) if offers else None
    # RFC 6750 section 2: one method per request. Of two tokens, the application could
    # read the other one.
    if found is not None and offered is not None:
        raise InvalidRequestError("token_repeated")
    if found is not None:
        scheme, token = found
        proof = proof_of(request) if scheme == DPOP else None
        return Credentials(token, "header", scheme, proof)
    if offered is not None:
        scheme, token, *proofs = offered
        proof = proof_of(request, proofs) if scheme == DPOP else None
        return Credentials(token, "subprotocol", scheme, proof)
    # A header is set by a program on purpose, the cookie is sent by itself, so the
    # header decides.
    if cookie is not None:
        fields = request.headers.get("cookie")
        sent = from_cookie(fields, cookie) if fields else None
        if sent:
            return Credentials(sent, "cookie")
    return None


def from_header(
    values: Sequence[str], longest: int, *, dpop: bool = False
) -> tuple[str, str] | None:
    """RFC 6750 section 2.1: scheme and token; schemes not read count as none."""
    if len(values) > 1:
        raise InvalidRequestError("authorization_repeated")
    value = values[0].strip(" \t")
    # Before any regular expression runs over it.
    if len(value) > longest + _SCHEME_SPACE:
        raise TokenTooLargeError("header_too_long")
    name, _, rest = value.partition(" ")
    scheme = _SCHEMES.get(name.lower())
    if scheme is BEARER or (scheme is DPOP and dpop):
        token = rest.lstrip(" ")
        if is_token68(token):
            return scheme, token
    # Proxies join repeated fields with a comma, so this may be two credentials.
    if "," in value:
        raise InvalidRequestError("authorization_repeated")
    if (_EITHER if dpop else _BEARER).match(value):
        detail = not_one_token(rest.strip(" \t"))
        raise InvalidRequestError("authorization_malformed", detail=detail)
    return None


def is_token68(text: str) -> bool:
    """RFC 9110 section 11.2: letters, digits and six marks, then any padding."""
    body = text.rstrip("=")
    return body.isascii() and body != "" and not body.encode().translate(None, _TOKEN68)


def is_bearer(request: Request) -> bool:
    """Whether a header field carries, or tries to carry, a token."""
    values = request.headers.get("authorization", ())
    return any(_EITHER.match(value.strip(" \t")) for value in values)


def scheme_of(request: Request) -> str:
    """Return the scheme under which *request* brings a token, or tries to."""
    value = (request.headers.get("authorization") or ("",))[0].lstrip(" \t")
    found = _EITHER.match(value[:_SCHEME_SPACE])
    if found is not None:
        return _SCHEMES[found[0].lower()]
    return DPOP if request.websocket and "dpop" in request.subprotocols else BEARER


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


def from_subprotocols(
    offered: Sequence[str], *, dpop: bool = False
) -> tuple[str, ...] | None:
    """Return the scheme and what follows it in ``Sec-WebSocket-Protocol``.

    Scripts cannot set other fields of a handshake. ``dpop`` has token and proof.
    """
    names = [name for name in offered if name == "bearer" or (name == "dpop" and dpop)]
    if not names:
        return None
    scheme = _SCHEMES[names[0]]
    after = list(offered).index(names[0]) + 1
    sent = offered[after : after + _FOLLOWING[names[0]]]
    whole = len(names) == 1 and len(sent) == _FOLLOWING[names[0]]
    if not whole or not is_token68(sent[0]):
        raise InvalidRequestError("subprotocol_malformed")
    return scheme, *sent


_FOLLOWING = {"bearer": 1, "dpop": 2}
"""So many subprotocols are no names: the token, and the proof."""


def without_bearer(offered: Sequence[str]) -> list[str]:
    """Return the subprotocols that the application may see: no token, no proof."""
    kept = list(offered)
    for name, following in _FOLLOWING.items():
        if name in kept:
            at = kept.index(name)
            del kept[at : at + 1 + following]
    return kept


def chosen(offered: Sequence[str]) -> str:
    """Return the subprotocol that brought the token: the browser wants one chosen."""
    return next(name for name in _FOLLOWING if name in offered)
