"""Reading events from a log: JSON lines, or the text that ``logging`` writes."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

WOULD_REFUSE = "would_refuse"
_VALUE = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s'"]\S*"""
_FIELD = re.compile(rf" ([a-z_]+)=({_VALUE})")
_EVENT = re.compile(rf"(?:^|[\s:\]])([a-z]+(?:_[a-z]+)*)((?: [a-z_]+=(?:{_VALUE}))+)$")
_DAY = re.compile(r"\b[0-9]{4}-[01][0-9]-[0-3][0-9]")
_TIMES = ("time", "timestamp", "@timestamp", "asctime", "ts", "created")
_TEXTS = ("message", "msg")
_LONGEST = 20_000
"""Characters of a line; no event is longer."""


class Event(NamedTuple):
    """One line of the log: an event, and the day on which it happened."""

    name: str
    day: str
    """As in ISO 8601; empty if the line does not say it."""
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return a field, or an empty string if it is missing or no text."""
        found = self.fields.get(name)
        return found if isinstance(found, str) else ""


class Counted:
    """What a log holds beside the events that are learnt from."""

    def __init__(self) -> None:
        self.others: Counter[str] = Counter()
        """Other events, by name."""
        self.unknown = 0
        """Lines in which no event was found."""


def read_events(lines: Iterable[str], counted: Counted) -> Iterable[Event]:
    """Yield each ``would_refuse``, and count everything else."""
    for line in lines:
        text = line.strip()
        event = _event(text) if 0 < len(text) <= _LONGEST else None
        if event is not None and event.name == WOULD_REFUSE:
            yield event
        elif event is not None:
            counted.others[event.name] += 1
        elif text:
            counted.unknown += 1


def _event(line: str) -> Event | None:
    if not line.startswith("{"):
        return _from_text(line, line)
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    when = next((_day(found[name]) for name in _TIMES if name in found), "")
    if isinstance(found.get("event"), str):
        return Event(found["event"], when, found)
    # Other formatters put the whole text into one member.
    texts = (found[name] for name in _TEXTS if isinstance(found.get(name), str))
    event = next((e for text in texts if (e := _from_text(text, ""))), None)
    return event._replace(day=when) if event else None


def _from_text(text: str, dated: str) -> Event | None:
    """Read ``would_refuse reason='no_rule' rule='/notes'``, whatever stands before."""
    match = _EVENT.search(text)
    if match is None:
        return None
    fields = {name: _value(value) for name, value in _FIELD.findall(match[2])}
    return Event(match[1], _day(dated[: match.start()] if dated else ""), fields)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _day(when: object) -> str:
    if isinstance(when, str):
        found = _DAY.search(when)
        return found[0] if found else ""
    if isinstance(when, bool) or not isinstance(when, int | float):
        return ""
    seconds = when if 0 < when < 1e11 else 0  # milliseconds are out of reach
    return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds else ""
