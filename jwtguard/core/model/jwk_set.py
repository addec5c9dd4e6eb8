"""RFC 7517 section 5: the members of a JWK set, and keys given directly.

Unusable members are skipped; a set without a usable member is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .encoding import parse_json
from .jwk import Key, KeySet
from .public_keys import key_of_member, key_of_pem

MAX_KEYS = 1000

"""Members that are read; an issuer has a handful."""


def parse_jwk_set(text: bytes) -> KeySet:
    """Read a JWK set document; ValueError if it has no usable keys."""
    document = parse_json(text)
    if not isinstance(document, dict):
        raise ValueError("a JWK set must be a JSON object")
    return parse_members(document)


def parse_members(document: Mapping[str, Any]) -> KeySet:
    """Read the members of a JWK set; ValueError if none is usable."""
    members = document.get("keys")
    if not isinstance(members, list):
        raise ValueError("keys is not an array")
    # An unusable member is not an error: issuers publish keys for encryption, and new
    # types, in the same set.
    found = [key_of_member(member) for member in members[:MAX_KEYS]]
    unusable = (m for m, key in zip(members, found, strict=False) if key is None)
    return _usable(found, frozenset(_kids(unusable)))


def _kids(members: Iterable[Any]) -> Iterator[str]:
    for member in members:
        kid = member.get("kid") if isinstance(member, dict) else None
        if isinstance(kid, str):
            yield kid


def _usable(
    found: Iterable[Key | None], unusable: frozenset[str] = frozenset()
) -> KeySet:
    listed = list(found)
    keys = tuple(key for key in listed if key is not None)
    if not keys:
        raise ValueError("no usable keys")
    return KeySet(keys, len(listed) - len(keys), unusable)


def parse_given(keys: str | Mapping[str, Any]) -> KeySet:
    """Read keys given directly: a JWK set, one JWK, or PEM; else ValueError."""
    if isinstance(keys, Mapping):
        return _set_or_one(dict(keys))
    if not isinstance(keys, str) or "-----BEGIN" not in keys:
        return _set_or_one(_document(keys))
    keys = keys.replace("\\r", "").replace("\\n", "\n")  # as in many .env files
    # A block without its end is a key that was cut off, or prose with the word BEGIN.
    end = "-----END"
    blocks = [block for block in keys.split("-----BEGIN ")[1:] if end in block]
    if not blocks:
        raise ValueError(
            "the PEM text has no END line, so it was cut off, as some env files do at "
            "a line break; write \\n for each, or use JWTGUARD_KEYS_FILE"
        )
    return _usable(key_of_pem(f"-----BEGIN {block}".encode()) for block in blocks)


def _document(text: Any) -> dict[str, Any]:
    try:
        document = parse_json(text.encode())
    except (AttributeError, ValueError):
        document = None
    if not isinstance(document, dict):
        raise ValueError(
            "neither a JWK set (JSON) nor PEM text; a path belongs in "
            "JWTGUARD_KEYS_FILE"
        )
    return document


def _set_or_one(document: Mapping[str, Any]) -> KeySet:
    return parse_members({"keys": [document]} if "kty" in document else document)
