"""Which rule a path falls under. Rules that demand match widely, rules that give match
exactly, and a path that can be read in two ways is given nothing (RFC 3986 section 6).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from ..errors import ConfigurationError
from .scopes import scope_names

_AMBIGUOUS = re.compile(r"^(?!/)|//|/\.{1,2}(?:/|$)|[\\;%\x00-\x1f\x7f-\x9f]")
_ENCODED_SLASH = re.compile(r"%(?:2f|5c)", re.IGNORECASE)
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Z-]+")


_SHORT = 200
"""Characters of method and path. What was found for longer ones is not remembered."""


class Kind(Enum):
    """What a path asks of its callers; the first that fits wins."""

    TOKEN = "token"  # noqa: S105  # the name of a rule
    REVOCATION = "revocation"
    PROTECTED = "protected"
    OPTIONAL = "optional"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What a path asks of its callers: the same object for all paths alike."""

    kind: Kind | None
    """None: the path is ambiguous."""
    scopes: tuple[str, ...] | None
    """All that are needed; None: no rule names the path."""
    reads_token: bool = field(init=False)

    def __post_init__(self) -> None:
        reads = self.kind in (Kind.PROTECTED, Kind.OPTIONAL)
        object.__setattr__(self, "reads_token", reads)


_rule = lru_cache(maxsize=1024)(Rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRule:
    """Scopes that a path needs: all of ``require``; no ``methods`` means every one."""

    path: str
    methods: Collection[str] = ()
    require: Collection[str] = ()

    def __post_init__(self) -> None:
        problems = []
        if not isinstance(self.path, str):
            problems.append(f"scopes: path: {self.path!r} is no path")
        for name in ("methods", "require"):
            value = getattr(self, name)
            listed = (value,) if isinstance(value, str) else value
            if not isinstance(listed, Iterable) or isinstance(listed, bytes | Mapping):
                problems.append(f"scopes {self.path}: {name}: {value!r} is no list")
                listed = ()
            object.__setattr__(self, name, tuple(listed))
        for scope in self.require:
            try:
                scope_names(scope)
            except (TypeError, ValueError):
                problems.append(f"scopes {self.path}: {scope!r} is no scope")
        problems += [
            f"scopes {self.path}: {method!r} is no method, like GET"
            for method in self.methods
            if not isinstance(method, str) or not _METHOD.fullmatch(method)
        ]
        if problems:
            raise ConfigurationError(*problems)

    def takes(self, method: str) -> bool:
        """GET stands for HEAD too; a WebSocket handshake is a GET.

        Frameworks route ``post`` to what they have for ``POST``, so case is no way out.
        """
        wanted = method.upper()
        return (
            not self.methods
            or wanted in self.methods
            or (wanted == "HEAD" and "GET" in self.methods)
        )


def ambiguous(path: str, raw_path: str | None) -> bool:
    """Whether somebody else could read *path* differently from us."""
    if _AMBIGUOUS.search(path):
        return True
    if raw_path is None or "%" not in raw_path:
        return False
    return _ENCODED_SLASH.search(raw_path.partition("?")[0]) is not None


def pattern_problem(pattern: str) -> str | None:
    """Say what is wrong with a path pattern, if anything."""
    fixed = pattern.removesuffix("/*")
    if not pattern.startswith("/"):
        return f"path {pattern!r}: begins with /"
    if "*" in fixed:
        return f"path {pattern!r}: * stands only at the end, as in /notes/*"
    if _AMBIGUOUS.search(pattern):
        return f"path {pattern!r}: can be read in more than one way"
    return None


def gives(pattern: str, path: str) -> bool:
    """Exactly as written; ``/x/*`` is what lies below ``/x``, not ``/x`` itself."""
    if pattern.endswith("/*"):
        return path.startswith(pattern[:-1])
    return path == pattern


def demands(pattern: str, path: str) -> bool:
    """Whatever the case or trailing slash; ``/x/*`` includes ``/x``."""
    wanted, found = _folded(pattern.removesuffix("/*")), _folded(path)
    if pattern.endswith("/*"):
        return found == wanted or found.startswith(wanted + "/")
    return found == wanted


def covers(give: str, demand: str) -> bool:
    """Whether a giving pattern reaches a path that *demand* stands for."""
    reach = give.removesuffix("*")
    below = reach != give and _folded(demand).startswith(reach.casefold())
    return below or demands(demand, reach)


def _folded(path: str) -> str:
    return path.rstrip("/").casefold()


class PathRules:
    """The path settings of one policy, ready to be asked."""

    def __init__(
        self,
        *,
        token: Iterable[str] = (),
        revocation: Iterable[str] = (),
        optional: Iterable[str] = (),
        public: Iterable[str] = (),
        scopes: Iterable[ScopeRule] = (),
    ) -> None:
        self._token = tuple(token)
        self._revocation = tuple(revocation)
        self._optional = tuple(optional)
        self._public = tuple(public)
        self._scopes = tuple(scopes)
        self.strict = bool(self._token or self._revocation or self._scopes)
        """Whether an ambiguous path is refused."""
        self._known = lru_cache(maxsize=1024)(self._find)

    def rule(self, method: str, path: str, raw_path: str | None = None) -> Rule:
        """Return what the path asks of its callers, remembered for short ones."""
        if raw_path is not None and "%" in raw_path:  # it may hold an encoded slash
            return self._find(method, path, raw_path)
        if len(method) + len(path) > _SHORT:
            return self._find(method, path)
        return self._known(method, path)

    def _find(self, method: str, path: str, raw_path: str | None = None) -> Rule:
        return _rule(self.kind(method, path, raw_path), self.required(method, path))

    def kind(self, method: str, path: str, raw_path: str | None) -> Kind | None:
        """Return the path's kind, or None if it is ambiguous and must be refused."""
        if ambiguous(path, raw_path):
            return None if self.strict else Kind.PROTECTED
        if any(demands(pattern, path) for pattern in self._token):
            return Kind.TOKEN
        if any(demands(pattern, path) for pattern in self._revocation):
            return Kind.REVOCATION
        if self._scopes and any(
            rule.require and rule.takes(method) and demands(rule.path, path)
            for rule in self._scopes
        ):
            return Kind.PROTECTED
        if any(gives(pattern, path) for pattern in self._optional):
            return Kind.OPTIONAL
        if any(gives(pattern, path) for pattern in self._public):
            return Kind.PUBLIC
        return Kind.PROTECTED

    def required(self, method: str, path: str) -> tuple[str, ...] | None:
        """Return all scopes that the path needs, or None if no rule names it."""
        if not self._scopes:
            return ()
        rules = [
            rule
            for rule in self._scopes
            if rule.takes(method) and demands(rule.path, path)
        ]
        if not rules:
            return None
        return tuple(dict.fromkeys(s for rule in rules for s in rule.require))
