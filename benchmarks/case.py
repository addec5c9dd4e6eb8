"""One figure of the measurements in one process, and all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .timing import Run


@dataclass(frozen=True)
class Case:
    """One figure: *who* answers *what*. *base* names what is taken off, if anything."""

    what: str
    who: str
    run: Run
    base: str | None = None
    before: Callable[[], object] = lambda: None


@dataclass
class Cases:
    """Everything that is measured, and what could not be."""

    hot: list[Case] = field(default_factory=list)
    """The same call over and over."""
    between: list[Case] = field(default_factory=list)
    """Short blocks between those of the others, as in a server: see ``between``."""
    left_out: dict[str, str] = field(default_factory=dict)
