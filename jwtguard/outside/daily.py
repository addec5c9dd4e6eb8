"""A warning while rules are only reported: at the start, and once a day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_DAY = 86400.0


def warn_of(words: Sequence[str], emit: Callable[..., None]) -> None:
    """Warn of ``JWTGUARD_REPORT_ONLY``, if it is set."""
    if words:
        emit("report_only", kinds=" ".join(words))


def reminding(
    emit: Callable[..., None], words: Sequence[str], now: Callable[[], float]
) -> Callable[..., None]:
    """Return *emit*, which also warns of ``JWTGUARD_REPORT_ONLY`` once a day.

    No thread runs for it: it looks at the time when something else is told, and a
    process that has requests fetches keys more than once a day.
    """
    if not words:
        return emit
    # Empty while a thread warns: taking the only item is atomic, and needs no lock that
    # a fork could leave closed.
    due = [now() + _DAY]

    def emit_and_remind(event: str, **fields: Any) -> None:
        emit(event, **fields)
        if due and now() >= due[-1]:
            due.clear()
            due.append(now() + _DAY)
            warn_of(words, emit)

    return emit_and_remind
