"""Patterns of origins, for previews that get their own host name (RFC 6454)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from .origins import serialized

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
"""RFC 1123 section 2.1, in lower case as browsers send it."""
_LIKE = "like https://app-*.preview.example.com"


def fits(patterns: Iterable[str], origin: str) -> bool:
    """Whether *origin* is one that a pattern names."""
    return any(_compiled(pattern).fullmatch(origin) for pattern in patterns)


def suffix_of(pattern: str) -> str:
    """Return the domain below the label with the ``*``, without a port."""
    return _host(pattern).partition("*")[2].partition(".")[2]


def origin_pattern_problem(pattern: str) -> str | None:
    """Say what is wrong with *pattern*, and what to write; None if nothing is."""
    sample = pattern.replace("*", "x")
    if not pattern.startswith("https://") or serialized(sample) != sample:
        return f"{pattern!r} is not a pattern of https origins; expected one {_LIKE}"
    if pattern.count("*") != 1 or "*" not in _host(pattern):
        return f"{pattern!r}: expected one * inside one label of the host, {_LIKE}"
    # Which domains may be registered by anybody is in a list that is read at the start;
    # a single label is one of them in any case.
    if "." not in suffix_of(pattern):
        return f"{pattern!r}: the * must be below your own domain, {_LIKE}"
    return None


def _host(pattern: str) -> str:
    return pattern.partition("://")[2].partition(":")[0]


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The ``*`` stands for what completes one label, and never for a dot."""
    # The whole label is looked at as one: neither end of it may be a hyphen, and it has
    # at most 63 characters.
    before, _, after = pattern.partition("*")
    start = max(before.rfind("."), before.rfind("/")) + 1
    end, dot, rest = after.partition(".")
    label = f"{re.escape(before[start:])}[a-z0-9-]+{re.escape(end)}"
    head, tail = re.escape(before[:start]), re.escape(dot + rest)
    return re.compile(f"{head}(?={_LABEL}[.]){label}{tail}")
