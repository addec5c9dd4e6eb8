"""Strict JSON (RFC 8259) and base64url (RFC 7515 section 2)."""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Sequence
from math import isfinite
from typing import Any

MAX_DEPTH = 64

"""Arrays and objects inside each other; claims need a handful."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

_STANDARD = _ALPHABET.replace(b"-_", b"+/")

# What base64 has and base64url has not becomes a character that neither has.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")

_PADDING = (b"", b"", b"==", b"=")

_LAST: tuple[frozenset[int], ...] = (
    frozenset(_STANDARD),
    frozenset(),
    frozenset(_STANDARD[::16]),  # two characters carry one byte: four bits to spare
    frozenset(_STANDARD[::4]),  # three carry two bytes: two bits to spare
)


def decode_segment(segment: bytes) -> bytes:
    """RFC 7515 section 2: base64url with nothing left over; else ValueError."""
    return _octets(segment.translate(_TO_STANDARD))


def _octets(segment: bytes) -> bytes:
    """Decode a segment that was translated to base64's own alphabet."""
    left = len(segment) % 4
    # Python ignores the spare bits, so one signature would have up to sixteen
    # spellings, and each a cache entry of its own.
    if segment and segment[-1] not in _LAST[left]:
        raise ValueError("stray bits")
    return a2b_base64(segment + _PADDING[left], strict_mode=True)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 7519 section 4: of two `aud`, one parser reads the first and another the last.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice")
    return found


def _finite(text: str) -> float:
    # 1e999 is valid JSON and becomes infinity: a token that never expires.
    number = float(text)
    if not isfinite(number):
        raise ValueError("no finite number")
    return number


def _refuse(_: str) -> None:
    raise ValueError("NaN or Infinity")


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse
)
_scan: Any = _decoder.scan_once  # type: ignore[attr-defined]  # what its methods call


def _check_depth(value: Any) -> None:
    """What can just be read here is too deep for whoever reads it further down."""
    # Level by level and not recursive: the depth is what an attacker chooses.
    level = _nested([value])
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _nested(outer)]
        if not level:
            return
    raise ValueError("nested too deep")


def _nested(value: list[Any] | dict[str, Any]) -> list[Any]:
    """Return the arrays and objects directly in *value*."""
    members = value.values() if isinstance(value, dict) else value
    return [inner for inner in members if isinstance(inner, list | dict)]


def parse_json(text: bytes) -> Any:
    """RFC 8259, and I-JSON (RFC 7493) in what it adds; else ValueError."""
    try:
        decoded = text.decode()
        try:
            value, end = _scan(decoded, 0)
        except StopIteration:
            end = -1
        # Blanks around the value, or what is wrong with it, are left to `decode`: it
        # runs regular expressions over both ends first.
        if end != len(decoded):
            value = _decoder.decode(decoded)
        # Counting brackets is fast and never too low, so only suspicious texts are
        # walked.
        if decoded.count("[") + decoded.count("{") > MAX_DEPTH:
            _check_depth(value)
        # An escape may smuggle half a surrogate pair in. One character is found faster
        # than two.
        if "\\" in decoded and "\\u" in decoded:
            # A lone surrogate cannot be written to a log or a database later: it is
            # refused here, where it is just a bad token.
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value


def names(value: object) -> Sequence[str]:
    """A claim that lists names: a string split at U+0020 alone, or an array of strings.

    Any other type names nothing (RFC 6749 section 3.3).
    """
    if isinstance(value, str):
        return [name for name in value.split(" ") if name]
    if isinstance(value, list):
        return [name for name in value if isinstance(name, str) and name]
    return ()
