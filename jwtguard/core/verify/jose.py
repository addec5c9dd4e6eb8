"""RFC 7515 section 7.1: the compact form of a token, taken apart strictly."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from functools import lru_cache
from typing import Any, NamedTuple

from ...errors import InvalidTokenError
from ..model.encoding import (
    _ALPHABET,
    _TO_STANDARD,
    _octets,
    decode_segment,
    parse_json,
)
from .not_tokens import without_dots

_new: Any = tuple.__new__
"""What a named tuple's own constructor calls, without the call in between."""


class Header(NamedTuple):
    """The members of a JOSE header that decide anything."""

    alg: str
    kid: str | None
    typ: str
    """Lower case; empty if absent."""


class Compact(NamedTuple):
    """A token taken apart. Nothing in it is verified yet."""

    header: Header
    claims: dict[str, Any]
    payload: bytes
    signature: bytes
    signing_input: bytes


def parse(token: str) -> Compact:
    """Take *token* apart, or raise ``InvalidTokenError``."""
    # encode() would make UTF-8 of the rest, and a lone surrogate would raise.
    if not token.isascii():
        raise InvalidTokenError("malformed")
    raw = token.encode()
    head, _, rest = raw.partition(b".")
    # One pass translates both parts, and turns characters of base64 that base64url
    # lacks into invalid ones. A known header needs none.
    body, dot, signature = rest.translate(_TO_STANDARD).partition(b".")
    if not dot:
        raise InvalidTokenError("malformed", detail=without_dots(token))
    try:
        signed = _octets(signature)  # no dot is left in it
        payload = _octets(body)
        header = _header(head)
        claims = parse_json(payload)
    except ValueError:
        # JWE has five parts. Counted only for tokens that are refused anyway.
        encrypted = raw.translate(None, _ALPHABET) == b"...."
        raise InvalidTokenError("encrypted" if encrypted else "malformed") from None
    if not isinstance(claims, dict):
        raise InvalidTokenError("malformed")
    # What was signed is the text as it was sent, not what we decoded and would encode
    # again.
    signing_input = raw[: -len(signature) - 1]
    found: Compact = _new(Compact, (header, claims, payload, signed, signing_input))
    return found


def is_opaque(token: str) -> bool:
    """Whether *token* is no JWT: it does not begin with a JSON object and a dot.

    A JWT is read here, or refused: it may be of an issuer that is not trusted, and
    nobody else is to see it.
    """
    if not token.isascii():
        return False
    head, dot, _ = token.partition(".")
    if not dot:
        return True
    try:
        # Not strict: a JWT that was damaged on the way is one, too.
        text = urlsafe_b64decode(head + "===")
    except ValueError:
        return True
    return not text.lstrip().startswith(b"{")


@lru_cache(maxsize=64)
def _header(segment: bytes) -> Header:
    """An issuer writes one header over and over; what it says never changes."""
    members = parse_json(decode_segment(segment))
    if not isinstance(members, dict):
        raise InvalidTokenError("malformed")
    for name in ("alg", "kid", "typ"):  # null is not a string either
        if not isinstance(members.get(name, ""), str):
            raise InvalidTokenError("malformed")
    alg, kid, typ = members.get("alg"), members.get("kid"), members.get("typ")
    if alg is None:
        raise InvalidTokenError("malformed")
    if "crit" in members:  # RFC 7515 section 4.1.11: we understand no extension
        raise InvalidTokenError("unsupported_critical")
    if members.get("b64", True) is not True:  # RFC 7797 section 6: never without crit
        raise InvalidTokenError("malformed")
    return Header(alg, kid, (typ or "").lower())
