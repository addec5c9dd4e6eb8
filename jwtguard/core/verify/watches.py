"""Open connections, which end when their token is revoked."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from threading import Lock

from .entries import Entry, Key, Marks, short


class Watch:
    """An open connection. ``ended`` is done when its token was revoked.

    ``ends``: when its token expires, in seconds since the epoch.
    """

    __slots__ = ("ended", "ends", "keys", "marks")

    def __init__(self, marks: Marks, ends: float, session: str = "") -> None:
        self.marks = marks
        self.ends = ends
        self.ended: Future[None] = Future()
        self.keys = [
            (kind, marks.issuer, short(value)) for kind, value in marks.named()
        ]
        if session:  # of which the token may be an earlier one
            self.keys.append(("token", marks.issuer, session))

    def is_over(self, now: float) -> bool:
        """Whether the token was revoked, or has expired."""
        return self.ended.done() or now >= self.ends


class Watches:
    """The open connections, by what their tokens can be revoked."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: connections belong to the parent process."""
        self._lock = Lock()
        self._by_key: dict[Key, set[Watch]] = {}

    def add(self, watch: Watch) -> None:
        """Hold *watch* until it is removed."""
        with self._lock:
            for key in watch.keys:
                self._by_key.setdefault(key, set()).add(watch)

    def all(self) -> set[Watch]:
        """Return every open connection."""
        with self._lock:
            return {watch for found in self._by_key.values() for watch in found}

    def remove(self, watch: Watch) -> None:
        """Forget *watch*."""
        with self._lock:
            for key in watch.keys:
                watches = self._by_key.get(key, set())
                watches.discard(watch)
                if not watches:
                    self._by_key.pop(key, None)

    def end(self, entry: Entry) -> None:
        """End each connection whose token *entry* hits."""
        key = (entry.kind, entry.issuer, short(entry.value))
        # Without the lock, as most revocations hit no open connection.
        if key not in self._by_key:
            return
        with self._lock:
            found = list(self._by_key.get(key, ()))
        # Outside the lock: a callback of the future may remove its watch.
        for watch in found:
            if entry.hits(watch.marks.issued_at):
                end(watch)


def end(watch: Watch) -> None:
    """End one connection, once."""
    try:
        watch.ended.set_result(None)
    except InvalidStateError:  # another thread was first
        return
