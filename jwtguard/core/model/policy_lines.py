"""A policy as lines of text: to compare two of them, and to name one by its hash."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from .policy_fields import PolicyFields

_NAMES = ("url", "id", "path", "name")
"""What an issuer, a client or a rule is called by."""
_LENGTH = 16


def policy_lines(policy: PolicyFields) -> frozenset[str]:
    """Return a line for each value that is not the default.

    Of secrets there is only whether they are set.
    """
    return frozenset(_of_fields(policy, ""))


def policy_hash(policy: PolicyFields) -> str:
    """Return what is the same in all processes that enforce the same policy."""
    text = "\n".join(sorted(policy_lines(policy)))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]


def _of_fields(value: Any, prefix: str, named: str = "") -> Iterator[str]:
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        if not field.init or found == field.default or field.name == named:
            continue
        # What `repr` leaves out is a secret, and its hash could be guessed.
        if field.repr:
            yield from _of(found, f"{prefix}{field.name}")
        else:
            yield f"{prefix}{field.name}: set"


def _of(value: Any, prefix: str) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        named = next(
            (n for n in _NAMES if isinstance(getattr(value, n, None), str)), ""
        )
        title = f"{prefix} {getattr(value, named, '')}".rstrip()
        yield title
        yield from _of_fields(value, f"{title}: ", named)
    elif isinstance(value, Mapping):
        for key in value:
            yield from _of(value[key], f"{prefix} {key}")
    elif isinstance(value, frozenset | set | tuple | list):
        for item in value:
            yield from _of(item, prefix)
    else:
        yield f"{prefix} {value}"
