"""The handlers that every application has: each notes that it ran."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

HANDLERS = {
    "root": "/",
    "healthz": "/healthz",
    "report": "/admin/report",
    "keys": "/users/*/keys",
    "note": "/notes/*",
    "static": "/static/**",
    "list": "/static",
}
"""Name and path: ``*`` is a parameter of one segment, ``**`` one of all that follow."""
_RAN: list[str] = []


def ran(name: str) -> str:
    """Note that the handler *name* runs."""
    _RAN.append(name)
    return name


@contextmanager
def watched() -> Iterator[list[str]]:
    """Give a list of the handlers that have run by the end."""
    _RAN.clear()
    yield _RAN


def written(one: str, rest: str) -> dict[str, str]:
    """Return all paths in the syntax of a framework."""
    kinds = {"*": one, "**": rest}
    return {
        name: "/".join(kinds.get(part, part) for part in path.split("/"))
        for name, path in HANDLERS.items()
    }
