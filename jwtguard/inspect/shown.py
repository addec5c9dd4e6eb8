"""What ``jwtguard explain`` prints: one line for each check, safe on a terminal."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what was expected, what was found, and what may help.

    Control characters are escaped here, wherever a text comes from.
    """

    name: str
    passed: bool
    expected: str = ""
    found: str = ""
    reason: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "expected", "found", "hint"):
            object.__setattr__(self, name, escaped(getattr(self, name)))

    def as_dict(self) -> dict[str, Any]:
        """Return the check for JSON."""
        return asdict(self)


def failed(name: str, reason: str, expected: str, found: str, hint: str = "") -> Check:
    """Return a check that did not pass."""
    return Check(
        name=name,
        passed=False,
        expected=expected,
        found=found,
        reason=reason,
        hint=hint,
    )


def escaped(text: str) -> str:
    """Return *text* with escapes for whatever does not print as itself.

    Among it are terminal escapes, line breaks, and the marks that turn the direction
    of writing (Unicode Technical Report 36, section 2.8).
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def value_text(value: object) -> str:
    """Return a claim's value in words; a long one is cut."""
    if isinstance(value, str) and value and value == value.strip():
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... (cut)"


def moment(seconds: float) -> str:
    """Return the date and time of *seconds* since the epoch; empty if out of reach."""
    try:
        date = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return date.strftime("%Y-%m-%d %H:%M:%S")
