"""What a setting may say: names, numbers, origins and URLs, checked in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import ConfigurationError, Problem

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 section 5.6.2."""
HOST = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"
)
"""RFC 3986 section 3.2.2: a name or an address, without port or brackets."""
_LIKE_JSON = re.compile(r"""["'{]|\[(?![0-9A-Fa-f:.]+\])""")
"""JSON or quotes; ``[::1]`` is an address."""


def quoted(text: str, longest: int = 64) -> str:
    """Return *text* for the log: in quotes, cut off, control characters escaped."""
    return ascii(text[:longest])


def json_problem(text: str) -> str | None:
    """Say what to write in place of JSON or quotes; None if *text* is neither."""
    text = text.strip()
    if not _LIKE_JSON.match(text):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list) and all(isinstance(i, str) and i for i in found):
        return f"JSON is not read here; write {' '.join(found)}"
    if text[0] in "\"'":
        bare = text.strip(text[0])
        if " " in bare:
            return (
                "the quotes are part of the value, and without them it would be "
                f"several values: write it in a TOML file, as {json.dumps([bare])}"
            )
        return f"the quotes are part of the value; write {bare}"
    return "JSON is not read here; write plain values, separated by spaces"


NOT_EMPTY = "must be a non-empty string"
Where = tuple[str, ...]
"""What leads to a value: see ``Problem``."""


class Problems(list[Problem]):
    """Collects what is wrong, so that it can be told all at once."""

    def add(self, where: Where, text: str) -> None:
        self.append(Problem(text, *where))

    def check(self, good: object, where: Where, text: str) -> None:
        if not good:
            self.add(where, text)

    def check_flag(self, where: Where, value: object) -> None:
        self.check(isinstance(value, bool), where, "must be true or false")

    def check_text(self, where: Where, value: object) -> None:
        """Check what is a non-empty string or None."""
        good = value is None or (isinstance(value, str) and value)
        self.check(good, where, f"{value!r}: {NOT_EMPTY}")

    def raise_if_any(self) -> None:
        if self:
            raise ConfigurationError(*self)


def strings(value: Any, where: Where, problems: Problems) -> tuple[str, ...]:
    """Read one string, or several: neither empty ones nor other types."""
    listed = (value,) if isinstance(value, str) else value
    if not isinstance(listed, Iterable) or isinstance(listed, bytes | Mapping):
        problems.add(where, f"must be a list of strings, not {value!r}")
        return ()
    found = tuple(listed)
    for item in found:
        if not isinstance(item, str) or not item:
            problems.add(where, f"{item!r}: {NOT_EMPTY}")
        elif problem := json_problem(item):
            problems.add(where, f"{item!r}: {problem}")
    return tuple(item for item in found if isinstance(item, str) and item)


def header_names(value: Any, where: Where, problems: Problems) -> tuple[str, ...]:
    """Read names of header fields, each of them once."""
    found = strings(value, where, problems)
    for name in found:
        # The Fetch standard: `*` does not cover Authorization, and means nothing beside
        # credentials, so it would not do what it seems to.
        good = TOKEN.fullmatch(name) is not None and name != "*"
        problems.check(good, where, f"{name!r} is not a valid header name")
    return tuple(dict.fromkeys(found))


def set_frozen(owner: object, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(owner, name, value)


def check_number(
    problems: Problems,
    where: Where,
    value: object,
    least: float,
    *,
    whole: bool = False,
) -> None:
    kinds = int if whole else int | float
    # True is an int in Python.
    good = isinstance(value, kinds) and not isinstance(value, bool)
    # Written so that NaN fails: every comparison with it is false.
    if not good or not least <= value < 1e12:  # type: ignore[operator]
        kind = "whole number" if whole else "number"
        text = f"{value!r} is not valid; expected a {kind} of at least {least:g}"
        problems.add(where, text)
