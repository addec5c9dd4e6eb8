"""Which generation of a session left last: a late answer must not bring an older one.

A slow page may answer long after a later generation was set, by another page.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from .record import Session

MOST = 4096
"""Sessions that were refreshed lately."""


class Latest:
    """The latest generation of each session that this process has refreshed."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Another thread of the parent process may have held the lock."""
        self._lock = Lock()
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def note(self, session: Session) -> None:
        """Note that *session* is about to leave."""
        with self._lock:
            known = self._known.get(session.id, 0)
            self._known[session.id] = max(known, session.generation)
            self._known.move_to_end(session.id)
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def is_latest(self, session: Session) -> bool:
        """Whether no later generation is known."""
        return self._known.get(session.id, 0) <= session.generation
