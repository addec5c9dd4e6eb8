"""What has to be done in the child after a fork: locks and threads are the parent's."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

_waiting: set[weakref.WeakMethod[Callable[[], None]]] = set()


def in_each_child(method: Callable[[], None]) -> None:
    """Call *method* in each forked child, while its object is alive."""
    _waiting.add(weakref.WeakMethod(method, _waiting.discard))


def _after_fork() -> None:
    for reference in list(_waiting):
        method = reference()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    # gunicorn --preload and multiprocessing fork with our locks in whatever state they
    # are.
    os.register_at_fork(after_in_child=_after_fork)
