"""The latest generation of each session whose cookie this process has sent.

A slow response must not replace the newer cookie that a faster response has set.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from .record import Session

MOST = 4096
"""Sessions that a process remembers."""


class Latest:
    """The latest generation of each session that this process has refreshed."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Replace the lock, which another thread of the parent process may hold."""
        self._lock = Lock()
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def note(self, session: Session) -> None:
        """Note that the cookie of *session* is about to be sent."""
        with self._lock:
            known = self._known.get(session.id, 0)
            self._known[session.id] = max(known, session.generation)
            self._known.move_to_end(session.id)
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def is_latest(self, session: Session) -> bool:
        """Whether *session* is the latest known generation."""
        return self._known.get(session.id, 0) <= session.generation
