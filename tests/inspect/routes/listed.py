"""What ``jwtguard check`` says of an application, ready to be compared."""

from __future__ import annotations

from typing import Any

from jwtguard.inspect.check_policy import check_app
from jwtguard.inspect.routes.report import Row

Table = dict[str, str]


def table(app: Any) -> Table:
    """Return what each method and path of *app* needs."""
    return {_named(row): row.requirements for row in check_app(app)[1]}


def levels(app: Any) -> Table:
    """Return how grave each row of *app* is."""
    return {_named(row): row.level for row in check_app(app)[1]}


def _named(row: Row) -> str:
    example = f" as {row.example}" if row.example else ""
    return f"{row.methods} {row.path}{example}"


def told(app: Any) -> list[str]:
    """Return what is said about *app* beside its routes."""
    return [f"{one.level} {one.what}: {one.text}" for one in check_app(app)[0]]


def reported(app: Any, *words: str) -> bool:
    """Whether one finding about *app* holds all of *words*."""
    return any(all(word in line for word in words) for line in told(app))
