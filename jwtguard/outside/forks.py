"""Replacing the locks and threads of the parent in a forked child."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """An object with locks or threads of its process."""

    def after_fork(self) -> None:
        """Drop what belongs to the parent process."""


_waiting: weakref.WeakSet[Forked] = weakref.WeakSet()


def in_each_child(owner: Forked) -> None:
    """Call ``owner.after_fork`` in each forked child, while *owner* is alive."""
    _waiting.add(owner)


def _after_fork() -> None:
    for owner in list(_waiting):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    # gunicorn --preload and multiprocessing fork with our locks in whatever state they
    # are.
    os.register_at_fork(after_in_child=_after_fork)
