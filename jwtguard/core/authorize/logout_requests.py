"""Logout paths: the form that an issuer posts (OpenID Connect Back-Channel Logout 1.0
section 2.5).

The request ends here, so no second parser can read it differently. Parameters and a
query that are not understood are ignored, as the specification requires.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from ...errors import GrantError
from ..model.request import Request
from .forms import check_framing

_MEDIA_TYPE = re.compile(
    r"application/x-www-form-urlencoded[ \t]*(?:;.*)?", re.IGNORECASE | re.ASCII
)
"""With any charset: a token is ASCII."""


def check_head(request: Request, longest: int) -> None:
    """Refuse what cannot be a logout request before its body is read."""
    if request.method != "POST":
        raise GrantError("logout_post_only", fields=(("Allow", "POST"),))
    types = request.headers.get("content-type", ())
    encoded = request.header("content-encoding") not in (None, "identity")
    # For clear errors only: what protects the endpoint is the signature of the token.
    if len(types) != 1 or not _MEDIA_TYPE.fullmatch(types[0]) or encoded:
        raise GrantError("form_malformed")
    check_framing(request, longest)


def token_in(request: Request, body: bytes, longest: int) -> str:
    """Return the one logout token of the form, of at most *longest* characters."""
    lengths = request.headers.get("content-length")
    if lengths and int(lengths[0]) != len(body):
        raise GrantError("form_malformed")
    pairs = (pair.partition(b"=") for pair in body.split(b"&"))
    found = [value for name, _, value in pairs if _plain(name) == b"logout_token"]
    if not found:
        raise GrantError("logout_token_missing")
    if len(found) > 1:
        raise GrantError("logout_token_repeated")
    token = _plain(found[0])
    if len(token) > longest:
        raise GrantError("logout_malformed", detail="too long")
    # latin-1 never fails; what is not ASCII is refused as a malformed token.
    return token.decode("latin-1")


def _plain(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
