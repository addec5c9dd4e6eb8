"""Is this an access token, and meant for us? RFC 7519 section 4, RFC 9068 section 4."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from ..errors import InvalidTokenError
from .jose import Compact, names
from .messages import Facts, Principal
from .profiles import AT_JWT, Profile

Claims = Mapping[str, Any]

_LATEST = 1e15
"""Seconds; a later time is a mistake, and would not fit where times are added."""
_EARLIEST = -_LATEST
_NUMBERS = frozenset({int, float})
_NONE: frozenset[str] = frozenset()

_TYPE_CLAIMS = ("token_use", "typ", "type", "token_type", "token_class")
"""Claims in which issuers say what kind of token it is."""
_NEGATIVE_MARKS = {
    "id": "id_token", "id_token": "id_token", "idtoken": "id_token",
    "serialized-id": "id_token",
    "refresh": "refresh_token", "refresh_token": "refresh_token",
    "offline": "refresh_token", "offline_token": "refresh_token",
    "logout": "logout_token", "logout_token": "logout_token",
}  # fmt: skip

_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash")
"""Claims that only ID tokens have, where nothing marks an access token."""


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
    role_paths: tuple[str, ...] = field(init=False)
    required: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "role_paths", tuple(self._role_paths()))
        object.__setattr__(self, "required", tuple(self._required()))

    def principal(self, token: str, compact: Compact, now: float) -> Principal:
        """Check every claim and return who the token speaks for."""
        claims = compact.claims
        self.check_type(compact.header.typ, claims)
        self.check_required(claims)
        self.check_times(claims, now)
        self.check_audience(claims)
        facts = Facts(
            self.subject(claims),
            self.issuer,
            self.client(claims),
            self.scopes(claims),
            self.roles(claims),
            float(claims["exp"]),
            compact.payload,
        )
        return Principal.of(facts, token)

    def check_required(self, claims: Claims) -> None:
        """RFC 9068 section 2.2: what must be there, and is not null."""
        for name in self.required:
            if claims.get(name) is None:
                raise InvalidTokenError("missing_claim", detail=name)
        for name in ("iss", "jti"):
            if not isinstance(claims.get(name, ""), str):
                raise InvalidTokenError("malformed_claim", detail=name)

    def check_times(self, claims: Claims, now: float) -> None:
        """RFC 7519 sections 4.1.4 to 4.1.6, with leeway."""
        exp, nbf = _time(claims, "exp"), _time(claims, "nbf")
        iat = _time(claims, "iat")
        if exp is not None and exp <= now - self.leeway:
            raise InvalidTokenError("expired")
        if nbf is not None and nbf > now + self.leeway:
            raise InvalidTokenError("not_yet_valid")
        if iat is not None and iat > now + self.leeway:
            raise InvalidTokenError("issued_in_future")
        if self.max_lifetime is None:
            return
        if iat is None:
            raise InvalidTokenError("missing_claim", detail="iat")
        if exp is None or exp - iat > self.max_lifetime:
            raise InvalidTokenError("lifetime_too_long")

    def check_audience(self, claims: Claims) -> None:
        """RFC 7519 section 4.1.3: one of the audiences is ours."""
        if self.audience == "unchecked":
            return
        if claims.get("aud") is None:  # though the profile may not ask for it
            raise InvalidTokenError("missing_claim", detail="aud")
        listed = _audiences(claims)
        if listed is None:
            raise InvalidTokenError("malformed_claim", detail="aud")
        if self.audience.isdisjoint(listed):
            raise InvalidTokenError("wrong_audience")

    def check_type(self, typ: str, claims: Claims) -> None:
        """RFC 8725 section 3.11: an access token, and no other kind of token."""
        if claims.get("cnf") is not None:
            raise InvalidTokenError("bound_token")
        _refuse_others(typ, claims)
        profile = self.profile
        marked = typ in AT_JWT or _bears_mark(profile, claims)
        hinted = marked or self._hinted(claims)
        if not marked and any(name in claims for name in _OF_ID_TOKENS):
            raise InvalidTokenError("id_token")
        if profile.needs_mark and not hinted and self._for_a_client(claims):
            raise InvalidTokenError("id_token")
        if typ not in profile.header_types:
            raise InvalidTokenError("wrong_type", detail=f"typ {typ[:32]!r}")
        for name, value in profile.expect.items():
            if claims.get(name) != value:
                raise InvalidTokenError("not_access_token", detail=name)
        if profile.needs_mark and not hinted:
            raise InvalidTokenError("not_access_token")

    def _hinted(self, claims: Claims) -> bool:
        """Whether a claim is there that speaks for an access token."""
        names = (*self.profile.hints, *self.profile.scope_claims)
        if any(claims.get(name) is not None for name in names):
            return True
        # Of types alone: an expected tenant would let that tenant's ID tokens in.
        expected = self.profile.expect.items()
        return any(claims.get(n) == v for n, v in expected if n in _TYPE_CLAIMS)

    def _for_a_client(self, claims: Claims) -> bool:
        """OpenID Connect Core section 2: an ID token is meant for the client."""
        return not self.clients.isdisjoint(_audiences(claims) or ())

    def subject(self, claims: Claims) -> str:
        """RFC 7519 section 4.1.2: a non-empty string; empty where none is required."""
        subject = claims.get(self.profile.subject_claim)
        if subject is None and "sub" not in self.profile.require:
            return ""
        if subject is None:
            raise InvalidTokenError("missing_claim", detail="sub")
        if not isinstance(subject, str) or not subject:
            raise InvalidTokenError("malformed_claim", detail="sub")
        return subject

    def client(self, claims: Claims) -> str | None:
        """RFC 9068 section 2.2: the one client that the token was made for."""
        found = set()
        for name in self.profile.client_claims:
            value = claims.get(name)
            if value is None:
                continue
            if not isinstance(value, str) or not value:
                raise InvalidTokenError("malformed_claim", detail=name)
            found.add(value)
        if len(found) > 1:
            raise InvalidTokenError("client_ambiguous")
        return found.pop() if found else None

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
            if path in claims or "." in path:
                for value in _at(claims, path):
                    found.update([value] if isinstance(value, str) else names(value))
        return _shared(frozenset(found))

    def _required(self) -> Iterator[str]:
        # Always ``exp``: what never ends is a refresh token of somebody sloppy.
        for name in dict.fromkeys((*self.profile.require, "exp")):
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


def _refuse_others(typ: str, claims: Claims) -> None:
    """Refuse what says itself that it is an ID, refresh or logout token."""
    for name in _TYPE_CLAIMS:
        value = claims.get(name)
        if isinstance(value, str) and value.lower() in _NEGATIVE_MARKS:
            raise InvalidTokenError(_NEGATIVE_MARKS[value.lower()])
    if "events" in claims or typ == "logout+jwt":
        raise InvalidTokenError("logout_token")


def _audiences(claims: Claims) -> list[str] | None:
    """RFC 7519 section 4.1.3: one string, or an array of them; None for what is not."""
    aud = claims.get("aud")
    if isinstance(aud, str):
        return [aud]
    listed = isinstance(aud, list) and all(isinstance(name, str) for name in aud)
    return aud if listed else None


def _bears_mark(profile: Profile, claims: Claims) -> bool:
    for name, values in profile.marks.items():
        value = claims.get(name)
        if isinstance(value, str) and value.lower() in values:
            return True
    return False


def _time(claims: Claims, name: str) -> float | None:
    """RFC 7519 section 2, NumericDate: a JSON number, nothing that looks like one."""
    value: Any = claims.get(name)
    if type(value) in _NUMBERS and _EARLIEST < value < _LATEST:
        return value  # type: ignore[no-any-return]  # int or float, and no bool
    if value is None and (name == "exp" or name not in claims):
        return None
    raise InvalidTokenError("malformed_claim", detail=name)


def _at(value: object, path: str) -> Iterator[object]:
    """Walk a dotted path; a claim name may hold dots, so the longest name wins."""
    if not isinstance(value, dict):
        return
    if path in value:
        yield value[path]
        return
    for at in range(len(path) - 1, 0, -1):
        if path[at] == "." and path[:at] in value:
            yield from _at(value[path[:at]], path[at + 1 :])
            return
