"""What the claims of a token must say where a path asks for it (RFC 7519 section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from .methods import check_methods, takes
from .validation import NOT_EMPTY, Problems, Where, set_frozen, strings

Scalar = str | int | float | bool
Allowed = tuple[str, tuple[Scalar, ...]]
"""A claim, and the values of which it must have one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClaimRule:
    """Claims that the token must have on a path: all of them.

    ``claims`` maps each claim to a value, or to a list of values of which it must have
    one; dots lead into objects. ``methods`` may be given as one string or any iterable
    of strings. Raises ``ConfigurationError`` with every problem.
    """

    path: str
    """A pattern: ``*`` is one segment, a final ``/*`` is everything below."""
    claims: tuple[Allowed, ...]
    methods: tuple[str, ...] = ()
    """Methods that the rule applies to, in capitals; empty: all. GET includes HEAD."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            path: str,
            claims: Mapping[str, Scalar | Iterable[Scalar]] | tuple[Allowed, ...],
            methods: Iterable[str] = (),
        ) -> None: ...

    def __post_init__(self) -> None:
        problems = Problems()
        where = ("rules", str(self.path))
        good = isinstance(self.path, str) and self.path
        problems.check(good, ("rules", "", "path"), f"{self.path!r}: {NOT_EMPTY}")
        methods = strings(self.methods, (*where, "methods"), problems)
        check_methods(methods, where, problems)
        claims = tuple(_claims(self.claims, (*where, "claims"), problems))
        problems.raise_if_any()
        set_frozen(self, methods=methods, claims=claims)

    def __eq__(self, other: object) -> bool:
        """Compare the kinds of the values too: ``1`` and ``True`` are two rules."""
        return isinstance(other, ClaimRule) and self._says() == other._says()

    def __hash__(self) -> int:
        """Return the same for equal rules."""
        return hash((self.path, self.claims, self.methods))

    def _says(self) -> tuple[object, ...]:
        kinds = [type(value) for _, values in self.claims for value in values]
        return self.path, self.claims, self.methods, kinds

    def takes(self, method: str) -> bool:
        """Whether the rule applies to *method*."""
        return takes(self.methods, method)

    @property
    def demands(self) -> bool:
        """Whether it asks for more than any token: it always does."""
        return True

    @property
    def names(self) -> tuple[str, ...]:
        """The claims that it looks at."""
        return tuple(name for name, _ in self.claims)


def same(found: object, wanted: object) -> bool:
    """Compare without conversion: 1, 1.0, true and "1" are four values.

    An array never equals a value: a token that says ``["eu", "us"]`` where one region
    was meant is not simply one of ``eu``.
    """
    return type(found) is type(wanted) and found == wanted


def _claims(value: Any, where: Where, problems: Problems) -> Iterable[Allowed]:
    items = value.items() if isinstance(value, Mapping) else value
    if not items or not isinstance(items, Iterable) or isinstance(items, str | bytes):
        text = 'must be a table of claims and values, like { region = "eu" }'
        problems.add(where, text)
        return
    for item in items:
        if not isinstance(item, tuple) or len(item) != 2:
            problems.add(where, f"{item!r}: expected a claim and its values")
            continue
        name, wanted = item
        if not isinstance(name, str) or not name:
            problems.add(where, f"{name!r}: {NOT_EMPTY}")
        elif isinstance(wanted, Mapping):
            inner = next(iter(wanted), "...")
            text = f'write a name with dots in quotes: "{name}.{inner}"'
            problems.add((*where, name), text)
        else:
            yield name, tuple(_values(wanted, (*where, name), problems))


def _values(wanted: Any, where: Where, problems: Problems) -> Iterable[Scalar]:
    several = isinstance(wanted, list | tuple | set | frozenset)
    values = tuple(wanted) if several else (wanted,)
    # An empty list would refuse everybody, or nobody: neither is what was meant.
    problems.check(values, where, "at least one value is needed")
    for value in values:
        text = f"{value!r} is not valid; expected a string, a number, true or false"
        good = isinstance(value, bool) or (isinstance(value, str) and value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            good = isfinite(value)
        problems.check(good, where, text)
        if good:
            yield value
