"""The access tokens that were issued: JWTs (RFC 9068), or opaque tokens.

Revocation (RFC 7009) ends them, and introspection (RFC 7662) says which are active.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any

import jwt

from ..core.verify.jose import parse
from ..errors import AuthError
from .keys import Keys
from .store import OAuthClient, Store

TYPE = "at+jwt"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One access token that is good now."""

    claims: dict[str, Any]

    def check_client(self, client: OAuthClient) -> bool:
        """Whether it was issued to *client*."""
        found: bool = self.claims["client_id"] == client.get_client_id()
        return found


class AccessTokens:
    """Issues access tokens, finds them again, and ends them before their time."""

    def __init__(self, issuer: str, keys: Keys, store: Store) -> None:
        self._issuer = issuer
        self._keys = keys
        self._store = store
        self._lock = Lock()
        self._opaque: dict[str, dict[str, Any]] = {}
        self._ended: dict[str, float] = {}
        """The ``jti`` of tokens that were revoked, and when they would expire."""

    def issue(self, claims: dict[str, Any]) -> str:
        """Return a new token with *claims*."""
        if not self._store.settings.opaque:
            return self._keys.sign(TYPE, claims)
        token = f"opaque_{secrets.token_urlsafe(32)}"
        with self._lock:
            self._forget()
            self._opaque[token] = claims
        return token

    def find(self, token: str) -> AccessToken | None:
        """Return *token* if it is good now: neither expired nor ended."""
        claims = self._opaque.get(token) or self._signed(token)
        if claims is None or claims["exp"] <= time.time():
            return None
        over = self._store.session(claims["sid"]) is None
        return None if over or claims["jti"] in self._ended else AccessToken(claims)

    def end(self, token: AccessToken) -> None:
        """End *token*; its session goes on."""
        with self._lock:
            self._forget()
            self._ended[token.claims["jti"]] = token.claims["exp"]

    def answer_about(self, token: str) -> dict[str, Any]:
        """Return what introspection says of *token* (RFC 7662 section 2.2)."""
        found = self.find(token)
        if found is None:
            return {"active": False}
        kind = "DPoP" if "cnf" in found.claims else "Bearer"  # RFC 9449 section 6.2
        return {"active": True, "token_type": kind, **found.claims}

    def _signed(self, token: str) -> dict[str, Any] | None:
        """Return the claims of an access token of this issuer; None for others."""
        try:
            typ = parse(token).header.typ
        except AuthError:
            return None
        for key in self._keys.public()["keys"] if typ == TYPE else ():
            try:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    jwt.PyJWK(key),
                    algorithms=[self._keys.alg],
                    issuer=self._issuer,
                    options={"verify_aud": False},
                )
            except jwt.InvalidTokenError:
                continue
            return claims
        return None

    def _forget(self) -> None:
        """Drop those whose time is over."""
        now = time.time()
        for jti in [jti for jti, ends in self._ended.items() if ends <= now]:
            del self._ended[jti]
        over = [name for name, claims in self._opaque.items() if claims["exp"] <= now]
        for name in over:
            del self._opaque[name]
