"""Secrets of this application, and the keys that are derived from them (RFC 5869).

Each use has its own label and so its own keys: what one use signs or seals is
invalid for another.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .validation import Problems

LEAST = 32
"""Bytes of a secret."""
DISTINCT = 16
"""Different bytes that a random secret has at least."""
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")


def derive(secrets: Iterable[str], label: str, length: int = 32) -> tuple[bytes, ...]:
    """Return a key of *length* bytes for each of *secrets*, by HKDF-SHA256 and *label*.

    *secrets* are those of a policy. The first key makes, all of them read.
    """
    info = b"jwtguard " + label.encode()
    return tuple(
        HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(
            _decoded(secret)
        )
        for secret in secrets
    )


def secrets_of(value: Any, problems: Problems) -> tuple[str, ...]:
    """Check the secrets; no problem repeats one."""
    listed = (value,) if isinstance(value, str) else value
    if not isinstance(listed, Iterable) or isinstance(listed, bytes | Mapping):
        problems.add(("secrets",), "(secret): must be a list of strings")
        return ()
    found = tuple(listed)
    for number, secret in enumerate(found, 1):
        if problem := _problem(secret):
            problems.add(("secrets",), f"(secret) number {number}: {problem}")
    # Twice the same secret would cost two derivations and change nothing.
    return tuple(dict.fromkeys(s for s in found if isinstance(s, str)))


def _problem(secret: object) -> str | None:
    make = "make one with `jwtguard secret`"
    if not isinstance(secret, str) or not _BASE64URL.fullmatch(secret):
        return f"not valid base64url; {make}"
    try:
        data = _decoded(secret)
    except ValueError:
        return f"not valid base64url; {make}"
    if len(data) < LEAST:
        return f"{len(data)} bytes are too few; at least {LEAST}: {make}"
    # Of 32 random bytes fewer than 16 are distinct once in 10^16 tries; a typed or
    # repeated text nearly always has fewer.
    if len(set(data)) < DISTINCT:
        return f"not random; {make}"
    return None


def _decoded(secret: str) -> bytes:
    text = secret.rstrip("=")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
