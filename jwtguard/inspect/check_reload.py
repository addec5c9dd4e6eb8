"""Which files are checked for a reload, and whether that can change anything."""

from __future__ import annotations

from collections.abc import Iterator

from ..guard import Guard
from .routes import Finding


def reload_findings(guard: Guard) -> Iterator[Finding]:
    """Say how often files are checked; nothing if they are not."""
    every = guard.policy.reload
    if not every:
        return
    if guard.files:
        yield Finding("ok", "reload", f"every {every:g} s: {' '.join(guard.files)}")
        return
    text = "no settings file is named, or the guard was not made by Guard.from_env()"
    yield Finding("weak", "reload", f"no files are checked: {text}")
