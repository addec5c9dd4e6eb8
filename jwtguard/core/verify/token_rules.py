"""What one issuer's tokens must say, and how their grants are read (RFC 9068)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from ..model.claim_rule import same
from ..model.encoding import names
from ..model.profiles import AT_JWT, UNMARKED, Profile
from .jose import Compact

Claims = Mapping[str, Any]

TYPE_CLAIMS = ("token_use", "typ", "type", "token_type", "token_class")
"""Claims in which issuers say what kind of token it is."""
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What one issuer's tokens must say: its profile and the policy, put together.

    ``clients`` are the ids that the policy lists: who an ID token would be meant for.
    """

    issuer: str
    profile: Profile
    audience: frozenset[str] | Literal["unchecked"]
    algorithms: Collection[str]
    leeway: float
    max_lifetime: float | None = None
    clients: frozenset[str] = frozenset()
    ends: bool = True
    """Whether ``exp`` is required. An issuer's answer about a token may lack it."""
    tenant: str | None = None
    """The tenant, if the issuer in the policy has several."""
    role_paths: tuple[str, ...] = field(init=False)
    required: tuple[str, ...] = field(init=False)
    """The claims that must be there."""
    marking: tuple[str, ...] = field(init=False)
    """The claims whose presence speaks for an access token, or those of ``mark``."""

    needs_mark: bool = field(init=False)
    """Whether something has to tell its access tokens from its ID tokens."""
    suspicious_audiences: frozenset[str] = field(init=False)
    """Clients; a token without a mark that is meant for one of them is an ID token."""

    def __post_init__(self) -> None:
        profile, own = self.profile, self.profile.mark
        object.__setattr__(self, "role_paths", tuple(self._role_paths()))
        object.__setattr__(self, "required", tuple(self._required()))
        marking = (*profile.scope_claims, *profile.hints)
        if own is not None:
            marking = tuple(self.own_mark)
        object.__setattr__(self, "marking", marking)
        needed = profile.needs_mark if own is None else own != UNMARKED
        object.__setattr__(self, "needs_mark", needed)
        # Also where a mark of the operator's own says that none is needed.
        told = profile.needs_mark or own is not None
        object.__setattr__(
            self, "suspicious_audiences", self.clients if told else _NONE
        )

    def expected(self, claims: Claims) -> Mapping[str, str]:
        """Return the claims that are compared with one value, and that value."""
        expect, bound = self.profile.expect, self.profile.expect_bound
        cnf = claims.get("cnf")
        if not bound or not isinstance(cnf, dict) or "jkt" not in cnf:
            return expect
        return {name: bound.get(name, value) for name, value in expect.items()}

    def is_marked(self, compact: Compact) -> bool:
        """Whether the token bears what only access tokens of the profile bear."""
        if self.profile.mark is not None:
            return self.has_own_mark(compact)
        if compact.header.typ in AT_JWT:
            return True
        for name, values in self.profile.marks.items():
            value = compact.claims.get(name)
            if isinstance(value, str) and value.lower() in values:
                return True
        return False

    def is_hinted(self, compact: Compact) -> bool:
        """Whether a mark or a claim is there that speaks for an access token."""
        if self.profile.mark is not None:
            return self.has_own_mark(compact)
        claims = compact.claims
        for name in self.marking:
            if claims.get(name) is not None:
                return True
        if self.is_marked(compact):
            return True
        # Of types alone: an expected tenant would let that tenant's ID tokens in.
        expected = self.profile.expect.items()
        return any(claims.get(n) == v for n, v in expected if n in TYPE_CLAIMS)

    @property
    def own_mark(self) -> Mapping[str, str | int | bool]:
        """The claims of the issuer's ``mark``; empty if it has none."""
        mark = self.profile.mark
        return mark if isinstance(mark, Mapping) else {}

    def has_own_mark(self, compact: Compact) -> bool:
        """Whether each claim of the issuer's ``mark`` has exactly its value."""
        mark = self.own_mark
        return bool(mark) and all(
            any(same(found, value) for found in values_at(compact.claims, name))
            for name, value in mark.items()
        )

    def client(self, claims: Claims) -> str | None:
        """RFC 9068 section 2.2: the client of claims that name one at most."""
        for name in self.profile.client_claims:
            value = claims.get(name)
            if value is not None:
                return value  # type: ignore[no-any-return]  # a string, once checked
        return None

    def scopes(self, claims: Claims) -> frozenset[str]:
        """RFC 9068 section 2.2.3: the first claim that is there, never a union."""
        for name in self.profile.scope_claims:
            value = claims.get(name)
            if isinstance(value, str):
                return _listed(value)
            if value is not None:
                return frozenset(names(value))
        return _NONE

    def roles(self, claims: Claims) -> frozenset[str]:
        """RFC 9068 section 2.2.3.1: all that the role claims list."""
        found: set[str] = set()
        for path in self.role_paths:
            # Most tokens have no roles: the walk along the dots is for those that may.
            if path in claims or "." in path:
                for value in values_at(claims, path):
                    found.update(self._roles_in(value))
        return _shared(frozenset(found)) if found else _NONE

    def _roles_in(self, value: object) -> Collection[str]:
        if isinstance(value, str):
            return [value]
        if isinstance(value, dict) and self.profile.roles_from == "keys":
            return names(list(value))
        return names(value)

    def _required(self) -> Iterator[str]:
        # What never ends is a refresh token of somebody sloppy.
        always = ("exp",) if self.ends else ()
        for name in dict.fromkeys((*self.profile.require, *always)):
            if name != "aud" or self.audience != "unchecked":
                yield self.profile.subject_claim if name == "sub" else name

    def _role_paths(self) -> Iterator[str]:
        audiences = () if self.audience == "unchecked" else self.audience
        for path in self.profile.role_claims:
            if "{audience}" in path:
                yield from (path.replace("{audience}", name) for name in audiences)
            else:
                yield path


@lru_cache(maxsize=256)
def _listed(scope: str) -> frozenset[str]:
    """Few scope strings go round, in many tokens: one set serves them all."""
    return frozenset(names(scope))


@lru_cache(maxsize=256)
def _shared(roles: frozenset[str]) -> frozenset[str]:
    """Return the set that was seen first among equals: many people have few roles."""
    return roles


def audiences(claims: Claims) -> list[str] | None:
    """RFC 7519 section 4.1.3: one string, or an array of them; None for what is not."""
    aud = claims.get("aud")
    if isinstance(aud, str):
        return [aud]
    listed = isinstance(aud, list) and all(isinstance(name, str) for name in aud)
    return aud if listed else None


def values_at(value: object, path: str) -> Iterator[object]:
    """Walk a dotted path; a claim name may hold dots, so the longest name wins."""
    if not isinstance(value, dict):
        return
    if path in value:
        yield value[path]
        return
    # Auth0 names claims by URL, as in https://example.com/roles: the dots there
    # separate nothing.
    for at in range(len(path) - 1, 0, -1):
        if path[at] == "." and path[:at] in value:
            yield from values_at(value[path[:at]], path[at + 1 :])
            return
