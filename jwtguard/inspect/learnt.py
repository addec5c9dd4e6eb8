"""What a log proposes: origins, clients and paths that more than one subject uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..core.model.origins import is_plain, serialized
from ..core.model.patterns import AMBIGUOUS
from ..reasons import REASONS
from .learn_log import Event

_FEWEST = 2
"""Subjects. What one alone has sent may be an attack, or somebody's mistake."""
_SIBLINGS = 3
"""Paths that differ in one segment, each of one subject: the segment names people."""
_MOST = 10_000
"""Different entries. Strangers choose origins, and a log may hold any number."""
_RULE = re.compile(r"(?:/(?:[A-Za-z_-]+|v[0-9]+|\*))+|/")
_METHOD = re.compile(r"[A-Z]+")


class Key(NamedTuple):
    """What is proposed, or refused: the fields that do not matter are empty."""

    reason: str
    method: str = ""
    rule: str = ""
    issuer: str = ""
    client_id: str = ""
    origin: str = ""


@dataclass(slots=True)
class Seen:
    """How often, when and by how many."""

    count: int = 0
    first: str = ""
    last: str = ""
    subjects: set[str] = field(default_factory=set)

    def add(self, count: int, days: Iterable[str], subjects: Iterable[str]) -> None:
        """Add what was seen elsewhere."""
        self.count += count
        for day in filter(None, days):
            self.first = min(self.first or day, day)
            self.last = max(self.last, day)
        self.subjects.update(subjects)

    def merge(self, other: Seen) -> None:
        """Add all of *other*."""
        self.add(other.count, (other.first, other.last), other.subjects)


class Learnt:
    """The proposals of one log, and what they would not let pass."""

    def __init__(self, events: Iterable[Event]) -> None:
        found: dict[Key, Seen] = {}
        self.left_out = 0
        """Events that are neither proposed nor listed, as there were too many kinds."""
        for event in events:
            key = _key_of(event)
            if key not in found and len(found) >= _MOST:
                self.left_out += 1
                continue
            # Two issuers may have a subject of one name, and marks are short.
            mark = event.text("subject")
            marks = (f"{event.text('issuer')} {mark}",) if mark else ()
            found.setdefault(key, Seen()).add(1, (event.day,), marks)
        self.seen = _merged(found)

    @property
    def clients(self) -> dict[Key, Seen]:
        """Clients and origins to list."""
        kinds = ("client_not_listed", "foreign_origin")
        return {k: s for k, s in self.seen.items() if k.reason in kinds and _good(k, s)}

    @property
    def scopes(self) -> dict[Key, Seen]:
        """Paths to open for any token."""
        return {
            k: s for k, s in self.seen.items() if k.reason == "no_rule" and _good(k, s)
        }

    @property
    def refused(self) -> Iterator[tuple[Key, Seen, str]]:
        """Yield what would still be refused, and why it is not proposed."""
        for key, seen in self.seen.items():
            why = problem_of(key, seen)
            if why:
                yield key, seen, why


def problem_of(key: Key, seen: Seen) -> str:
    """Say why *key* is not proposed; empty if it is."""
    if key.reason not in _PROBLEMS:
        known = REASONS.get(key.reason)
        return (
            known.hint if known else ""
        ) or "no setting of a client or path opens it"
    problem = _PROBLEMS[key.reason](key)
    if problem:
        return problem
    if len(seen.subjects) < _FEWEST:
        return "seen from one subject only"
    return ""


def _good(key: Key, seen: Seen) -> bool:
    return not problem_of(key, seen)


def _client_problem(key: Key) -> str:
    return "" if key.client_id else "its tokens name no client"


def _origin_problem(key: Key) -> str:
    if problem := _client_problem(key):
        return problem
    if key.origin == "null":
        return "null is the origin of any sandboxed page"
    if serialized(key.origin) != key.origin:
        return "not a valid origin"
    return "a page over plain http can be changed on the way" * is_plain(key.origin)


def _path_problem(key: Key) -> str:
    if not _RULE.fullmatch(key.rule) or AMBIGUOUS.search(key.rule):
        return "not a pattern that can be proposed"
    if key.rule.startswith("/*"):
        return "a rule for it would open every path: write one by hand"
    return "" if _METHOD.fullmatch(key.method) else "not a common method"


def _cookie_problem(_: Key) -> str:
    return "cookies need an origin with credentials = true in [[clients]]"


def _method_problem(_: Key) -> str:
    return "list the method in `methods` of [[clients]]"


_PROBLEMS = {
    "cross_site": _cookie_problem,
    "method_not_allowed_for_client": _method_problem,
    "client_not_listed": _client_problem,
    "foreign_origin": _origin_problem,
    "no_rule": _path_problem,
}


def _key_of(event: Event) -> Key:
    reason, method = event.text("reason"), event.text("method").upper()
    issuer, client_id = event.text("issuer"), event.text("client_id")
    if reason == "no_rule":
        # A rule for GET applies to HEAD too.
        method = "GET" if method == "HEAD" else method
        return Key(reason, method, event.text("rule"))
    if reason == "client_not_listed":
        return Key(reason, issuer=issuer, client_id=client_id)
    if reason in ("foreign_origin", "cross_site"):
        origin = event.text("origin")
        return Key(reason, issuer=issuer, client_id=client_id, origin=origin)
    return Key(reason, method, event.text("rule"), issuer, client_id)


def _merged(found: dict[Key, Seen]) -> dict[Key, Seen]:
    """Put ``*`` for a segment that each subject has a value of its own for."""
    merged = dict(found)
    groups: dict[Key, list[Key]] = {}
    for key, seen in found.items():
        if key.reason == "no_rule" and len(seen.subjects) < _FEWEST:
            for wider in _wider(key):
                groups.setdefault(wider, []).append(key)
    # What an earlier group has taken in is not counted once more in a later one.
    for wider, keys in groups.items():
        left = [key for key in keys if key in merged]
        if len(left) < _SIBLINGS:
            continue
        seen = merged.setdefault(wider, Seen())
        for key in left:
            seen.merge(merged.pop(key))
    return merged


def _wider(key: Key) -> Iterator[Key]:
    """Yield patterns with one more ``*``; never in the first segment."""
    parts = key.rule.split("/")
    for at in range(2, len(parts)):
        if parts[at] != "*":
            yield key._replace(rule="/".join([*parts[:at], "*", *parts[at + 1 :]]))
