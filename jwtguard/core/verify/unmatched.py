"""Counting logouts whose ``sid`` or ``sub`` does not match any token."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from .entries import Entry
from .keys import Emit

PATIENCE = 3600.0
"""Seconds after a logout in which a token that it ends may still arrive."""


class Unmatched:
    """Logouts of each issuer since the last one that ended a token.

    A single one means little: the user may not have called this API at all. So the
    event is emitted if no logout of an issuer has ended a token for an hour.
    """

    def __init__(self, now: Callable[[], float], emit: Emit) -> None:
        self._now = now
        self._emit = emit
        self.after_fork()

    def after_fork(self) -> None:
        """Start again: the parent process reports its own logouts."""
        self._lock = Lock()
        self._open: dict[str, tuple[float, int]] = {}

    def received(self, issuer: str) -> None:
        """Count a logout that has ended no token so far."""
        with self._lock:
            since, count = self._open.get(issuer, (self._now(), 0))
            self._open[issuer] = since, count + 1

    def note(self, entry: Entry | None) -> None:
        """Note that *entry* has ended a token, by a session or a subject."""
        if self._open and entry is not None and entry.kind in ("sid", "sub"):
            with self._lock:
                self._open.pop(entry.issuer, None)

    def tell(self) -> None:
        """Report issuers whose logouts have not ended any token for an hour."""
        if not self._open:
            return
        due = self._now() - PATIENCE
        with self._lock:
            found = {url: n for url, (since, n) in self._open.items() if since <= due}
            for url in found:
                del self._open[url]
        for url, count in found.items():
            self._emit("logout_unmatched", issuer=url, logouts=count)
