"""Answers to refreshes that are kept for a while, and what ends that earlier.

A token that was revoked meanwhile must not come out of a memory again (RFC 7009
section 2.1): then the issuer decides, as without a memory.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Collection, Generator
from hashlib import sha256
from typing import Any, NamedTuple

from ..model.decision import Respond
from ..model.effects import Load, Save, ask_state
from ..model.encoding import parse_json

Marks = frozenset[str]
"""Digests of tokens; a revocation of any of them ends the answer."""


class Kept(NamedTuple):
    """An answer that brought tokens."""

    answer: Respond
    marks: Marks
    ended_at: float


class KeptAnswers:
    """At most *most* answers, each for *grace* seconds; the caller has a lock."""

    def __init__(self, grace: float, most: int, monotonic: Callable[[], float]) -> None:
        self._grace = grace
        self._most = most
        self._monotonic = monotonic
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._kept)

    def get(self, name: str) -> Kept | None:
        """Return the answer to the refresh of this name, and drop what is too old."""
        self._drop_old()
        return self._kept.get(name)

    def add(self, name: str, answer: Respond, marks: Marks) -> None:
        """Keep *answer*."""
        self._drop_old()
        self._kept[name] = Kept(answer, marks, self._monotonic())
        self._kept.move_to_end(name)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop(self, mark: str) -> None:
        """Drop every answer that *mark* ends."""
        for name in [n for n, kept in self._kept.items() if mark in kept.marks]:
            del self._kept[name]

    def _drop_old(self) -> None:
        now = self._monotonic()
        # They are in the order in which they came.
        while self._kept:
            name, first = next(iter(self._kept.items()))
            if now - first.ended_at < self._grace:
                return
            del self._kept[name]


def mark_of(issuer: str, token: str) -> str:
    """Return the mark of one token."""
    return sha256(json.dumps([issuer, token]).encode()).hexdigest()


def marks_in(issuer: str, answer: Respond) -> Marks:
    """Return the marks of the tokens that *answer* brings."""
    document = parse_json(answer.body)
    found = (document.get(name) for name in ("access_token", "refresh_token"))
    return frozenset(mark_of(issuer, one) for one in found if isinstance(one, str))


def end_everywhere(mark: str, seconds: float) -> Generator[Any, Any, None]:
    """Tell the other processes that a token was revoked; best effort."""
    yield Save(_key(mark), b"1", seconds)


def is_ended(marks: Collection[str]) -> Generator[Any, Any, bool]:
    """Whether any process was told so; raise ``StateUnavailableError``."""
    for mark in marks:
        if (yield from ask_state(Load(_key(mark)))) is not None:
            return True
    return False


def encoded(answer: Respond) -> bytes:
    """Return *answer* as it is sealed for other processes."""
    body = b64encode(answer.body).decode()
    return json.dumps([answer.status, answer.headers, body]).encode()


def decoded(data: bytes) -> Respond:
    """Return what was encoded."""
    status, headers, body = json.loads(data)
    fields = tuple((str(name), str(value)) for name, value in headers)
    return Respond(int(status), fields, b64decode(body))


def _key(mark: str) -> str:
    return f"relay-ended:{mark}"
