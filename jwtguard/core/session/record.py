"""The record of a session, and its encoding as bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from .packing import Reader, blob_of, packed, time

ID_LENGTH = 16
"""Length of a session's id, in bytes."""
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session. Times are in seconds since the epoch, by this server's clock.

    ``generation`` grows with each refresh. ``access_ends`` is the token's own ``exp``.
    """

    id: bytes = field(repr=False)
    generation: int
    issuer: str
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    obtained_at: float
    """When the access token was received."""
    access_ends: float
    started_at: float
    """When the visitor signed in."""
    ends_at: float
    """When the session ends, however often it is refreshed."""

    @property
    def name(self) -> str:
        """A digest of the id, for places where the id must not be shown."""
        return name_of(self.id)

    @property
    def mark(self) -> str:
        """The name under which the session is revoked, like a token's digest."""
        return mark_of(self.id)

    def encoded(self) -> bytes:
        """Return the session as bytes."""
        if len(self.id) != ID_LENGTH:
            raise ValueError("wrong length of the id")
        times = (self.obtained_at, self.access_ends, self.started_at, self.ends_at)
        return b"".join(
            (
                bytes((_VERSION,)),
                self.id,
                self.generation.to_bytes(4, "big"),
                *map(time, times),
                blob_of(self.issuer.encode()),
                packed(self.access),
                packed(self.refresh),
            )
        )


def name_of(identity: bytes) -> str:
    return sha256(identity).hexdigest()


def mark_of(identity: bytes) -> str:
    return f"session:{name_of(identity)}"


def decoded(data: bytes) -> Session:
    """Return the session that *data* encodes; raise ``ValueError``."""
    reader = Reader(data)
    if reader.number(1) != _VERSION:
        raise ValueError("another version")
    identity, generation = reader.take(ID_LENGTH), reader.number(4)
    obtained_at, access_ends, started_at, ends_at = (
        reader.number(8) / 1000 for _ in range(4)
    )
    issuer, access, refresh = reader.blob().decode(), reader.token(), reader.token()
    if access is None or reader.left:
        raise ValueError("not a session")
    found = Session(
        id=identity,
        generation=generation,
        issuer=issuer,
        access=access,
        refresh=refresh,
        obtained_at=obtained_at,
        access_ends=access_ends,
        started_at=started_at,
        ends_at=ends_at,
    )
    if found.encoded() != data:
        raise ValueError("not the canonical encoding of this session")
    return found
