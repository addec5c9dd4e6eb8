"""Which rule applies to a path. An ambiguous path is never public."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from ..model.claim_rule import ClaimRule
from ..model.patterns import ambiguous, demanded_by, folded, given_by
from ..model.request import Request
from ..model.scope_rule import ScopeRule
from .demands import NOTHING, Demands, demands_of

_SHORT = 200

"""Characters of method and path. What was found for longer ones is not remembered."""


_METADATA = re.compile(r"/\.well-known/(?:oauth-|openid-configuration(?:/|$))")
"""RFC 9728 section 3.1, RFC 8414 section 3: what clients read before they sign in."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Kind(Enum):
    """What a path requires of its callers; the first match wins."""

    TOKEN = "token"  # noqa: S105  # the name of a rule
    REVOCATION = "revocation"
    LOGOUT = "logout"
    SESSION = "session"
    METADATA = "metadata"
    PROTECTED = "protected"
    OPTIONAL = "optional"
    PUBLIC = "public"


OPEN = frozenset({Kind.SESSION, Kind.METADATA, Kind.PUBLIC})
"""Kinds of paths where no token is read."""


@dataclass(frozen=True, slots=True, eq=False)
class PathAccess:
    """What a path asks of its callers: the same object for all paths alike."""

    kind: Kind | None
    """None: the path is ambiguous."""
    scopes: tuple[str, ...] | None
    """All that are needed; None: no rule names the path."""
    acr: tuple[str, ...] | None = None
    """One of these authentication contexts is needed (RFC 9470); None: any will do."""
    max_age: int | None = None
    """Seconds since the user has signed in (RFC 9470)."""
    rules: tuple[ClaimRule, ...] = ()
    """The claims that are needed."""
    live: bool = False
    """Whether the issuer has to call the token active (RFC 7662)."""
    openable: bool = field(init=False)
    """A handler may say that it needs no token: no rule asks for anything here."""
    reads_token: bool = field(init=False)
    """A token is read there, and what is known of it may be enough.

    How long ago the user signed in has to be judged on each use, which the full flow
    does: the fast path pays nothing for it.
    """

    def __post_init__(self) -> None:
        reads = self.kind in (Kind.PROTECTED, Kind.OPTIONAL) and not self.live
        enough = reads and self.max_age is None
        object.__setattr__(self, "reads_token", enough)
        asks = Demands(self.scopes, self.acr, self.max_age, self.rules).any
        opens = self.kind is Kind.PROTECTED and not asks
        object.__setattr__(self, "openable", opens)

    def opened(self, kind: str) -> PathAccess:
        """Return what a handler that is *kind*, public or optional, makes of the path.

        What a rule asks for stays: rules outweigh what a handler says.
        """
        if not self.openable:
            return self
        return _rule(Kind(kind), self.scopes, live=self.live)


_rule = lru_cache(maxsize=1024)(PathAccess)


