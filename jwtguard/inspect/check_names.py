"""Variables whose name is almost that of a setting, so that nothing reads them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from ..options import CONFIG, PREFIX, SETTINGS
from .routes import Finding

_NAMES = frozenset({CONFIG, *(setting.variable for setting in SETTINGS)})
_ENOUGH = 0.75
"""Similarity of the first word and of the rest; other programs have names, too."""


def misnamed(names: Iterable[str]) -> Iterator[Finding]:
    """Yield a warning for each variable that was probably meant for the guard."""
    for name in sorted(names):
        if (meant := _meant(name)) is not None:
            text = f"is not read: its name is almost {meant}"
            yield Finding("weak", "environment", f"{name} {text}")


def _meant(name: str) -> str | None:
    if name.startswith(PREFIX):
        return None  # it is read, or refused
    whole = name.upper().replace("JWT_GUARD", "JWTGUARD").removesuffix("_FILE")
    prefix, _, rest = whole.partition("_")
    if _likeness(f"{prefix}_", PREFIX) < _ENOUGH:
        return None
    near = difflib.get_close_matches(PREFIX + rest, _NAMES, 1, _ENOUGH + 0.1)
    return near[0] if near else None


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()
