"""RFC 6749 section 3.3: the scopes that a path requires, as a setting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .naming import scope_names
from .patterns import AMBIGUOUS
from .validation import Problems

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Z-]+")

# Read literally, `/users/{id}` would protect a path that does not exist.
_PLACEHOLDER = re.compile(r"[{}<>]|^:")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRule:
    """The scopes that a path requires.

    ``methods`` and ``require`` may be given as one string or any iterable of strings.
    Raises ``ConfigurationError`` with every problem.
    """

    path: str
    """A pattern: ``*`` is one segment, a final ``/*`` is everything below."""
    methods: tuple[str, ...] = ()
    """Methods that the rule applies to, in capitals; empty: all. GET includes HEAD."""
    require: tuple[str, ...] = ()
    """Scopes of which the token must hold every one (RFC 6749 section 3.3)."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            path: str,
            methods: Iterable[str] = (),
            require: Iterable[str] = (),
        ) -> None: ...

    def __post_init__(self) -> None:
        problems = Problems()
        where = ("scopes", str(self.path))
        path = f"{self.path!r}: must be a string"
        problems.check(isinstance(self.path, str), ("scopes", "", "path"), path)
        for name in ("methods", "require"):
            value = getattr(self, name)
            listed = (value,) if isinstance(value, str) else value
            if not isinstance(listed, Iterable) or isinstance(listed, bytes | Mapping):
                problems.add((*where, name), f"must be a list, not {value!r}")
                listed = ()
            object.__setattr__(self, name, tuple(listed))
        for scope in self.require:
            try:
                scope_names(scope)
            except (TypeError, ValueError):
                problems.add((*where, "require"), f"{scope!r} is not a valid scope")
        for method in self.methods:
            good = isinstance(method, str) and _METHOD.fullmatch(method)
            text = f"{method!r} is not a valid method; expected one like GET"
            problems.check(good, (*where, "methods"), text)
        problems.raise_if_any()

    def takes(self, method: str) -> bool:
        """GET stands for HEAD too; a WebSocket handshake is a GET.

        Frameworks route ``post`` to what they have for ``POST``, so another case must
        not escape the rule.
        """
        wanted = method.upper()
        return (
            not self.methods
            or wanted in self.methods
            or (wanted == "HEAD" and "GET" in self.methods)
        )


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
