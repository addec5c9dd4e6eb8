"""What ``jwtguard check`` says of an application, ready to be compared."""

from __future__ import annotations

from typing import Any

from jwtguard.check import check_app

Table = dict[str, str]


def table(app: Any) -> Table:
    """Return what each method and path of *app* needs."""
    return {f"{row.methods} {row.path}": row.demands for row in check_app(app)[1]}


def levels(app: Any) -> Table:
    """Return how grave each row of *app* is."""
    return {f"{row.methods} {row.path}": row.level for row in check_app(app)[1]}


def told(app: Any) -> list[str]:
    """Return what is said about *app* beside its routes."""
    return [f"{one.level} {one.what}: {one.text}" for one in check_app(app)[0]]


def said(app: Any, *words: str) -> bool:
    """Whether one finding about *app* holds all of *words*."""
    return any(all(word in line for word in words) for line in told(app))
