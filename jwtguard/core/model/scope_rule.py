"""What a path requires: scopes (RFC 6749 section 3.3) and the login (RFC 9470)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .methods import check_methods, takes
from .naming import acr_names, scope_names
from .patterns import AMBIGUOUS
from .validation import Problems, Where, check_number

# Read literally, `/users/{id}` would protect a path that does not exist.
_PLACEHOLDER = re.compile(r"[{}<>]|^:")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRule:
    """The scopes and the login that a path requires.

    ``methods``, ``require`` and ``acr`` may be given as one string or any iterable of
    strings.
    Raises ``ConfigurationError`` with every problem.
    """

    path: str
    """A pattern: ``*`` is one segment, a final ``/*`` is everything below."""
    methods: tuple[str, ...] = ()
    """Methods that the rule applies to, in capitals; empty: all. GET includes HEAD."""
    require: tuple[str, ...] = ()
    """Scopes of which the token must hold every one (RFC 6749 section 3.3)."""
    acr: tuple[str, ...] = ()
    """Authentication contexts of which the token must have one, the preferred first
    (RFC 9470 section 3)."""
    max_age: int | None = None
    """How long ago the user may have signed in, in seconds (RFC 9470 section 3)."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            path: str,
            methods: Iterable[str] = (),
            require: Iterable[str] = (),
            acr: Iterable[str] = (),
            max_age: int | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        problems = Problems()
        where = ("scopes", str(self.path))
        path = f"{self.path!r}: must be a string"
        problems.check(isinstance(self.path, str), ("scopes", "", "path"), path)
        for name in ("methods", "require", "acr"):
            value = getattr(self, name)
            listed = (value,) if isinstance(value, str) else value
            if not isinstance(listed, Iterable) or isinstance(listed, bytes | Mapping):
                problems.add((*where, name), f"must be a list, not {value!r}")
                listed = ()
            object.__setattr__(self, name, tuple(listed))
        self._check(where, problems)
        problems.raise_if_any()

    def _check(self, where: Where, problems: Problems) -> None:
        for scope in self.require:
            try:
                scope_names(scope)
            except (TypeError, ValueError):
                problems.add((*where, "require"), f"{scope!r} is not a valid scope")
        for name in self.acr:
            try:
                acr_names(name)
            except (TypeError, ValueError):
                problems.add((*where, "acr"), f"{name!r} is not a valid acr value")
        check_methods(self.methods, where, problems)
        if self.max_age is not None:
            # Zero would be over before the token is made.
            check_number(problems, (*where, "max_age"), self.max_age, 1, whole=True)

    def takes(self, method: str) -> bool:
        """Whether the rule applies to *method*."""
        return takes(self.methods, method)

    @property
    def demands(self) -> bool:
        """Whether it asks for more than any token."""
        return bool(self.require or self.acr or self.max_age is not None)


def pattern_problem(pattern: str) -> str | None:
    """Say what is wrong with a path pattern, if anything."""
    what, parts = f"path {pattern!r}", pattern.split("/")
    if not pattern.startswith("/"):
        return f"{what}: must begin with /"
    if any(_PLACEHOLDER.search(part) for part in parts):
        plain = "/".join("*" if _PLACEHOLDER.search(part) else part for part in parts)
        return (
            f"{what}: placeholders of a framework are not known here; * stands for one "
            f"whole segment and a final /* for everything below: write {plain}"
        )
    if any("*" in part and part != "*" for part in parts):
        return (
            f"{what}: * stands for one whole segment, as in /users/*/keys, or at the "
            "end for everything below, as in /notes/*"
        )
    if "?" in pattern or "#" in pattern:
        return f"{what}: names a path only, without query or fragment"
    if AMBIGUOUS.search(pattern):
        return f"{what}: can be read in more than one way"
    return None
