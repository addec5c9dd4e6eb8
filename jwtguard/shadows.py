"""The file of a second policy: the same settings as the first, with other rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .core.model.policy_fields import SHADOWED
from .errors import Problem
from .options import BY_NAME
from .sources import Source, read_toml

NAME = "shadow_config"
_VARIABLE = BY_NAME[NAME].variable


def take_path(file: Source, variables: Source) -> str:
    """Take the path of the file out of both sources; empty if there is none."""
    named = [source.values.pop(NAME, "") for source in (variables, file)]
    return next((path for path in named if path), "")


def shadow_sources(path: str, file: Source, variables: Source) -> tuple[Source, Source]:
    """Return both sources with the rules of the file at *path* in place of their own.

    What is wrong with the file is in ``problems`` of the first.
    """
    found = read_toml(path, _VARIABLE)
    present = {**file.values, **variables.values}
    rules = {name: value for name, value in found.values.items() if name in SHADOWED}
    problems = list(found.problems)
    for name, value in found.values.items():
        if name not in SHADOWED and _plain(value) != _plain(present.get(name)):
            text = f"differs from the first policy; only {' '.join(SHADOWED)} may"
            problems.append(Problem(text, found.places[name]))
    first = replace(
        file,
        values={**file.values, **rules},
        places={**file.places, **{name: found.places[name] for name in rules}},
        problems=problems,
        unread=file.unread | found.unread,
    )
    # A variable wins over the first file, not over this one. Refresh tokens are no
    # concern of a second policy, and may name clients that it does not have.
    over = set(rules) | ({"refresh_clients"} if "clients" in rules else set())
    kept = {n: value for n, value in variables.values.items() if n not in over}
    return first, replace(variables, values=kept, problems=[])


def _plain(value: Any) -> Any:
    """Return *value* so that those of a variable and of a file compare."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
