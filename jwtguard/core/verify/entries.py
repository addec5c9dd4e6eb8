"""One revocation, how it travels, and by what a token can be revoked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from math import floor, isfinite
from typing import Any, Literal, NamedTuple, get_args

from ..model.facts import Facts
from .jose import is_opaque

Kind = Literal["token", "jti", "sid", "subject", "sub", "client", "issuer"]
KINDS: tuple[str, ...] = get_args(Kind)
REASONS = {
    "token": "revoked_token",
    "jti": "revoked_token",
    "sid": "revoked_session",
    "subject": "revoked_subject",
    "sub": "revoked_subject",
    "client": "revoked_before",
    "issuer": "revoked_before",
}
"""Why a token is refused, by the kind of the entry that hits it."""
TIMED = frozenset({"sid", "subject", "sub", "client", "issuer"})
"""Kinds that hit only tokens issued at or before a time."""
PACKED = frozenset({"token", "jti", "sid"})
"""Kinds that may be packed without a shared state: a new sign-in brings another value,
so that an answer without a time does no harm."""
PACKED_IF_SHARED = PACKED | {"subject", "sub", "client"}
"""Kinds that may be packed where the shared state knows the time."""
Key = tuple[str, str, str]
"""Kind, issuer and value."""
LONGEST = 2048
"""Characters of a value. Longer ones are named by their hash."""


class Entry(NamedTuple):
    """One revocation. Times are in seconds since the epoch.

    ``value`` is a token's digest, its ``jti`` or ``sid``, the subject of its principal
    (``subject``) or its claim ``sub``, a client's id, or empty for a whole issuer.
    ``before``: tokens issued at or before it are hit. ``until``: no token that is hit
    can be good any more.
    """

    kind: str
    issuer: str
    value: str
    before: float
    until: float

    def encoded(self) -> bytes:
        """Return the entry as it travels to the other processes: JSON."""
        entry = self._replace(value=short(self.value))
        return json.dumps([1, *entry], separators=(",", ":")).encode()

    @property
    def name(self) -> str:
        """A key of its own in the shared state."""
        return key_of(self.kind, self.issuer, short(self.value))

    def hits(self, issued_at: float | None) -> bool:
        """Whether the entry's time bound hits a token that bears its value."""
        return bound(self.kind, issued_at, self.before)


def decoded(data: bytes) -> Entry | None:
    """Return the entry that *data* encodes, or None for anything else.

    The stream may hold what a later version wrote.
    """
    try:
        # Write access to the store allows ending sessions, but must not allow ending a
        # worker.
        version, kind, issuer, value, before, until = json.loads(data)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = isinstance(issuer, str) and isinstance(value, str)
    if version != 1 or kind not in KINDS or not texts:
        return None
    kind = KINDS[KINDS.index(kind)]  # one string for all entries
    if not _is_time(before) or not _is_time(until):
        return None
    return Entry(kind, issuer, value, float(before), float(until))


def _is_time(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # json.loads reads NaN and Infinity; an entry with them would never be dropped.
    return number and abs(value) < 1e15 and isfinite(value)


def key_of(kind: str, issuer: str, value: str) -> str:
    """Return the name of an entry in the shared state: bounded, and not readable."""
    # Hashed: `sub` and `sid` are personal data, and the names of keys show up in
    # monitoring.
    member = json.dumps([kind, issuer, value])
    return "revoked:" + sha256(member.encode("utf-8", "surrogatepass")).hexdigest()


class Marks(NamedTuple):
    """By what a token can be revoked: what its issuer signed, and its digest.

    ``issued_at`` is None for a token without ``iat``: every time bound hits it, since
    nothing shows that it is newer.
    """

    issuer: str
    token: str
    jti: str | None
    sid: str | None
    subject: str
    sub: str | None
    client: str | None
    issued_at: float | None

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield kind and value of each entry that would hit the token."""
        yield "token", self.token
        for kind, value in (
            ("jti", self.jti),
            ("sid", self.sid),
            ("subject", self.subject or None),
            ("sub", self.sub),
            ("client", self.client),
        ):
            if value is not None:
                yield kind, value
        yield "issuer", ""


def marks_of(facts: Facts, token: str) -> Marks:
    """Return by what the verified *token* can be revoked."""
    # Asked once for each new revocation: not kept for each token.
    claims = json.loads(facts.payload)
    return Marks(
        facts.issuer,
        digest_of(token),
        claims.get("jti") or None,  # a string, once checked
        facts.sid,
        facts.subject,
        facts.sub,
        facts.client_id,
        claims.get("iat"),
    )


def digest_of(token: str) -> str:
    """Return the SHA-256 of what was signed, in hexadecimal; of an opaque token, all.

    The signature is left out: of one ECDSA signature anybody can make another one.
    """
    text = token if is_opaque(token) else token.rpartition(".")[0]
    return sha256(text.encode()).hexdigest()


def bound(kind: str, issued_at: float | None, before: float) -> bool:
    """Whether a time bound hits the token."""
    # Down, as time bounds are in whole seconds: a token issued in the second of a
    # sign-out ends, even if it came a moment later.
    return kind not in TIMED or issued_at is None or floor(issued_at) <= before


def short(value: str) -> str:
    if len(value) <= LONGEST:
        return value
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
