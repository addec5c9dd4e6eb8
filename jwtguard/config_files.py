"""The files that settings come from: read again once they have changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from math import inf

from .core.model.policy import Policy
from .errors import ConfigurationError
from .settings import load_policy
from .sources import named_files

Stamp = tuple[tuple[int, int, int] | None, ...]


class ConfigFiles:
    """Looks at the files that *environ* names, and reloads when one has changed.

    *environ* is that of the start: variables of a running process do not change.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        reload: Callable[[Policy], None],
        monotonic: Callable[[], float],
        emit: Callable[..., None],
    ) -> None:
        self._environ = dict(environ)
        self._reload = reload
        self._monotonic = monotonic
        self._emit = emit
        self._every = inf
        self.due = inf
        """When to look next, in monotonic seconds."""
        self.after_fork()
        self.paths = named_files(self._environ)
        self._seen = self._stamp()

    def after_fork(self) -> None:
        """The thread of the parent process does not exist here."""
        self._lock = threading.Lock()
        self.loading: threading.Thread | None = None

    def look_every(self, seconds: float) -> None:
        """Set the pause between two looks; 0 is never."""
        self._every = seconds or inf
        self.due = self._monotonic() + self._every

    def _stamp(self) -> Stamp:
        return tuple(map(_stamp_of, self.paths))

    def look(self) -> None:
        """Start to load if a file has changed; a request never waits for it."""
        self.due = self._monotonic() + self._every
        if self._stamp() == self._seen:
            return
        with self._lock:
            if self.loading is not None and self.loading.is_alive():
                return
            thread = threading.Thread(
                target=self.load, name="jwtguard-reload", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # too many threads; the next look tries again
                return
            self.loading = thread

    def load(self) -> None:
        """Load what the files say now, unless somebody is still writing them."""
        before = self._stamp()
        problem, policy = "", None
        try:
            policy = load_policy(self._environ)
        except ConfigurationError as error:
            problem = str(error)
        # Half a file may be a valid one: with fewer tables at its end.
        if self._stamp() != before:
            return
        self._seen = before  # a file that is wrong is told once
        if policy is not None:
            try:
                self._reload(policy)
            except ConfigurationError as error:
                problem = str(error)
        if problem:
            self._emit("reload_failed", problem=problem)
            return
        # Other files may be named now, by other issuers.
        self.paths = named_files(self._environ)
        self._seen = self._stamp() if len(self.paths) != len(before) else before


def _stamp_of(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # half the time, on requests
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
