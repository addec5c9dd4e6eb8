"""How a form is framed and parsed, so that every parser reads it alike.

WHATWG URL (application/x-www-form-urlencoded), without its lenience.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from ...errors import GrantError
from ..model.request import Request

# A parser that is fed without bound can be made to work without bound; a grant has
# about ten parameters.
MAX_PARAMETERS = 100
_NAME = re.compile(r"[A-Za-z0-9_:-]+")
_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_REPEATABLE = frozenset({"resource", "audience"})
_DECISIVE = frozenset(
    {
        "grant_type", "client_id", "client_secret", "refresh_token",
        "subject_token_type", "token", "username", "password",
    }
)  # fmt: skip
_CHARSET = "_charset_"
"""WHATWG HTML section 4.10.18.1: by this name a form says how it is to be read."""


def check_framing(request: Request, longest: int) -> None:
    """RFC 9112 section 6.3: one way to tell where the body ends, and a known one."""
    lengths = request.headers.get("content-length", ())
    if len(lengths) > 1 or (lengths and not _is_digits(lengths[0])):
        raise GrantError("form_malformed")
    coding = request.header("transfer-encoding")
    if coding is not None and (lengths or coding.strip().lower() != "chunked"):
        raise GrantError("form_malformed")
    # int() of a few thousand digits takes noticeable time, and Python limits it with a
    # ValueError of its own.
    if lengths and (len(lengths[0]) > 18 or int(lengths[0]) > longest):
        raise GrantError("body_too_long")


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def parse_form(body: bytes) -> dict[str, list[str]]:
    """WHATWG URL, application/x-www-form-urlencoded, without its lenience."""
    # What is not ASCII is UTF-8 to some parsers, and latin-1 to others.
    if b";" in body or _ESCAPE.search(body) or not body.isascii():
        raise GrantError("form_malformed")
    # parse_qsl would skip what it cannot read; then what was checked is not what is
    # sent on.
    pairs = body.split(b"&") if body else []
    if len(pairs) > MAX_PARAMETERS:
        raise GrantError("form_malformed")
    form: dict[str, list[str]] = {}
    seen: set[str] = set()
    for pair in pairs:
        raw_name, equals, raw_value = pair.partition(b"=")
        try:
            name, value = decoded(raw_name), decoded(raw_value)
        except UnicodeDecodeError:
            raise GrantError("form_malformed") from None
        folded = name.lower()
        if not equals or not _NAME.fullmatch(name) or folded == _CHARSET:
            raise GrantError("form_malformed")
        # Some servers read names without regard to case: leave them no choice.
        if folded in _DECISIVE and folded != name:
            raise GrantError("form_malformed")
        if folded in seen and folded not in _REPEATABLE:
            raise GrantError("form_malformed")
        seen.add(folded)
        form.setdefault(name, []).append(value)
    return form


def decoded(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()