class PathRules:
    """The path settings of one policy, ready to be asked."""

    def __init__(
        self,
        *,
        token: Iterable[str] = (),
        revocation: Iterable[str] = (),
        logout: Iterable[str] = (),
        optional: Iterable[str] = (),
        public: Iterable[str] = (),
        login: str | None = None,
        session: Iterable[str] = (),
        scopes: Iterable[ScopeRule] = (),
        rules: Iterable[ClaimRule] = (),
        live: Iterable[str] = (),
        metadata: bool = False,
    ) -> None:
        self._token = tuple(token)
        self._revocation = tuple(revocation)
        self._logout = tuple(logout)
        self._session = tuple(session)
        self._optional = tuple(optional)
        self._public = (*public, *((login,) if login else ()))
        self._scopes = tuple(scopes)
        self._rules = tuple(rules)
        self._live = tuple(live)
        self._metadata = metadata
        self.strict = bool(
            self._token
            or self._revocation
            or self._logout
            or self._session
            or self._scopes
            or self._rules
            or self._live
        )
        """Whether an ambiguous path is refused."""
        self._known = lru_cache(maxsize=1024)(self._find)

    def access(self, request: Request) -> PathAccess:
        """Return what the settings, and the handler itself, ask of *request*."""
        rule = self.rule(request.method, request.path, request.raw_path, request.root)
        return rule.opened(request.opened) if request.opened else rule

    def rule(
        self, method: str, path: str, raw_path: str | None = None, root: str = ""
    ) -> PathAccess:
        """Return what the path asks of its callers, remembered for short ones."""
        # Such paths are rare and easily made up in any number: they get no place in the
        # cache.
        if raw_path is not None and "%" in raw_path:  # it may hold an encoded slash
            return self._find(method, path, root, raw_path)
        # The cache holds 1024 entries; with paths of 8 KB, strangers could make it hold
        # 8 MB.
        if len(method) + len(path) + len(root) > _SHORT:
            return self._find(method, path, root)
        return self._known(method, path, root)

    def _find(
        self, method: str, path: str, root: str, raw_path: str | None = None
    ) -> PathAccess:
        kind = self.kind(method, path, raw_path, root)
        live = bool(self._live) and self._is_live(path, root)
        return _rule(kind, *self.demands(method, path, root), live)

    def _is_live(self, path: str, root: str) -> bool:
        """Whether the path is one of those, with its *root* or without."""
        below, whole = folded(path), folded(root + path)
        return any(demanded_by(p, below) or demanded_by(p, whole) for p in self._live)

    def kind(
        self, method: str, path: str, raw_path: str | None, root: str = ""
    ) -> Kind | None:
        """Return the path's kind, or None if it is ambiguous and must be refused."""
        # Where no rule depends on the path, nothing can be evaded, and old URLs with
        # `;` keep working.
        if ambiguous(path, raw_path):
            return None if self.strict else Kind.PROTECTED
        if self._metadata and method in _READS and _METADATA.match(path):
            return Kind.METADATA
        wide, exact = folded(path), path.split("/")
        # What restricts comes first and matches widely, what opens comes last and
        # matches exactly: a mistake then refuses too much.
        if any(demanded_by(pattern, wide) for pattern in self._token):
            return Kind.TOKEN
        if any(demanded_by(pattern, wide) for pattern in self._revocation):
            return Kind.REVOCATION
        if any(demanded_by(pattern, wide) for pattern in self._logout):
            return Kind.LOGOUT
        if any(demanded_by(pattern, wide) for pattern in self._session):
            return Kind.SESSION
        if self.demands(method, path, root).any:
            return Kind.PROTECTED
        if any(given_by(pattern, exact) for pattern in self._optional):
            return Kind.OPTIONAL
        if any(given_by(pattern, exact) for pattern in self._public):
            return Kind.PUBLIC
        return Kind.PROTECTED

    def demands(self, method: str, path: str, root: str = "") -> Demands:
        """Return all that the rules ask for that name the path.

        A rule that asks for something may also name the path with its *root*: an
        application that leaves the root where it is routes on that.
        """
        if not self._scopes and not self._rules:
            return NOTHING
        matching = self._matching(method, path, root)
        scopes = [*filter(matching, self._scopes)] if self._scopes else None
        return demands_of(scopes, filter(matching, self._rules))

    def naming(self, method: str, path: str, root: str = "") -> tuple[str, ...]:
        """Return the patterns of the rules that ask something of the path."""
        matching = self._matching(method, path, root)
        rules: tuple[ScopeRule | ClaimRule, ...] = (*self._scopes, *self._rules)
        found = [rule.path for rule in rules if rule.demands and matching(rule)]
        return tuple(dict.fromkeys(found))

    def _matching(
        self, method: str, path: str, root: str
    ) -> Callable[[ScopeRule | ClaimRule], bool]:
        below, whole = folded(path), folded(root + path) if root else []

        def names(rule: ScopeRule | ClaimRule) -> bool:
            return rule.takes(method) and (
                demanded_by(rule.path, below)
                or (root != "" and rule.demands and demanded_by(rule.path, whole))
            )

        return names
