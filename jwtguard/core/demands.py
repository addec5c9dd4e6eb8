"""What a handler demands of its caller, written on the handler itself.

Decorators leave the mark; ``jwtguard check`` reads it. Nothing is decided by it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from . import scopes
from .messages import Principal

Rule = Callable[[Principal | None, tuple[str, ...]], Principal]

_MARK = "__jwtguard__"
_WORDS: dict[Rule, tuple[str, str]] = {
    scopes.require_all: ("scope ", " and "),
    scopes.require_any: ("scope ", " or "),
    scopes.require_roles: ("role ", " and "),
}


class Demand(NamedTuple):
    """A rule of ``scopes.py``, and the names that it is asked with."""

    rule: Rule
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in words: ``scope notes:read``, ``role admin``, ``any token``."""
        if not self.names:
            return "any token"
        first, between = _WORDS[self.rule]
        return first + between.join(self.names)

    def check(self, principal: Principal | None) -> Principal:
        """Return *principal* if it meets the demand; raise ``AuthError``."""
        return self.rule(principal, self.names)


ANY_TOKEN = Demand(scopes.require_principal)


def mark(handler: Any, demand: Demand) -> None:
    """Write *demand* on *handler*, beside what stands there already."""
    setattr(handler, _MARK, (demand, *demands_of(handler)))


def demands_of(handler: Any) -> tuple[Demand, ...]:
    """Read what is written on *handler*, the outermost demand first."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    found: tuple[Demand, ...] = getattr(handler, _MARK, ())
    return found
